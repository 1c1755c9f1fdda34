"""Reconstruct, refine, cancel, and what is left behind by a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty

from ...core.contract.errors import UserError
from ..reconstructions import active_import, require_import
from ..requests import reconstruct_request, refine_request
from ..runtime import paths, session
from .reports import Returned, reported


class SOCIALMIRROR_OT_reconstruct(bpy.types.Operator):
    bl_idname = "socialmirror.reconstruct"
    bl_label = "Reconstruct Interaction"
    bl_description = "Turn the two people of the clip into two rigs with keys, their camera and their contacts"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return _ready(cls)

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        fields, origin = reconstruct_request(context)
        session.start_reconstruction("reconstruct", fields, origin)
        return {"FINISHED"}


class SOCIALMIRROR_OT_refine(bpy.types.Operator):
    bl_idname = "socialmirror.refine"
    bl_label = "Refine"
    bl_description = (
        "Compute a new take that honours the contacts in the list and the keys you locked; the old take stays"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if active_import(context) is None:
            cls.poll_message_set("Select an armature of a reconstruction first")
            return False
        return _ready(cls)

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        fields, origin = refine_request(context, require_import(context))
        session.start_reconstruction("refine", fields, origin)
        return {"FINISHED"}


class SOCIALMIRROR_OT_cancel(bpy.types.Operator):
    bl_idname = "socialmirror.cancel"
    bl_label = "Cancel"
    bl_description = "Stop what is running. What was there before stays as it is"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.session.runner.job.active

    def execute(self, context: bpy.types.Context) -> Returned:
        session.session.runner.cancel()
        session.pump()
        session.redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_dismiss(bpy.types.Operator):
    bl_idname = "socialmirror.dismiss"
    bl_label = "Dismiss"
    bl_description = "Clear the message"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return not session.session.runner.job.active

    def execute(self, context: bpy.types.Context) -> Returned:
        session.session.runner.clear()
        session.session.pending = None
        session.session.notice = ""
        session.redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_open_log(bpy.types.Operator):
    bl_idname = "socialmirror.open_log"
    bl_label = "Show Log"
    bl_description = "Open the log as a text, to read it or to send it along with a report"

    filepath: StringProperty(description="The log file; empty: the folder of logs", options={"SKIP_SAVE"})

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        if not self.filepath:
            bpy.ops.wm.path_open(filepath=str(paths.log_folder()))
            return {"FINISHED"}
        path = Path(self.filepath)
        if not path.is_file():
            raise UserError("no-log", f"There is no log at {path}.", f"Older ones are in {paths.log_folder()}.")
        text = bpy.data.texts.get(path.name) or bpy.data.texts.new(path.name)
        text.from_string(path.read_text(encoding="utf-8", errors="replace"))
        if not bpy.app.background:
            _show(text)
        return {"FINISHED"}


def _show(text: bpy.types.Text) -> None:
    """The text in a window of its own."""
    bpy.ops.wm.window_new()
    area = bpy.context.window_manager.windows[-1].screen.areas[0]
    area.type = "TEXT_EDITOR"
    space: Any = area.spaces.active
    space.text = text


def _ready(cls: Any) -> bool:
    if session.session.runner.job.active:
        cls.poll_message_set("SocialMirror is at work; wait until it is done, or cancel it")
        return False
    if not session.session.environment.usable:
        cls.poll_message_set(f"{session.session.environment.message} {session.session.environment.hint}")
        return False
    return True


CLASSES = (
    SOCIALMIRROR_OT_reconstruct,
    SOCIALMIRROR_OT_refine,
    SOCIALMIRROR_OT_cancel,
    SOCIALMIRROR_OT_dismiss,
    SOCIALMIRROR_OT_open_log,
)
