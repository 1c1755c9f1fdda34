"""Draws the touches as strips at the bottom of the timeline and the dope sheet, where their ends can be dragged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import blf
import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..reconstruction_properties import contact_list
from ..reconstructions import active_reconstruction
from ..scene.colors import CONTACT_COLORS
from ..scene.contact_list import active_touch, read_touches
from ..scene.contact_markers import contact_scene_frames
from ..text import abbreviate_sides

Part = Literal["start", "end", "middle"]
_SCRUB_AREA, _SCROLL_BAR, _BORDER, _GAP, _HANDLE = 23, 16, 5, 2, 6
"""px at a user interface scale of 1: height of the numbers at the top, where a press moves the playhead; of the bar at the
bottom; of the edge there where a press moves the area's border; space between strips; width of their ends."""
_LOW = 70
"""px of height up to which a region has no room for the scroll bar below the strips, at a user interface scale of 1."""
_TALLEST, _LOWEST = 14, 4
"""px at a user interface scale of 1: height of a strip if there is room, and if there is none."""
_LABELLED = 11
"""px of height from which on a strip has a label, at a user interface scale of 1."""
_MIN_WIDTH = 10  # px
_LEGIBLE = 30
"""px of a label that have to be seen for it to be drawn at all, at a user interface scale of 1."""
_UNREACHED_COLOR = (0.85, 0.25, 0.2)


@dataclass(frozen=True)
class Strip:
    touch: str
    label: str
    color: tuple[float, float, float]
    left: float
    right: float
    bottom: float
    top: float
    """px in the region."""

    def part_at(self, x: float, y: float, handle: float) -> Part | None:
        """What of the strip lies under the mouse; `handle` is the width in px that counts as an end."""
        if not (self.bottom <= y <= self.top and self.left - handle / 2 <= x <= self.right + handle / 2):
            return None
        if x < self.left + handle:
            return "start"
        return "end" if x > self.right - handle else "middle"


def touch_strips(context: Any) -> list[Strip]:
    """The strips of the active reconstruction in the context's region; none if they are switched off."""
    collection = active_reconstruction(context)
    if collection is None or not contact_list(collection).show_strips:
        return []
    region, scale = context.region, context.preferences.system.ui_scale
    touches = [touch for touch in read_touches(collection) if touch.state != "rejected"]
    spans = [contact_scene_frames(collection, touch.frame_start, touch.frame_end) for touch in touches]
    lanes = lanes_of(spans)
    below = _BORDER if region.height < _LOW * scale else _SCROLL_BAR
    height = (region.height / scale - _SCRUB_AREA - below) / (max(lanes, default=0) + 1) - _GAP
    height = min(max(height, _LOWEST), _TALLEST)
    strips: list[Strip] = []
    for touch, (first, last), lane in zip(touches, spans, lanes):
        left, right = (region.view2d.view_to_region(frame, 0, clip=False)[0] for frame in (first, last))
        bottom = (below + lane * (height + _GAP)) * scale
        color = _UNREACHED_COLOR if touch.reached is False else CONTACT_COLORS[touch.state]
        right = max(right, left + _MIN_WIDTH * scale)
        strips.append(Strip(touch.id, touch.title, color, left, right, bottom, bottom + height * scale))
    return strips


def lanes_of(spans: Sequence[tuple[int, int]]) -> list[int]:
    """For each span of frames, sorted by their first frames, the lowest lane in which it overlaps none before it."""
    ends: list[int] = []
    lanes: list[int] = []
    for first, last in spans:
        lane = next((number for number, end in enumerate(ends) if end < first), len(ends))
        ends[lane:] = [last, *ends[lane + 1 :]]
        lanes.append(lane)
    return lanes


def strip_at(context: Any, x: float, y: float) -> tuple[Strip, Part] | None:
    """The strip under the mouse, and which part of it."""
    handle = _HANDLE * context.preferences.system.ui_scale
    for strip in touch_strips(context):
        part = strip.part_at(x, y, handle)
        if part is not None:
            return strip, part
    return None


def _draw() -> None:
    context: Any = bpy.context
    collection = active_reconstruction(context)
    strips = touch_strips(context)
    if not strips or collection is None:
        return
    active, scale = active_touch(collection), context.preferences.system.ui_scale
    gpu.state.blend_set("ALPHA")
    for strip in strips:
        opacity = 0.95 if strip.touch == active else 0.6
        _draw_rectangle(strip.left, strip.right, strip, (*strip.color, opacity))
        for edge in (strip.left, strip.right - _HANDLE * scale / 2):
            _draw_rectangle(edge, edge + _HANDLE * scale / 2, strip, (0.05, 0.05, 0.05, opacity))
        if strip.top - strip.bottom >= _LABELLED * scale:
            _draw_label(strip, room_beside(strip, strips, context.region.width), scale)
    gpu.state.blend_set("NONE")


def _draw_rectangle(left: float, right: float, strip: Strip, color: Sequence[float]) -> None:
    shader = gpu.shader.from_builtin("UNIFORM_COLOR")
    corners = [(left, strip.bottom), (right, strip.bottom), (left, strip.top), (right, strip.top)]
    shader.uniform_float("color", color)
    batch_for_shader(shader, "TRI_STRIP", {"pos": corners}).draw(shader)


def room_beside(strip: Strip, strips: Sequence[Strip], width: float) -> float:
    """px between the end of a strip and the next one in its lane, or the end of the region, which is `width` px wide."""
    following = [other.left for other in strips if other.bottom == strip.bottom and other.left > strip.left]
    return min([width, *following]) - strip.right


def _draw_label(strip: Strip, beside: float, scale: float) -> None:
    """Draw the label in the strip, or beside it if it fits only there, or abbreviated as much of it as the strip has room for."""
    font, size, margin = 0, 10 * scale, _HANDLE * scale
    blf.size(font, size)
    label, within = strip.label, strip.right - strip.left - 2 * margin
    if blf.dimensions(font, label)[0] > max(within, beside - 2 * margin):
        label = abbreviate_sides(label)
    length = blf.dimensions(font, label)[0]
    outside = within < length <= beside - 2 * margin
    if not outside and min(length, within) < min(length, _LEGIBLE * scale):
        return
    left = (strip.right if outside else strip.left) + margin
    shade = 0.9 if outside else 0.02
    blf.color(font, shade, shade, shade, 1.0)
    blf.enable(font, blf.CLIPPING)
    blf.clipping(font, left, strip.bottom, left + (length if outside else within), strip.top)
    blf.position(font, left, strip.bottom + (strip.top - strip.bottom - 0.7 * size) / 2, 0)
    blf.draw(font, label)
    blf.disable(font, blf.CLIPPING)


_handles: list[Any] = []


def register() -> None:
    _handles.append(bpy.types.SpaceDopeSheetEditor.draw_handler_add(_draw, (), "WINDOW", "POST_PIXEL"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceDopeSheetEditor.draw_handler_remove(_handles.pop(), "WINDOW")
