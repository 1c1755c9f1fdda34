"""Draws the state of the Python environment that runs the core."""

from __future__ import annotations

from typing import Any

import bpy

from ..runtime.environment import EnvironmentState
from ..runtime.session import session
from ..text import draw_text

_ICONS = {
    EnvironmentState.NOT_INSTALLED: "IMPORT",
    EnvironmentState.INSTALLING: "SORTTIME",
    EnvironmentState.READY: "CHECKMARK",
    EnvironmentState.BROKEN: "ERROR",
    EnvironmentState.UPDATE_REQUIRED: "FILE_REFRESH",
    EnvironmentState.WEIGHTS_MISSING: "IMPORT",
}
_BUTTONS = {
    EnvironmentState.NOT_INSTALLED: ("socialmirror.install_environment", "Install Environment"),
    EnvironmentState.BROKEN: ("socialmirror.install_environment", "Repair Environment"),
    EnvironmentState.UPDATE_REQUIRED: ("socialmirror.install_environment", "Update Environment"),
    EnvironmentState.WEIGHTS_MISSING: ("socialmirror.download_networks", "Download Networks"),
}


def draw_environment_details(layout: Any) -> None:
    """Draw why the environment is not ready, and what it takes to get it ready."""
    environment = session.environment
    if environment.message:
        column = layout.column(align=True)
        column.active = False
        draw_text(column, f"{environment.message} {environment.hint}")
    _draw_notes(layout)


def _draw_notes(layout: Any) -> None:
    for note in session.environment.notes:
        draw_text(layout, note, icon="INFO")


def draw_environment(layout: Any, *, choose_python: bool = True) -> None:
    """Draw the environment's state, and the button that gets it ready; `choose_python`: with the one for another interpreter."""
    environment = session.environment
    icon = _ICONS[environment.state]
    column = layout.column(align=True)
    column.label(text=f"Environment: {environment.state.value}", icon=icon)
    if environment.message:
        draw_text(column, f"{environment.message} {environment.hint}")
    if environment.device:
        draw_text(column, f"Device: {environment.device}")
    _draw_notes(column)
    if environment.state in _BUTTONS:
        if not bpy.app.online_access:
            draw_text(column, "This needs the network, and Blender's online access is off.")
            column.operator("socialmirror.network_preferences", icon="PREFERENCES")
        operator, text = _BUTTONS[environment.state]
        row = column.row()
        row.scale_y = 1.4
        row.enabled = bpy.app.online_access
        row.operator(operator, text=text, icon=icon)
    elif environment.state is EnvironmentState.READY and environment.own:
        column.operator("socialmirror.install_environment", text="Reinstall Environment", icon="IMPORT")
    if environment.state is not EnvironmentState.INSTALLING:
        if not environment.own:
            column.operator("socialmirror.use_own_environment", icon="LOOP_BACK")
        if choose_python:
            row = column.row(align=True)
            row.operator("socialmirror.use_interpreter", icon="FILE_SCRIPT")
            row.operator("socialmirror.check_environment", text="", icon="FILE_REFRESH")
        else:
            column.operator("socialmirror.check_environment", icon="FILE_REFRESH")
