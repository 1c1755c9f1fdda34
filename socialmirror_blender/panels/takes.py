"""The panel that compares takes: names, what each is like, ghosts, blending and deleting."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.reconstruction import best_of
from .. import scene as scenes
from ..reconstruction_properties import contact_list
from ..reconstructions import active_reconstruction, read_info
from ..scene.ghost import ghost_take
from ..scene.take_notes import take_name, take_note, take_sentence
from ..text import draw_text
from .sidebar import OnReadableResult


class SOCIALMIRROR_PT_takes(OnReadableResult, bpy.types.Panel):
    bl_label = "Takes"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        info = None if collection is None else read_info(collection)
        if collection is None or info is None:
            return
        shown, ghost = scenes.read_state(collection).take, ghost_take(collection)
        best = best_of(info.takes) if len(info.takes) > 1 else None
        for take in info.takes:
            column = layout.column(align=True)
            row = column.row(align=True)
            is_shown = take.id == shown
            text = f"{take_name(collection, take.id)}{' (best fit)' if take is best else ''}"
            row.operator(
                "socialmirror.use_take", text=text, icon="RADIOBUT_ON" if is_shown else "RADIOBUT_OFF", depress=is_shown
            ).take = take.id
            row.operator("socialmirror.take_note", text="", icon="GREASEPENCIL").take = take.id
            if not is_shown:
                row.operator(
                    "socialmirror.take_ghost", text="", icon="GHOST_ENABLED", depress=take.id == ghost
                ).take = take.id
                row.operator("socialmirror.take_blend", text="", icon="MOD_TIME").take = take.id
                row.operator("socialmirror.take_delete", text="", icon="TRASH").take = take.id
            lines = column.column(align=True)
            lines.active = False
            draw_text(lines, take_sentence(take, info.takes))
            if note := take_note(collection, take.id).note:
                draw_text(lines, f"“{note}”")
        if ghost:
            layout.prop(contact_list(collection), "ghost_offset")


CLASSES = (SOCIALMIRROR_PT_takes,)
