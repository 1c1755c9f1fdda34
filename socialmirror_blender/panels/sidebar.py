"""Where the add-on's panels are, and when those about a result are shown."""

from __future__ import annotations

import bpy

from ..reconstructions import active_reconstruction, read_info

CATEGORY = "SocialMirror"


class Sidebar:
    """Mixin for panels in the add-on's tab of the sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY


class OnResult(Sidebar):
    """Mixin for the panels below *Result*, shown for the active reconstruction."""

    bl_parent_id = "SOCIALMIRROR_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_reconstruction(context) is not None


class OnReadableResult(OnResult):
    """Mixin for those that need the information in the reconstruction's folder."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        collection = active_reconstruction(context)
        return collection is not None and read_info(collection) is not None
