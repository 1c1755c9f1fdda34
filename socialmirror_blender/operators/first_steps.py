"""Operators for the first minutes: the sample clip, the view of a result, and the scene's settings as the clip has them."""

from __future__ import annotations

import bpy

from ...core.contract.errors import UserError
from .. import scene as scenes
from ..properties import settings_of
from ..reconstructions import require_folder, require_reconstruction
from ..runtime import paths, session
from ..take_files import load_take
from ..viewing import show_result
from .reporting import OnIdleReconstruction, OnReconstruction, OperatorReturn, reports_errors


class SOCIALMIRROR_OT_try_sample(bpy.types.Operator):
    bl_idname = "socialmirror.try_sample"
    bl_label = "Try the Sample"
    bl_description = "Use the clip that comes with SocialMirror: 6 seconds of a handshake and a hug"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        clip = paths.sample_clip()
        if not clip.is_file():
            raise UserError("no-sample", f"The sample is missing: {clip}.", "Install SocialMirror again.")
        settings = settings_of(context)
        settings.source, settings.filepath, settings.use_range = "FILE", str(clip), False
        session.redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_show_result(OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.show_result"
    bl_label = "Show Result"
    bl_description = "Look through the clip's camera, at a frame of the clip, with the armature of Person A selected"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        scenes.use_camera(context.scene, collection)
        show_result(context, collection)
        return {"FINISHED"}


class SOCIALMIRROR_OT_match_scene(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.match_scene"
    bl_label = "Match Scene to Clip"
    bl_description = (
        "Set the scene's frame rate, resolution and frame range to those of the clip, and move the keys of the result along. "
        "Your other animation stays on its frames"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        folder = require_folder(collection)
        shown = load_take(folder, scenes.read_state(collection).take)
        scenes.match_scene_to_clip(context.scene, collection, folder, shown)
        return {"FINISHED"}


CLASSES = (SOCIALMIRROR_OT_try_sample, SOCIALMIRROR_OT_show_result, SOCIALMIRROR_OT_match_scene)
