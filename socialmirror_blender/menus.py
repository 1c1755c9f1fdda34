"""The add-on's entries in Blender's own menus, where an animator looks for them first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy


class SOCIALMIRROR_MT_pins(bpy.types.Menu):
    bl_label = "Pins"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        layout.operator("socialmirror.pin", icon="PINNED")
        layout.operator("socialmirror.pin_range", text="Pin Range…", icon="PREVIEW_RANGE")
        layout.operator("socialmirror.unpin", icon="UNPINNED")
        layout.separator()
        layout.operator("socialmirror.pin_own_keys")
        layout.operator("socialmirror.give_back", icon="LOOP_BACK")


def _draw_import(menu: Any, _context: Any) -> None:
    menu.layout.operator("socialmirror.import_folder", text="SocialMirror Reconstruction")


def _draw_export(menu: Any, _context: Any) -> None:
    menu.layout.operator("socialmirror.export", text="SocialMirror People")


def _draw_pose(menu: Any, _context: Any) -> None:
    menu.layout.separator()
    menu.layout.menu(SOCIALMIRROR_MT_pins.__name__, icon="PINNED")


def _draw_strip(menu: Any, _context: Any) -> None:
    menu.layout.separator()
    menu.layout.operator("socialmirror.queue_strips", icon="SEQ_STRIP_DUPLICATE")


_ENTRIES: dict[str, Callable[[Any, Any], None]] = {
    "TOPBAR_MT_file_import": _draw_import,
    "TOPBAR_MT_file_export": _draw_export,
    "VIEW3D_MT_pose": _draw_pose,
    "SEQUENCER_MT_strip": _draw_strip,
}
"""What is drawn at the end of which menu of Blender's."""


def register() -> None:
    bpy.utils.register_class(SOCIALMIRROR_MT_pins)
    for menu, draw in _ENTRIES.items():
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    for menu, draw in _ENTRIES.items():
        getattr(bpy.types, menu).remove(draw)
    bpy.utils.unregister_class(SOCIALMIRROR_MT_pins)
