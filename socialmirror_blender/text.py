"""Text in panels: Blender does not wrap labels, so a text becomes one label per line."""

from __future__ import annotations

import re
from typing import Any

import blf
import bpy

_CHARACTER_WIDTH, _MARGINS = 6.2, 66
"""Average width of a character of the panel's font, and the width of the margins, in pixels at an interface scale of 1."""
_ICON_WIDTH = 20
_DEFAULT_REGION_WIDTH = 300
_NARROWEST = 90
"""Width of a line, in pixels at an interface scale of 1, in a region that is too narrow for any."""
_FONT = 0


def draw_text(layout: Any, text: str, icon: str = "NONE", margin: int = 0) -> None:
    """Draw a text as wrapped labels. `margin` is the width of what stands beside it, in pixels at an interface scale of 1."""
    context: Any = bpy.context
    width = _DEFAULT_REGION_WIDTH if context.region is None else context.region.width
    scale = ui_scale()
    beside = scale * (margin + (0 if icon == "NONE" else _ICON_WIDTH))
    column = layout.column(align=True)
    for number, line in enumerate(wrap(text, width - beside, scale)):
        column.label(text=line, icon=icon if number == 0 or icon == "NONE" else "BLANK1")


def draw_note(layout: Any, text: str, hint: str = "", icon: str = "INFO") -> None:
    """Draw a text with an icon, and below it what to do about it."""
    column = layout.column(align=True)
    draw_text(column, text, icon=icon)
    if hint:
        draw_text(column, hint)


def counted(count: int, what: str) -> str:
    """`1 key`, `2 keys`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def abbreviate_sides(title: str) -> str:
    """What touches what, in short: `R hand–R hand +2`. A's side comes first; who touches the ground is named."""
    title = re.sub(r" and (\d+) more$", r" +\1", title).replace(" – ", "–")
    for word, short in (("left ", "L "), ("right ", "R "), ("both ", "")):
        title = title.replace(word, short)
    return title if "–ground" in title else title.removeprefix("A ").replace("–B ", "–")


def wrap(text: str, width: float, scale: float) -> list[str]:
    """Lines of a text that fit into `width` pixels at an interface scale, as wide as Blender draws it. Long words are cut."""
    room = max(width - _MARGINS * scale, _NARROWEST * scale)
    blf.size(_FONT, bpy.context.preferences.ui_styles[0].widget.points * scale)
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and _width(joined) <= room:
            lines[-1] = joined
            continue
        while _width(word) > room:  # a path
            fitting = next(count for count in range(len(word) - 1, 0, -1) if count == 1 or _width(word[:count]) <= room)
            lines.append(word[:fitting])
            word = word[fitting:]
        lines.append(word)
    return lines


def _width(text: str) -> float:
    return blf.dimensions(_FONT, text)[0]


def characters_per_line(width: float, scale: float) -> int:
    """How many characters fit into a region of `width` pixels at an interface scale."""
    return int((width / scale - _MARGINS) / _CHARACTER_WIDTH)


def ui_scale() -> float:
    return bpy.context.preferences.system.ui_scale or 1.0  # 0 where there is no window
