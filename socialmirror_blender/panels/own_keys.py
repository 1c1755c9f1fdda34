"""The panel with the animator's own keyframes."""

from __future__ import annotations

from typing import Any

import bpy

from ..reconstructions import active_reconstruction
from ..scene.own_keys import OwnKeys, count_own_keys, frames_text
from ..text import counted, draw_text
from .sidebar import OnResult

_SHOWN_BONES = 8


class SOCIALMIRROR_PT_own_keys(OnResult, bpy.types.Panel):
    bl_label = "Own Keys"

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        people = count_own_keys(collection)
        for name in dict.fromkeys(name for _, keys in people for name in keys.baked):
            draw_text(layout, f"“{name}” is kept as you baked it: the Action Editor can show it.", icon="ACTION")
        if not any(keys.count or keys.others for _, keys in people):
            draw_text(layout, "Keys that you set on the armatures are kept over every take.")
            return
        for name, keys in people:
            for number, line in enumerate(own_keys_lines(name, keys)):
                draw_text(layout, line, icon="KEYFRAME_HLT" if number == 0 else "BLANK1")
        row = layout.row(align=True)
        row.operator("socialmirror.pin_own_keys", icon="PINNED")
        row.operator("socialmirror.give_back", icon="LOOP_BACK")


def own_keys_lines(name: str, keys: OwnKeys) -> list[str]:
    """What the panel says about a person; nothing if they have no keyframes of the animator."""
    if not (keys.count or keys.others):
        return []
    bones = len(keys.frames)
    heading = f"{name}: {counted(keys.count, 'key')} on {counted(bones, 'bone')}"
    if keys.others:
        heading += f", and {counted(keys.others, 'other F-Curve')}"
    if keys.covers_take:
        heading += ". They cover the whole take, so it is not seen: Reset to Take shows it"
    lines = [f"{bone.replace('_', ' ')}: {frames_text(frames)}" for bone, frames in keys.frames.items()]
    if bones > _SHOWN_BONES:
        lines = [*lines[:_SHOWN_BONES], f"and {counted(bones - _SHOWN_BONES, 'more bone')}"]
    return [heading, *lines]


CLASSES = (SOCIALMIRROR_PT_own_keys,)
