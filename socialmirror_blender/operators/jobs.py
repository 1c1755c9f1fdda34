"""Operators that start a job, cancel it, dismiss its messages and show its log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import IntProperty, StringProperty

from ...core.contract.errors import UserError
from .. import scene as scenes
from ..picked_people import unused_pick
from ..properties import settings_of
from ..reconstructions import require_reconstruction
from ..requests import reconstruct_request, refine_request
from ..runtime import paths
from ..runtime.job_starts import ask_worker
from ..runtime.polling import pump
from ..runtime.redraw import redraw
from ..runtime.result_imports import abandon_import
from ..runtime.session import session
from ..text import counted
from .reporting import OperatorReturn, poll_editable, poll_ready, reports_errors


class SOCIALMIRROR_OT_reconstruct(bpy.types.Operator):
    bl_idname = "socialmirror.reconstruct"
    bl_label = "Reconstruct Interaction"
    bl_description = "Create two animated armatures, the camera and contacts from the two people in the clip"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_ready(cls)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        fields, origin = reconstruct_request(context)
        ask_worker("reconstruct", fields, origin)
        if unused := unused_pick(settings_of(context), fields):
            self.report({"WARNING"}, unused)
        return {"FINISHED"}


class SOCIALMIRROR_OT_refine(bpy.types.Operator):
    bl_idname = "socialmirror.refine"
    bl_label = "Refine"
    bl_description = (
        "Make a new take from the contacts in the list, the pins, the feet and the result's prompt. Earlier takes stay"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_editable(cls, context) and poll_ready(cls)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        collection = require_reconstruction(context)
        fields, origin = refine_request(context, collection)
        ask_worker("refine", fields, origin)
        left_out = scenes.count_pins_outside(collection)
        if left_out:
            self.report({"WARNING"}, f"Left out {counted(left_out, 'pinned pose')} outside the clip")
        return {"FINISHED"}


class SOCIALMIRROR_OT_cancel(bpy.types.Operator):
    bl_idname = "socialmirror.cancel"
    bl_label = "Cancel"
    bl_description = "Cancel the job. The scene and earlier results stay as they are"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.runner.job.active

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.runner.cancel()
        pump()
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_dismiss(bpy.types.Operator):
    bl_idname = "socialmirror.dismiss"
    bl_label = "Dismiss"
    bl_description = "Hide the message"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not session.runner.job.active

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.runner.clear()
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_dismiss_result(bpy.types.Operator):
    bl_idname = "socialmirror.dismiss_result"
    bl_label = "Dismiss Result"
    bl_description = "Do not import this result. It stays in its folder"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.pending is not None

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        abandon_import()
        session.pending = None
        session.notice = ""
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_dismiss_failure(bpy.types.Operator):
    bl_idname = "socialmirror.dismiss_failure"
    bl_label = "Dismiss"
    bl_description = "Hide the message about a job that failed before the queue went on"
    bl_options = {"INTERNAL"}

    number: IntProperty(options={"SKIP_SAVE", "HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        kept = enumerate(session.failures)
        session.failures = tuple(failed for number, failed in kept if number != self.number)
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_open_log(bpy.types.Operator):
    bl_idname = "socialmirror.open_log"
    bl_label = "Show Log"
    bl_description = "Open the log in the text editor. Attach it when you report a problem"

    filepath: StringProperty(description="The log file; empty: open the folder of logs", options={"SKIP_SAVE"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        if not self.filepath:
            bpy.ops.wm.path_open(filepath=str(paths.log_folder()))
            return {"FINISHED"}
        path = Path(self.filepath)
        if not path.is_file():
            raise UserError("no-log", f"There is no log at {path}.", f"Older logs are in {paths.log_folder()}.")
        text = bpy.data.texts.get(path.name) or bpy.data.texts.new(path.name)
        text.from_string(path.read_text(encoding="utf-8", errors="replace"))
        if not bpy.app.background:
            _show_in_new_window(text)
        return {"FINISHED"}


def _show_in_new_window(text: bpy.types.Text) -> None:
    bpy.ops.wm.window_new()
    area = bpy.context.window_manager.windows[-1].screen.areas[0]
    area.type = "TEXT_EDITOR"
    space: Any = area.spaces.active
    space.text = text


CLASSES = (
    SOCIALMIRROR_OT_reconstruct,
    SOCIALMIRROR_OT_refine,
    SOCIALMIRROR_OT_cancel,
    SOCIALMIRROR_OT_dismiss,
    SOCIALMIRROR_OT_dismiss_result,
    SOCIALMIRROR_OT_dismiss_failure,
    SOCIALMIRROR_OT_open_log,
)
