"""Operators of the queue: add clips, reorder, remove, try again, and import results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
from bpy.props import IntProperty

from ...core.contract.errors import UserError
from .. import compat
from ..picked_people import unused_pick
from ..properties import settings_of
from ..requests import ChosenClip, reconstruct_request
from ..runtime.redraw import redraw
from ..runtime.result_imports import apply_outcome, has_result_for_open_file
from ..runtime.session import Outcome, session
from ..text import counted
from .reporting import OperatorReturn, reports_errors


class SOCIALMIRROR_OT_queue_add(bpy.types.Operator):
    bl_idname = "socialmirror.queue_add"
    bl_label = "Queue Clip"
    bl_description = "Add the clip to the queue with the current settings. It runs when the clips before it are done"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        if unused := unused_pick(settings_of(context), _queue(context)):
            self.report({"WARNING"}, unused)
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_strips(bpy.types.Operator):
    bl_idname = "socialmirror.queue_strips"
    bl_label = "Queue Movie Strips"
    bl_description = (
        "Add every selected movie strip of the sequencer to the queue with the current settings, without those for one clip: "
        "frame range, numbers of people, initial motion, and people who were picked in another clip"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not _selected_strips(context):
            cls.poll_message_set("Select movie strips in the sequencer first")
            return False
        return True

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        strips = _selected_strips(context)
        queued = [_queue(context, ChosenClip(strip=name)) for name in strips]
        left_out = " and ".join(_left_out(settings_of(context), queued))
        beyond = f"; {left_out} of one clip were left out" if left_out else ""
        self.report({"INFO"}, f"Queued {counted(len(strips), 'clip')}{beyond}")
        return {"FINISHED"}


class _OnClip:
    """Mixin for operators on one entry of the queue."""

    number: IntProperty(options={"HIDDEN", "SKIP_SAVE"})


class _OnHeldClips:
    """Mixin for operators on the clips of an earlier session."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return session.queue.held > 0


class SOCIALMIRROR_OT_queue_remove(_OnClip, bpy.types.Operator):
    bl_idname = "socialmirror.queue_remove"
    bl_label = "Remove from Queue"
    bl_description = "Remove the clip from the list. Results stay in their folder"
    bl_options = {"INTERNAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.queue.remove(self.number)
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_move(_OnClip, bpy.types.Operator):
    bl_idname = "socialmirror.queue_move"
    bl_label = "Move in Queue"
    bl_description = "Run the clip earlier or later"
    bl_options = {"INTERNAL"}

    steps: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.queue.move(self.number, self.steps)
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_again(_OnClip, bpy.types.Operator):
    bl_idname = "socialmirror.queue_again"
    bl_label = "Try Again"
    bl_description = "Queue the clip again. What was already computed is reused"
    bl_options = {"INTERNAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.queue.again(self.number)
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_import(_OnClip, bpy.types.Operator):
    bl_idname = "socialmirror.queue_import"
    bl_label = "Import Result"
    bl_description = "Import the clip's reconstruction into the scene from which it was queued"
    bl_options = {"INTERNAL"}
    # no undo step of its own: the import makes one

    @classmethod
    def description(cls, context: bpy.types.Context, properties: Any) -> str:
        with suppress(UserError):
            return f"{cls.bl_description}. It lies in {session.queue.clip(properties.number).folder}"
        return cls.bl_description

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        clip = session.queue.clip(self.number)
        if not clip.folder:
            raise UserError("no-result", "This clip has no result yet.", "Wait until it is done.")
        if has_result_for_open_file():
            raise UserError("busy", "Another result is waiting to be imported.", "Import or dismiss it first.")
        apply_outcome(Outcome(clip.folder, clip.origin, "reconstruct"))
        redraw()
        if session.pending is not None:
            self.report({"ERROR"}, session.notice)
            return {"CANCELLED"}
        session.queue.remove(self.number)
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_resume(_OnHeldClips, bpy.types.Operator):
    bl_idname = "socialmirror.queue_resume"
    bl_label = "Resume Queue"
    bl_description = "Reconstruct the clips that were waiting when Blender quit. What was already computed is reused"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.queue.resume()
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_clear_held(_OnHeldClips, bpy.types.Operator):
    bl_idname = "socialmirror.queue_clear_held"
    bl_label = "Clear"
    bl_description = "Remove the clips that were waiting when Blender quit from the queue"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.queue.remove_held()
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_dismiss_problems(bpy.types.Operator):
    bl_idname = "socialmirror.queue_dismiss_problems"
    bl_label = "Dismiss"
    bl_description = "Hide the message about the queue"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.queue_problems = ()
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_queue_clear(bpy.types.Operator):
    bl_idname = "socialmirror.queue_clear"
    bl_label = "Clear Finished"
    bl_description = "Remove all clips that are done, failed or cancelled from the list. Results stay in their folders"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        session.queue.clear_finished()
        redraw()
        return {"FINISHED"}


def _selected_strips(context: bpy.types.Context) -> list[str]:
    return [strip.name for strip in compat.movie_strips(context) if strip.select]


def _left_out(settings: Any, queued: Iterable[dict[str, Any]]) -> Iterator[str]:
    """What the settings say of people and motion and requests do not have, since it is of another clip."""
    if settings.choose_people and settings.people_marks:
        if any(fields["people_at"] is None for fields in queued):
            yield "picked people"
    elif settings.choose_people and all(fields["person_a"] is fields["person_b"] is None for fields in queued):
        yield "numbers of people"
    if settings.initial_a.strip():
        yield "initial motion"


def _queue(context: bpy.types.Context, chosen: ChosenClip | None = None) -> dict[str, Any]:
    """Add a clip to the queue; returns the fields of its request."""
    fields, origin = reconstruct_request(context, chosen)
    title = origin.strip or Path(fields["clip"]).name
    session.queue.add(title, fields, origin)
    redraw()
    return fields


CLASSES = (
    SOCIALMIRROR_OT_queue_add,
    SOCIALMIRROR_OT_queue_strips,
    SOCIALMIRROR_OT_queue_remove,
    SOCIALMIRROR_OT_queue_move,
    SOCIALMIRROR_OT_queue_again,
    SOCIALMIRROR_OT_queue_import,
    SOCIALMIRROR_OT_queue_resume,
    SOCIALMIRROR_OT_queue_clear_held,
    SOCIALMIRROR_OT_queue_dismiss_problems,
    SOCIALMIRROR_OT_queue_clear,
)
