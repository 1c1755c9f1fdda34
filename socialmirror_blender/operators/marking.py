"""The operator that takes clicks on the two people who are meant."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.marks import PersonMark
from ...core.contract.reconstruction import PERSON_NAMES
from ..marking import mark_at
from ..picked_people import is_same_movie, pick_people
from ..properties import settings_of
from ..runtime.redraw import redraw
from .reporting import OperatorReturn, poll_idle, reports_errors

_waiting_for_click: list[bool] = []
"""Not empty while the operator runs: a second one would take every click, too."""


class SOCIALMIRROR_OT_mark_people(bpy.types.Operator):
    bl_idname = "socialmirror.mark_people"
    bl_label = "Pick People"
    bl_description = (
        "Click Person A and then Person B in the clip, through its camera or in the sequencer's preview. You can go to another "
        "frame in between. Esc cancels"
    )
    bl_options = {"REGISTER", "UNDO"}

    _marks: list[PersonMark]
    _movie: str
    """In which they are."""

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if _waiting_for_click:
            cls.poll_message_set("Click on the people in the clip's picture, or press Esc")
            return False
        return poll_idle(cls)

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        self._marks, self._movie = [], ""
        context.window_manager.modal_handler_add(self)
        _waiting_for_click.append(True)
        self._ask(context)
        return {"RUNNING_MODAL"}

    @reports_errors
    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        try:
            return self._handle(context, event)
        except BaseException:
            self._finish(context)
            raise

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender calls it where the operator is ended from outside, as by opening a file."""
        self._finish(context)

    def _handle(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        if event.type in ("ESC", "RIGHTMOUSE"):
            self._finish(context)
            return {"CANCELLED"}
        if event.type != "LEFTMOUSE" or event.value != "PRESS":
            return {"PASS_THROUGH"}
        found = _mark_under_mouse(context, event)
        if found is None:
            return {"PASS_THROUGH"}  # a click beside the picture, e.g. in the timeline
        mark, movie = found
        if not is_same_movie(movie, self._movie):  # both people are in one clip: the user has turned to another
            self._marks, self._movie = [], movie
        self._marks.append(mark)
        if len(self._marks) < len(PERSON_NAMES):
            self._ask(context)
            return {"RUNNING_MODAL"}
        pick_people(context, settings_of(context), marks_text(self._marks), self._movie)
        self.report({"INFO"}, "Both people are picked: press Reconstruct Interaction")
        self._finish(context)
        return {"FINISHED"}

    def _ask(self, context: bpy.types.Context) -> None:
        workspace: Any = context.workspace
        workspace.status_text_set(f"Click {PERSON_NAMES[len(self._marks)]} in the clip. Esc: cancel")
        context.window.cursor_modal_set("CROSSHAIR")

    def _finish(self, context: bpy.types.Context) -> None:
        _waiting_for_click.clear()
        workspace: Any = context.workspace
        if workspace is not None:
            workspace.status_text_set(None)
        if context.window is not None:
            context.window.cursor_modal_restore()
        redraw()


def marks_text(marks: list[PersonMark]) -> str:
    """Clicks as the command line takes them: `12:100,200;30:400,210`."""
    return ";".join(f"{mark.frame}:{mark.left:g},{mark.top:g}" for mark in marks)


def _mark_under_mouse(context: bpy.types.Context, event: bpy.types.Event) -> tuple[PersonMark, str] | None:
    for area in context.window.screen.areas:
        for region in area.regions:
            inside = 0 <= event.mouse_x - region.x < region.width and 0 <= event.mouse_y - region.y < region.height
            if inside and region.type not in ("WINDOW", "PREVIEW"):
                return None  # a sidebar or a header lies over the picture
    for area in context.window.screen.areas:
        for region in area.regions:
            x, y = event.mouse_x - region.x, event.mouse_y - region.y
            if region.type in ("WINDOW", "PREVIEW") and 0 <= x < region.width and 0 <= y < region.height:
                return mark_at(context, area, region, x, y)
    return None


CLASSES = (SOCIALMIRROR_OT_mark_people,)
