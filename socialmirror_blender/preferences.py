"""The add-on's preferences: the Python environment, and the server of an annotator."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from ..core.contract.annotators import KEY_VARIABLE
from .panels import draw_environment, draw_job
from .runtime.paths import PACKAGE
from .runtime.session import session


def _get_key(_preferences: Any) -> str:
    return session.annotator_key


def _set_key(_preferences: Any, value: str) -> None:
    session.annotator_key = value.strip()


class SOCIALMIRROR_preferences(bpy.types.AddonPreferences):
    bl_idname = PACKAGE

    interpreter: StringProperty(
        name="Custom Python",
        description="Python 3.11 to 3.13 with the packages of core/requirements.txt",
        subtype="FILE_PATH",
    )
    torch_index: StringProperty(
        name="PyTorch Index URL",
        description="Package index to install PyTorch from. Empty: the one that suits this computer",
    )

    annotator_url: StringProperty(
        name="Server URL",
        description="Address of an OpenAI-compatible server, such as http://localhost:11434/v1. Used if the annotator is Server",
    )
    annotator_model: StringProperty(
        name="Model", description="Name of the server's model. Empty: the first that the server lists"
    )
    annotator_key: StringProperty(
        name="API Key",
        description=f"Key of the server; a local one needs none. It is forgotten when Blender quits. {KEY_VARIABLE} keeps one",
        subtype="PASSWORD",
        get=_get_key,
        set=_set_key,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        draw_environment(layout.box(), choose_python=False)  # it has a field of its own below
        draw_job(layout, "install")
        column = layout.column()
        column.use_property_split = True
        row = column.row(align=True)
        row.prop(self, "interpreter")
        row.operator("socialmirror.use_interpreter", text="", icon="CHECKMARK")
        column.prop(self, "torch_index")
        column = layout.column()
        column.use_property_split = True
        column.label(text="Server that annotates clips (Settings > Annotator)")
        for name in ("annotator_url", "annotator_model", "annotator_key"):
            column.prop(self, name)


def preferences(context: bpy.types.Context) -> Any:
    return context.preferences.addons[PACKAGE].preferences


def register() -> None:
    bpy.utils.register_class(SOCIALMIRROR_preferences)


def unregister() -> None:
    bpy.utils.unregister_class(SOCIALMIRROR_preferences)
