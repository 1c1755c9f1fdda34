"""The add-on's entries in Blender's own menus, where an animator looks for them first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy


class SOCIALMIRROR_MT_result(bpy.types.Menu):
    """What is done most with a result. Blender's search (F3) finds operators only in menus."""

    bl_label = "SocialMirror"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        layout.operator("socialmirror.reconstruct", icon="ARMATURE_DATA")
        layout.operator("socialmirror.refine", icon="FILE_REFRESH")
        layout.operator("socialmirror.show_result", icon="VIEW_CAMERA")
        layout.separator()
        layout.operator("socialmirror.contact_add", icon="ADD")
        layout.operator("socialmirror.confidence_overlay", icon="OVERLAY")
        for backwards, text in ((True, "Previous Low-Confidence Range"), (False, "Next Low-Confidence Range")):
            layout.operator("socialmirror.uncertain_stretch", text=text).backwards = backwards
        layout.separator()
        layout.operator("socialmirror.control_rig_add", text="Add Control Rigs").both = True
        layout.operator("socialmirror.control_rig_remove", icon="LOOP_BACK")
        layout.operator("socialmirror.retarget")
        layout.separator()
        layout.operator("socialmirror.match_scene", icon="SCENE_DATA")
        layout.operator("socialmirror.export", text="Export…", icon="EXPORT")


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


def _draw_object(menu: Any, _context: Any) -> None:
    menu.layout.separator()
    menu.layout.menu(SOCIALMIRROR_MT_result.__name__)


def _draw_pose(menu: Any, _context: Any) -> None:
    menu.layout.separator()
    menu.layout.menu(SOCIALMIRROR_MT_pins.__name__, icon="PINNED")
    menu.layout.menu(SOCIALMIRROR_MT_result.__name__)


def _draw_strip(menu: Any, _context: Any) -> None:
    menu.layout.separator()
    menu.layout.operator("socialmirror.queue_strips", icon="SEQ_STRIP_DUPLICATE")


_ENTRIES: dict[str, Callable[[Any, Any], None]] = {
    "TOPBAR_MT_file_import": _draw_import,
    "TOPBAR_MT_file_export": _draw_export,
    "VIEW3D_MT_object": _draw_object,
    "VIEW3D_MT_pose": _draw_pose,
    "SEQUENCER_MT_strip": _draw_strip,
}
"""What is drawn at the end of which menu of Blender's."""


_CLASSES = (SOCIALMIRROR_MT_result, SOCIALMIRROR_MT_pins)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    for menu, draw in _ENTRIES.items():
        getattr(bpy.types, menu).append(draw)


def unregister() -> None:
    for menu, draw in _ENTRIES.items():
        getattr(bpy.types, menu).remove(draw)
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
