"""The panel with the animator's pins: pins bones, and lists what is pinned."""

from __future__ import annotations

from typing import Any

import bpy

from .. import scene as scenes
from ..reconstructions import active_reconstruction
from ..scene.pins import PinnedRange
from ..text import counted, draw_text
from .sidebar import OnResult

_SHOWN_PINS = 12
_NAMES = {"wrist": "hand", "ankle": "foot", "foot": "toes", "pelvis": "hips"}
"""What an animator calls a joint."""


class SOCIALMIRROR_PT_pins(OnResult, bpy.types.Panel):
    bl_label = "Pins"

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        collection = active_reconstruction(context)
        assert collection is not None  # poll
        if not context.selected_pose_bones:
            draw_text(layout, "In pose mode, select bones and pin them. Refine keeps them where they are.")
        row = layout.row(align=True)
        row.operator("socialmirror.pin", icon="PINNED")
        row.operator("socialmirror.pin_range", text="Range…", icon="PREVIEW_RANGE")
        row.operator("socialmirror.unpin", text="", icon="UNPINNED")
        pins = scenes.list_pins(collection)
        if pins:
            layout.label(text=pins_heading(pins))
            _draw_pins(layout.column(align=True), pins)


def pins_heading(pins: list[PinnedRange]) -> str:
    """How many joints and frames are pinned: `3 pins in 12 frames, 1 muted, 2 outside the clip`."""
    inside = [pin for pin in pins if not pin.outside]
    used = [pin for pin in inside if not pin.muted]
    frames = {frame for pin in used for frame in range(pin.first, pin.last + 1)}
    text = f"{counted(len(used), 'pin')} in {counted(len(frames), 'frame')}"
    text += f", {len(inside) - len(used)} muted" if len(used) < len(inside) else ""
    return text + (f", {len(pins) - len(inside)} outside the clip" if len(inside) < len(pins) else "")


def pin_text(pin: PinnedRange) -> str:
    """A pin in one line: `A left hand  45–54`, with `(outside)` where Refine does not get it."""
    side, _, part = pin.joint.rpartition("_")
    name = f"{side} {_NAMES.get(part, part)}".strip()
    frames = str(pin.first) if pin.first == pin.last else f"{pin.first}–{pin.last}"
    return f"{'AB'[pin.person]} {name}  {frames}{' (outside)' if pin.outside else ''}"


def _draw_pins(layout: Any, pins: list[PinnedRange]) -> None:
    for pin in pins[:_SHOWN_PINS]:
        row = layout.row(align=True)
        row.active = not (pin.muted or pin.outside)
        left, right = row.row(align=True), row.row(align=True)
        left.alignment, right.alignment = "LEFT", "RIGHT"
        button = left.operator(
            "socialmirror.pin_jump", text=pin_text(pin), icon="PINNED" if pin.in_world else "CON_ROTLIKE", emboss=False
        )
        hidden = "HIDE_ON" if pin.muted else "HIDE_OFF"
        mute = right.operator("socialmirror.pin_mute", text="", icon=hidden, emboss=False)
        mute.mute = not pin.muted
        remove = right.operator("socialmirror.pin_remove", text="", icon="X", emboss=False)
        for chosen in (button, mute, remove):
            chosen.person, chosen.joint, chosen.first, chosen.last = pin.person, pin.joint, pin.first, pin.last
    if len(pins) > _SHOWN_PINS:
        layout.label(text=f"and {len(pins) - _SHOWN_PINS} more")


CLASSES = (SOCIALMIRROR_PT_pins,)
