"""The add-on's preferences: the Python environment."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from .panels import draw_environment, draw_job
from .runtime.paths import PACKAGE


class SOCIALMIRROR_preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    interpreter: StringProperty(
        name="My Python",
        description="Python 3.11 to 3.13 with the packages of core/requirements.txt",
        subtype="FILE_PATH",
    )
    torch_index: StringProperty(
        name="PyTorch From",
        description="Address of a package index to install PyTorch from. Empty: the one that fits this computer",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        draw_environment(layout.box())
        draw_job(layout, "install")
        column = layout.column()
        column.use_property_split = True
        row = column.row(align=True)
        row.prop(self, "interpreter")
        row.operator("socialmirror.use_interpreter", text="", icon="CHECKMARK")
        column.prop(self, "torch_index")


def preferences(context: bpy.types.Context) -> Any:
    return context.preferences.addons[PACKAGE].preferences


def register() -> None:
    bpy.utils.register_class(SOCIALMIRROR_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(SOCIALMIRROR_preferences)
