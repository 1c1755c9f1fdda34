"""Draws a line between the two sides of each contact of the current frame; its colour tells how far they are apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import gpu
from gpu_extras.batch import batch_for_shader

from ..reconstruction_properties import contact_list
from ..scene.contact_list import active_touch
from ..scene.contact_markers import marker_pairs, shown_contacts
from ..scene.state import read_state, reconstructions_in

Color = tuple[float, float, float, float]

TOUCHING, APART = 0.01, 0.10
"""metres up to which a line is green, and from which on it is red."""
_GREEN, _YELLOW, _RED = (0.20, 0.85, 0.30), (1.0, 0.80, 0.10), (0.95, 0.20, 0.15)
_WIDTH, _ACTIVE_WIDTH = 2.0, 4.0  # px


@dataclass(frozen=True)
class ContactLine:
    start: tuple[float, ...]
    end: tuple[float, ...]
    """World coordinates of the two markers, metres."""
    color: Color
    active: bool
    """Whether it belongs to the active touch of the list."""


def contact_lines(collection: bpy.types.Collection, frame: int, depsgraph: Any) -> Iterator[ContactLine]:
    """The lines of the contacts that last over a scene frame; none for a contact with the ground, which has one marker."""
    clip_frame = read_state(collection).timing.to_clip_frame(frame)
    active, pairs = active_touch(collection), marker_pairs(collection)
    for contact in shown_contacts(collection, clip_frame):
        markers = pairs.get(contact.id, [])
        if len(markers) == 2:
            start, end = (marker.evaluated_get(depsgraph).matrix_world.translation for marker in markers)
            color = distance_color((end - start).length)
            yield ContactLine(start.to_tuple(), end.to_tuple(), color, contact.touch == active)


def distance_color(distance: float) -> Color:
    """From green (touching) over yellow to red (apart). Distance in metres."""
    position = (distance - TOUCHING) / (APART - TOUCHING)
    low, high, fraction = (_GREEN, _YELLOW, 2 * position) if position < 0.5 else (_YELLOW, _RED, 2 * position - 1)
    fraction = min(max(fraction, 0.0), 1.0)
    red, green, blue = (a + fraction * (b - a) for a, b in zip(low, high))
    return red, green, blue, 1.0


def _draw() -> None:
    context = bpy.context
    space: Any = context.space_data
    if not space.overlay.show_overlays:
        return
    lines = [
        line
        for collection in reconstructions_in(context.scene)
        if contact_list(collection).show_lines
        for line in contact_lines(collection, context.scene.frame_current, context.evaluated_depsgraph_get())
    ]
    shader = gpu.shader.from_builtin("POLYLINE_FLAT_COLOR")
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    gpu.state.blend_set("ALPHA")
    for active, width in ((False, _WIDTH), (True, _ACTIVE_WIDTH)):
        drawn = [line for line in lines if line.active == active]
        positions = [point for line in drawn for point in (line.start, line.end)]
        colors = [line.color for line in drawn for _ in range(2)]
        shader.uniform_float("lineWidth", width * context.preferences.system.pixel_size)
        batch_for_shader(shader, "LINES", {"pos": positions, "color": colors}).draw(shader)
    gpu.state.blend_set("NONE")


_handles: list[Any] = []


def register() -> None:
    _handles.append(bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW"))


def unregister() -> None:
    while _handles:
        bpy.types.SpaceView3D.draw_handler_remove(_handles.pop(), "WINDOW")
