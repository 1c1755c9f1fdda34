"""Where the add-on's panels are."""

from __future__ import annotations

CATEGORY = "SocialMirror"


class Sidebar:
    """Mixin for panels in the add-on's tab of the sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = CATEGORY
