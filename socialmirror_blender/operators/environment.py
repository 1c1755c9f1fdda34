"""Operators that install, choose and check the Python environment."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import StringProperty

from ...core.contract.disk_space import NEEDED_SPACE
from ...core.contract.errors import UserError
from ..folders import absolute_path
from ..preferences import preferences
from ..runtime.environment_watch import refresh_environment
from ..runtime.job_starts import start_installation
from ..runtime.redraw import redraw
from ..runtime.session import session
from .reporting import OperatorReturn, WhileIdle, reports_errors


class SOCIALMIRROR_OT_install_environment(WhileIdle, bpy.types.Operator):
    bl_idname = "socialmirror.install_environment"
    bl_label = "Install Environment"
    bl_description = (
        "Create a Python environment in SocialMirror's own folder, with the packages and networks that it needs. Blender's own "
        f"Python is not changed. Needs internet access, {NEEDED_SPACE} and a few minutes"
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        require_online("Installing")
        start_installation(torch_index=preferences(context).torch_index)
        return {"FINISHED"}


class SOCIALMIRROR_OT_download_networks(WhileIdle, bpy.types.Operator):
    bl_idname = "socialmirror.download_networks"
    bl_label = "Download Networks"
    bl_description = (
        "Download the networks that find people in clips and read prompts, once. Each is checked by its SHA-256"
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        require_online("Downloading")
        start_installation(session.environment.interpreter)
        return {"FINISHED"}


class SOCIALMIRROR_OT_use_interpreter(WhileIdle, bpy.types.Operator):
    bl_idname = "socialmirror.use_interpreter"
    bl_label = "Use Custom Python"
    bl_description = (
        "Use a Python of your own, 3.11 to 3.13, with the packages of core/requirements.txt. It is checked, and nothing is "
        "installed into it. SocialMirror's own environment stays"
    )

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        self.filepath = preferences(context).interpreter
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        interpreter = self.filepath
        if not interpreter:
            raise UserError("no-interpreter", "No Python was chosen.", "Choose the executable python3 or python.exe.")
        if Path(interpreter).name != interpreter:  # a bare name is looked up by the system
            interpreter = str(absolute_path(interpreter))
        start_installation(interpreter)
        return {"FINISHED"}


class SOCIALMIRROR_OT_use_own_environment(WhileIdle, bpy.types.Operator):
    bl_idname = "socialmirror.use_own_environment"
    bl_label = "Use SocialMirror's Own Environment"
    bl_description = (
        "Use the environment in SocialMirror's own folder again. It is installed first if it is not there any more"
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        interpreter = session.environment.own_interpreter
        if not interpreter:
            require_online("Installing")
        start_installation(interpreter, preferences(context).torch_index)
        return {"FINISHED"}


class SOCIALMIRROR_OT_check_environment(bpy.types.Operator):
    bl_idname = "socialmirror.check_environment"
    bl_label = "Check Again"
    bl_description = "Check again what is installed"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        refresh_environment()
        redraw()
        return {"FINISHED"}


class SOCIALMIRROR_OT_network_preferences(bpy.types.Operator):
    bl_idname = "socialmirror.network_preferences"
    bl_label = "Network Preferences…"
    bl_description = "Show where Blender's online access is turned on: Preferences > System > Network"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        bpy.ops.screen.userpref_show(section="SYSTEM")
        return {"FINISHED"}


def require_online(doing: str) -> None:
    """UserError `offline` while Blender's online access is off."""
    if not bpy.app.online_access:
        raise UserError(
            "offline",
            f"{doing} needs the network, and Blender's online access is off.",
            "Turn on Preferences > System > Network > Allow Online Access.",
        )


CLASSES = (
    SOCIALMIRROR_OT_install_environment,
    SOCIALMIRROR_OT_download_networks,
    SOCIALMIRROR_OT_use_interpreter,
    SOCIALMIRROR_OT_use_own_environment,
    SOCIALMIRROR_OT_check_environment,
    SOCIALMIRROR_OT_network_preferences,
)
