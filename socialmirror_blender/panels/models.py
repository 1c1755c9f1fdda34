"""The panel of the hub's models: what each brings, how large it is, under which licence, and whether it is there."""

from __future__ import annotations

from typing import Any

import bpy

from ..runtime.models import Model, disk_used
from ..runtime.session import session
from ..text import draw_text
from .sidebar import Sidebar

_ICONS = {"installed": "CHECKMARK", "missing": "IMPORT", "damaged": "ERROR"}
_ABOUT = "Optional models for better tracking and for descriptions. Each is downloaded only when you ask for it."


class SOCIALMIRROR_PT_models(Sidebar, bpy.types.Panel):
    bl_label = "Models"
    bl_parent_id = "SOCIALMIRROR_PT_reconstruct"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = 3

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        draw_text(layout, _ABOUT)
        if not session.environment.usable:
            draw_text(layout, "They can be downloaded once the environment is installed.", icon="INFO")
            return
        if session.models is None:
            layout.operator("socialmirror.list_models", icon="VIEWZOOM")
            return
        if not bpy.app.online_access:
            draw_text(
                layout, "Downloading needs the network, and Blender's online access is off.", icon="INTERNET_OFFLINE"
            )
            layout.operator("socialmirror.network_preferences", icon="PREFERENCES")
        for model in session.models:
            _draw_model(layout.box(), model)
        row = layout.row(align=True)
        row.label(text=f"{disk_used(session.models)} on disk", icon="DISK_DRIVE")
        row.operator("socialmirror.list_models", text="", icon="FILE_REFRESH")


def _draw_model(box: Any, model: Model) -> None:
    heading = box.row()
    title, row = heading.row(), heading.row(align=True)
    title.alignment, row.alignment = "LEFT", "RIGHT"  # each as wide as it needs, so that titles are not cut off
    title.label(text=model.title, icon=_ICONS.get(model.state, "QUESTION"))
    if model.state != "installed":
        download = row.row(align=True)
        download.alignment = "RIGHT"
        download.enabled = bpy.app.online_access
        download.operator(
            "socialmirror.download_model", text="Resume" if model.bytes_begun else "Download"
        ).name = model.name
        row.operator("socialmirror.model_from_folder", text="", icon="FILE_FOLDER").name = model.name
    if model.state != "missing" or model.bytes_begun:
        row.operator("socialmirror.delete_model", text="", icon="TRASH").name = model.name
    column = box.column(align=True)
    column.active = model.state == "installed"
    draw_text(
        column,
        f"It {model.purpose}. {model.size}, {model.licence}."
        if model.state != "damaged"
        else f"Damaged: {model.problem}.",
    )
    if model.bytes_begun:
        draw_text(column, f"{model.bytes_begun / 1e6:.0f} MB are downloaded already.")


CLASSES = (SOCIALMIRROR_PT_models,)
