"""The panel with the feet: when each of them stands, and whether it is locked there or free to slide."""

from __future__ import annotations

from typing import Any

import bpy

from .. import scene as scenes
from ..reconstruction_properties import FOOT_MODE_ITEMS, contact_list
from ..reconstructions import active_reconstruction
from ..scene.foot_list import listed_feet
from ..text import draw_text
from .sidebar import OnResult

_SHOWN = 14


class SOCIALMIRROR_PT_feet(OnResult, bpy.types.Panel):
    bl_label = "Feet"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        listed = contact_list(collection)
        if not len(listed.feet):
            draw_text(layout, "No foot stands long enough, or the take was made by an earlier version.")
            return
        layout.prop(listed, "foot_sensitivity", slider=True)
        indices, timing = listed_feet(collection), scenes.read_state(collection).timing
        modes = {listed.feet[index].mode for index in indices}
        column = layout.column(align=True)
        for items in (FOOT_MODE_ITEMS[:1], FOOT_MODE_ITEMS[1:]):  # the sidebar is too narrow for all of them in a row
            row = column.row(align=True)
            for mode, label, _, icon, _ in items:
                row.operator("socialmirror.feet_mode", text=label, icon=icon, depress=modes == {mode}).mode = mode
        column = layout.column(align=True)
        for index in indices[:_SHOWN]:
            item = listed.feet[index]
            row = column.row(align=True)
            text = foot_text(item, timing.scene_range(item.frame_start, item.frame_end))
            left, right = row.row(), row.row(align=True)
            left.alignment, right.alignment = "LEFT", "RIGHT"
            left.operator("socialmirror.foot_jump", text=text, emboss=False).frame = item.frame_start
            right.prop(item, "mode", expand=True, icon_only=True)
        if len(indices) > _SHOWN:
            column.label(text=f"and {len(indices) - _SHOWN} more")


def foot_text(item: Any, frames: tuple[int, int]) -> str:
    """A foot contact in one line: `A left  20–45`."""
    return f"{'AB'[int(item.person)]} {item.foot}  {frames[0]}–{frames[1]}"


CLASSES = (SOCIALMIRROR_PT_feet,)
