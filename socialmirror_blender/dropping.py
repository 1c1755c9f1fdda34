"""Takes movies that are dropped on the add-on's tab of the sidebar, from the file manager or Blender's file browser."""

from __future__ import annotations

from typing import Any

import bpy

from .panels.sidebar import CATEGORY

_blender_path: Any = bpy.path


class SOCIALMIRROR_FH_clip(bpy.types.FileHandler):
    """Blender offers it beside its own handlers. Only on the tab: elsewhere in the view a movie means a reference image."""

    bl_idname = "SOCIALMIRROR_FH_clip"
    bl_label = "SocialMirror Clip"
    bl_import_operator = "socialmirror.use_clip"
    bl_file_extensions = ";".join(sorted(_blender_path.extensions_movie))

    @classmethod
    def poll_drop(cls, context: Any) -> bool:
        region, area = context.region, context.area
        if region is None or area is None:
            return False
        return area.type == "VIEW_3D" and region.type == "UI" and region.active_panel_category == CATEGORY


def register() -> None:
    bpy.utils.register_class(SOCIALMIRROR_FH_clip)


def unregister() -> None:
    bpy.utils.unregister_class(SOCIALMIRROR_FH_clip)
