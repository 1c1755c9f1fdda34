"""Bringing reconstructions into the file: a result that waits, a folder, another take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from bpy.props import StringProperty

from ...core.contract.files import read_npz
from ...core.contract.reconstruction import (
    MOTION_FILE,
    TAKES_FOLDER,
    BodyArrays,
    MotionArrays,
    Reconstruction,
    check_motion,
    load,
    load_info,
    save,
)
from .. import scene as scenes
from ..properties import settings_of, suggest
from ..reconstructions import active_import, bring_in, folder_of, require_import
from ..runtime import session
from .reports import Returned, reported


class SOCIALMIRROR_OT_import_result(bpy.types.Operator):
    bl_idname = "socialmirror.import_result"
    bl_label = "Import Result"
    bl_description = "Bring the finished reconstruction into the scene that is open"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.session.pending is not None

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        waiting = session.session.pending
        assert waiting is not None  # poll
        _import(context, Path(waiting.folder))
        session.session.pending = None
        session.session.notice = ""
        return {"FINISHED"}


class SOCIALMIRROR_OT_import_folder(bpy.types.Operator):
    bl_idname = "socialmirror.import_folder"
    bl_label = "Import Reconstruction"
    bl_description = "Bring in a reconstruction that was made before: choose its folder"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Returned:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        _import(context, Path(bpy.path.abspath(self.directory)))
        return {"FINISHED"}


class SOCIALMIRROR_OT_use_take(bpy.types.Operator):
    bl_idname = "socialmirror.use_take"
    bl_label = "Use Take"
    bl_description = "Key the rigs with this take. Keys you locked keep their values"
    bl_options = {"REGISTER", "UNDO"}

    take: StringProperty(options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if session.session.runner.job.active:
            cls.poll_message_set("SocialMirror is at work; wait until it is done, or cancel it")
            return False
        return active_import(context) is not None

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        collection = require_import(context)
        folder = folder_of(collection)
        activate_take(folder, self.take)
        scenes.update_take(context, collection, folder)
        suggest(settings_of(context), load_info(folder))
        return {"FINISHED"}


def activate_take(folder: Path, take: str) -> None:
    """Make a take of a reconstruction's folder its active one. UserError where it is not there, or damaged."""
    chosen = load_info(folder, take)
    motion = read_npz(folder / TAKES_FOLDER / f"{take}{Path(MOTION_FILE).suffix}")
    check_motion(motion)
    active = load(folder)
    info = replace(chosen, takes=active.info.takes)  # a take knows of none that came after it
    body = _reshaped(active.body, motion["betas"] - active.motion.betas)
    save(folder, Reconstruction(MotionArrays(**motion), body, info))


def _reshaped(body: BodyArrays, change: np.ndarray) -> BodyArrays:
    """Both meshes with their betas changed by `change` [P,16]: takes that were made by different words may differ in shape."""
    moved = np.einsum("vdk,pk->pvd", body.shape_vertices, change) if change.any() else np.float32(0)
    return replace(body, rest_vertices=(body.rest_vertices + moved).astype(np.float32))


def _import(context: bpy.types.Context, folder: Path) -> bpy.types.Collection:
    """Import a folder as the scene's settings say, but for a strip: a clip of another file has none."""
    settings = settings_of(context)
    origin = replace(
        session.current_origin(context),
        frame_start=settings.frame_start,
        link_camera=settings.link_camera,
        match_scene=settings.match_scene,
    )
    return bring_in(context, folder, origin)


CLASSES = (SOCIALMIRROR_OT_import_result, SOCIALMIRROR_OT_import_folder, SOCIALMIRROR_OT_use_take)
