"""Operators on the correction of the clip's camera."""

from __future__ import annotations

import math

import bpy

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from ...core.contract.requests import MAX_FOV, MIN_FOV
from .. import scene as scenes
from ..camera_events import follow_camera
from ..properties import settings_of
from ..reconstruction_properties import contact_list, set_correction
from ..reconstructions import require_folder, require_reconstruction
from ..scene.actions import require_takes
from ..scene.camera_correction import CameraCorrection
from ..scene.correction_state import read_stance
from ..scene.objects import require_no_control_rig
from .reporting import OnIdleReconstruction, OperatorReturn, reports_errors


class SOCIALMIRROR_OT_reset_camera(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.reset_camera"
    bl_label = "Reset Camera"
    bl_description = "Reset to the estimated camera"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        require_folder(collection)
        require_no_control_rig(collection)
        require_takes(scenes.rig_of(collection, person) for person in range(PEOPLE))
        set_correction(contact_list(collection), CameraCorrection())
        follow_camera(collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_know_camera(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.know_camera"
    bl_label = "Use as Known Camera"
    bl_description = (
        "Copy this camera to the settings, so that the next Reconstruct takes it as known. Refine uses it in any case"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        stance, settings = read_stance(require_reconstruction(context)), settings_of(context)
        if stance is None:
            raise UserError(
                "no-camera",
                "This take was imported by an earlier version, which did not note its camera.",
                "Choose the take again under Take.",
            )
        settings.know_camera = True
        settings.camera_pitch, settings.camera_roll = math.degrees(stance.pitch), math.degrees(stance.roll)
        settings.camera_height = stance.height
        settings.fov = min(max(math.degrees(stance.fov), MIN_FOV), MAX_FOV)
        self.report({"INFO"}, "Copied the camera to Settings > Known Camera")
        return {"FINISHED"}


CLASSES = (SOCIALMIRROR_OT_reset_camera, SOCIALMIRROR_OT_know_camera)
