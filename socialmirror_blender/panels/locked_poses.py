"""The panel that locks the pose of bones."""

from __future__ import annotations

from typing import Any

import bpy

from ..reconstructions import active_reconstruction
from .sidebar import Sidebar
from .text import draw_text


class SOCIALMIRROR_PT_keys(Sidebar, bpy.types.Panel):
    bl_label = "Locked Poses"
    bl_parent_id = "SOCIALMIRROR_PT_result"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_reconstruction(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        if not context.selected_pose_bones:
            draw_text(layout, "In pose mode, select bones and lock them. Refine keeps locked poses.")
        row = layout.row(align=True)
        row.operator("socialmirror.pin", icon="LOCKED")
        row.operator("socialmirror.unpin", icon="UNLOCKED")


CLASSES = (SOCIALMIRROR_PT_keys,)
