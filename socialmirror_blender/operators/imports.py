"""Operators that import a reconstruction: the result of a job, a folder, or another take."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import examine, repair
from .. import folders
from .. import scene as scenes
from ..properties import settings_of
from ..reconstructions import (
    activate_shown_take,
    import_or_update,
    require_folder,
    require_reconstruction,
    update_refined,
)
from ..runtime.origins import current_origin
from ..runtime.redraw import redraw
from ..runtime.result_imports import abandon_import
from ..runtime.session import session
from ..scene.objects import require_no_control_rig
from ..take_files import activate_take
from .reporting import OnIdleReconstruction, OnReconstruction, OperatorReturn, reports_errors


class SOCIALMIRROR_OT_import_result(bpy.types.Operator):
    bl_idname = "socialmirror.import_result"
    bl_label = "Import Result"
    bl_description = "Show the take that Refine has made, or import the finished reconstruction into the current scene"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.pending is not None

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        pending = session.pending
        assert pending is not None  # poll
        abandon_import()
        if not update_refined(pending):
            _import_folder(context, Path(pending.folder))
        session.pending = None
        session.notice = ""
        return {"FINISHED"}


class SOCIALMIRROR_OT_import_folder(bpy.types.Operator):
    bl_idname = "socialmirror.import_folder"
    bl_label = "Import Reconstruction"
    bl_description = "Import the two armatures, the camera and the contacts from the folder of a reconstruction"
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        if (folder := folders.existing_results(settings_of(context).output)) is not None:
            self.directory = f"{folder}{os.sep}"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        _import_folder(context, _chosen_folder(self.directory))
        return {"FINISHED"}


class SOCIALMIRROR_OT_use_take(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.use_take"
    bl_label = "Use Take"
    bl_description = "Key the armatures with this take. Your own keys and pins stay"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    take: StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        folder = require_folder(collection)
        require_no_control_rig(collection)
        activate_take(folder, self.take)
        try:
            scenes.update_take(collection, folder)
        except BaseException:
            with suppress(UserError):  # what went wrong first matters more
                activate_shown_take(collection)
            raise
        return {"FINISHED"}


class SOCIALMIRROR_OT_locate_results(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.locate_results"
    bl_label = "Locate Results…"
    bl_description = (
        "Link the armatures to the folder of their reconstruction again after it was moved: choose the folder"
    )
    bl_options = {"REGISTER", "UNDO"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        folder = _chosen_folder(self.directory)
        scenes.check_belongs(collection, folder)
        scenes.link_to(collection, folder, bpy.data.filepath)
        scenes.set_folder_note(collection, "")
        self.report({"INFO"}, f"Linked to {folder}; keys and contacts are unchanged")
        return {"FINISHED"}


class SOCIALMIRROR_OT_repair_results(OnIdleReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.repair_results"
    bl_label = "Repair Results"
    bl_description = (
        "Check the files of the reconstruction, and restore damaged or missing ones from the others. "
        "Damaged files are set aside, not deleted"
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        folder = scenes.folder_of(require_reconstruction(context))
        if not folders.may_open(folder):
            raise UserError(
                "network-folder",
                f"This reconstruction lies on another computer: {folder}.",
                "If you trust the file that names it, press Open Network Folder first.",
            )
        damaged = [finding for finding in examine(folder) if not finding.ok]
        done = repair(folder) if damaged else ["All files are intact."]
        self.report({"INFO"}, " ".join(done))
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_open_network(OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.open_network"
    bl_label = "Open Network Folder"
    bl_description = (
        "Open the folder of this reconstruction although it is on another computer, which can then learn your login. "
        "Do this only if you trust the file"
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        folders.allow(scenes.folder_of(require_reconstruction(context)))
        redraw()
        return {"FINISHED"}


def _chosen_folder(directory: str) -> Path:
    """The folder that the user has chosen, which may be on the network."""
    folder = folders.absolute_path(directory)
    folders.allow(folder)
    return folder


def _import_folder(context: bpy.types.Context, folder: Path) -> None:
    """Import a folder by the scene's import settings, in step with no strip: the folder may be of another clip.

    An earlier import of it stays where it is in time.
    """
    settings = settings_of(context)
    origin = replace(
        current_origin(context),
        frame_start=settings.frame_start,
        link_camera=settings.link_camera,
        match_scene=settings.match_scene,
    )
    import_or_update(context, folder, origin)


CLASSES = (
    SOCIALMIRROR_OT_import_result,
    SOCIALMIRROR_OT_import_folder,
    SOCIALMIRROR_OT_use_take,
    SOCIALMIRROR_OT_locate_results,
    SOCIALMIRROR_OT_repair_results,
    SOCIALMIRROR_OT_open_network,
)
