"""Operators on the list of foot contacts."""

from __future__ import annotations

from typing import cast

import bpy

from ...core.contract.foot_contact import FOOT_MODES, FootMode
from .. import scene as scenes
from ..reconstructions import require_reconstruction
from ..scene.foot_list import set_foot_mode
from .reporting import OnReconstruction, OperatorReturn, reports_errors

MODE_ITEMS = [(mode, mode.capitalize(), "") for mode in FOOT_MODES]


class SOCIALMIRROR_OT_feet_mode(OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.feet_mode"
    bl_label = "Set All Feet"
    bl_description = "Lock all listed feet to the floor, let them slide, or leave them as reconstructed. Refine does it"
    bl_options = {"REGISTER", "UNDO"}

    mode: bpy.props.EnumProperty(name="Mode", items=MODE_ITEMS)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        count = set_foot_mode(require_reconstruction(context), cast("FootMode", self.mode))
        self.report({"INFO"}, f"{count} foot contacts are set")
        return {"FINISHED"}


class SOCIALMIRROR_OT_foot_jump(OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.foot_jump"
    bl_label = "Go to Foot Contact"
    bl_description = "Go to the frame in which the foot is set down"
    bl_options = {"REGISTER", "UNDO"}

    frame: bpy.props.IntProperty(options={"HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        timing = scenes.read_state(require_reconstruction(context)).timing
        context.scene.frame_set(timing.scene_range(self.frame, self.frame)[0])
        return {"FINISHED"}


CLASSES = (SOCIALMIRROR_OT_feet_mode, SOCIALMIRROR_OT_foot_jump)
