"""Operators for the first minutes: choosing a clip, the view of a result, and the scene's settings as the clip has them."""

from __future__ import annotations

import bpy
from bpy.props import StringProperty

from ...core.contract.errors import UserError
from .. import scene as scenes
from ..picked_people import is_same_movie
from ..properties import settings_of, user_prompt
from ..reconstructions import (
    key_for_scene_rate,
    key_others_for_scene_rate,
    require_folder,
    require_reconstruction,
)
from ..relative_paths import as_preferred
from ..runtime import paths
from ..runtime.redraw import redraw
from ..take_files import load_take
from ..viewing import show_result
from .reporting import OnIdleReconstruction, OnReconstruction, OperatorReturn, reports_errors


class SOCIALMIRROR_OT_try_sample(bpy.types.Operator):
    bl_idname = "socialmirror.try_sample"
    bl_label = "Try the Sample"
    bl_description = (
        "Use the clip that comes with SocialMirror, 6 seconds of a handshake and a hug, with a prompt for it"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        clip = paths.sample_clip()
        if not clip.is_file():
            raise UserError("no-sample", f"The sample is missing: {clip}.", "Install SocialMirror again.")
        settings = settings_of(context)
        settings.source, settings.filepath, settings.use_range = "FILE", str(clip), False
        if user_prompt(settings) is None:
            settings.prompt = paths.sample_prompt()
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_use_clip(bpy.types.Operator):
    bl_idname = "socialmirror.use_clip"
    bl_label = "Use as SocialMirror Clip"
    bl_description = "Use a movie file as the clip to reconstruct"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        settings = settings_of(context)
        if not is_same_movie(settings.filepath, self.filepath):
            settings.use_range = False  # its frames are those of another movie
        settings.source, settings.filepath = "FILE", as_preferred(self.filepath)
        redraw()
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
        "Set the scene's frame rate, resolution and frame range to those of the clip, and move the keys of this and the scene's "
        "other results along. Your other animation stays on its frames"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        folder = require_folder(collection)
        state = scenes.read_state(collection)
        scenes.match_scene_to_clip(context.scene, collection, folder, load_take(folder, state.take))
        matched = scenes.read_state(collection)
        if not scenes.is_same_rate(state.timing.timeline.frame_rate, matched.timing.timeline.frame_rate):
            scenes.set_strip(collection, "")
        for sentence in key_others_for_scene_rate(context.scene, collection):
            self.report({"WARNING"}, sentence)
        return {"FINISHED"}


class SOCIALMIRROR_OT_key_for_scene_rate(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.key_for_scene_rate"
    bl_label = "Key for This Frame Rate"
    bl_description = (
        "Key the result anew for the scene's frame rate, so that it plays at the clip's speed. It starts at the same frame, and "
        "your own keys move along"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        key_for_scene_rate(context.scene, require_reconstruction(context))
        return {"FINISHED"}


CLASSES = (
    SOCIALMIRROR_OT_try_sample,
    SOCIALMIRROR_OT_use_clip,
    SOCIALMIRROR_OT_show_result,
    SOCIALMIRROR_OT_match_scene,
    SOCIALMIRROR_OT_key_for_scene_rate,
)
