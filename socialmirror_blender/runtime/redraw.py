"""Redraws the sidebars in which the add-on shows what jobs do."""

from __future__ import annotations

import bpy

_once_more = [False]
"""Whether the sidebars were just drawn: panels that appeared are laid out only when they are drawn once more."""


def redraw() -> None:
    """Redraw every sidebar, now and at the timer's next tick."""
    _once_more[0] = True
    _redraw_sidebars()


def redraw_once_more() -> None:
    """The second drawing that `redraw` asks for; the timer calls this at every tick."""
    if _once_more[0]:
        _once_more[0] = False
        _redraw_sidebars()


def _redraw_sidebars() -> None:
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
