"""The panel of the queue: clips that wait, the one that runs, and results to import."""

from __future__ import annotations

from typing import Any

import bpy

from ..runtime.clip_queue import ClipState, QueuedClip
from ..runtime.origins import Origin
from ..runtime.queue_turns import waits_for_import
from ..runtime.session import session
from ..text import counted, draw_note, draw_text
from .sidebar import Sidebar

_ICONS = {
    ClipState.HELD: "PAUSE",
    ClipState.WAITING: "TIME",
    ClipState.RUNNING: "PLAY",
    ClipState.DONE: "CHECKMARK",
    ClipState.FAILED: "ERROR",
    ClipState.CANCELLED: "CANCEL",
}


def draw_held_clips(layout: Any) -> None:
    """Draw what earlier sessions have left of the queue, and what went wrong with keeping it."""
    for problem in session.queue_problems:
        draw_note(layout.box(), problem, icon="ERROR")
    if session.queue_problems:
        layout.operator("socialmirror.queue_dismiss_problems", icon="X")
    if count := session.queue.held:
        box = layout.box()
        draw_text(
            box, f"{counted(count, 'clip')} {'was' if count == 1 else 'were'} waiting when Blender quit.", icon="PAUSE"
        )
        row = box.row(align=True)
        row.operator("socialmirror.queue_resume", icon="PLAY")
        row.operator("socialmirror.queue_clear_held", icon="X")


class SOCIALMIRROR_PT_queue(Sidebar, bpy.types.Panel):
    bl_label = "Queue"
    bl_parent_id = "SOCIALMIRROR_PT_reconstruct"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 2

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        row = layout.row(align=True)
        row.operator("socialmirror.queue_add", icon="ADD")
        row.operator("socialmirror.queue_strips", text="Queue Strips", icon="SEQ_STRIP_DUPLICATE")
        clips = session.queue.clips
        if not clips:
            draw_text(layout, "Queued clips are reconstructed one after the other. Import the results that you want.")
            return
        column = layout.column(align=True)
        for clip in clips:
            _draw_clip(column, clip)
        if session.queue.next is not None and not session.environment.usable:
            draw_text(layout, "The queue continues once the environment is ready.", icon="INFO")
        elif session.queue.next is not None and waits_for_import(session.queue.next):
            draw_text(layout, "The next clip waits until the result of the same clip is imported.", icon="INFO")
        layout.operator("socialmirror.queue_clear")


def _draw_clip(layout: Any, clip: QueuedClip[Origin]) -> None:
    row = layout.row(align=True)
    row.label(text=clip.title, icon=_ICONS[clip.state])
    if clip.state is ClipState.WAITING:
        for steps, icon in ((-1, "TRIA_UP"), (1, "TRIA_DOWN")):
            button = row.operator("socialmirror.queue_move", text="", icon=icon)
            button.number, button.steps = clip.number, steps
    elif clip.state is ClipState.RUNNING:
        row.label(text=f"{session.runner.job.fraction:.0%}")
        row.operator("socialmirror.cancel", text="", icon="CANCEL")
        return
    elif clip.state is ClipState.DONE:
        row.operator("socialmirror.queue_import", text="Import", icon="IMPORT").number = clip.number
    elif clip.state is not ClipState.HELD:
        row.operator("socialmirror.queue_again", text="", icon="FILE_REFRESH").number = clip.number
    row.operator("socialmirror.queue_remove", text="", icon="X").number = clip.number
    if clip.message:
        draw_text(layout, clip.message)


CLASSES = (SOCIALMIRROR_PT_queue,)
