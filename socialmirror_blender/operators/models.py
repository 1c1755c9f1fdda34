"""Operators that list, download and delete models of the hub. A dialog shows the licence, which has to be accepted first."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core.contract.errors import UserError
from ..folders import absolute_path
from ..runtime import models
from ..runtime.job_starts import ask_worker
from ..runtime.session import session
from ..text import wrap
from .environment import require_online
from .reporting import OperatorReturn, poll_ready, reports_errors

_DIALOG_WIDTH = 420


class _OnModels:
    """Mixin for operators that ask the worker about models."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_ready(cls)


class _WithLicence(_OnModels):
    """Mixin for operators that show a model's licence and need it accepted."""

    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})
    accept: BoolProperty(
        name="I Accept the Licence",
        description="The model is installed only if you accept its licence",
        options={"SKIP_SAVE"},
    )

    def draw(self, context: bpy.types.Context) -> None:
        operator: Any = self
        layout, model = operator.layout, _model_named(operator.name)
        column = layout.column(align=True)
        for line in _lines_about(model):
            column.label(text=line)
        layout.operator("wm.url_open", text=f"Read the Licence ({model.licence})", icon="URL").url = model.licence_url
        layout.prop(self, "accept")

    def fetch(self, source: str = "") -> OperatorReturn:
        operator: Any = self
        model = _model_named(operator.name)
        if not operator.accept:
            raise UserError(
                "licence-not-accepted",
                f"{model.title} was not installed: its licence is not accepted.",
                f"Read {model.licence_url}, and check the box if you accept it.",
            )
        ask_worker(models.FETCH, {"names": [model.name], "accept_licence": True, "source": source or None})
        return {"FINISHED"}


class SOCIALMIRROR_OT_list_models(_OnModels, bpy.types.Operator):
    bl_idname = "socialmirror.list_models"
    bl_label = "Show Models"
    bl_description = "List the models, and which of them are on this computer. Nothing is downloaded"

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        ask_worker(models.LIST, {})
        return {"FINISHED"}


class SOCIALMIRROR_OT_download_model(_WithLicence, bpy.types.Operator):
    bl_idname = "socialmirror.download_model"
    bl_label = "Download Model"
    bl_description = "Download this model from the Hugging Face hub, after you have accepted its licence"
    bl_options = {"INTERNAL"}

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        return context.window_manager.invoke_props_dialog(self, width=_DIALOG_WIDTH)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        require_online("Downloading a model")
        return self.fetch()


class SOCIALMIRROR_OT_model_from_folder(_WithLicence, bpy.types.Operator):
    bl_idname = "socialmirror.model_from_folder"
    bl_label = "Install Model from Folder"
    bl_description = (
        "Install this model from a folder with its files, e.g. copied from another computer. The files are checked"
    )
    bl_options = {"INTERNAL"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        return self.fetch(str(absolute_path(self.directory)))


class SOCIALMIRROR_OT_delete_model(_OnModels, bpy.types.Operator):
    bl_idname = "socialmirror.delete_model"
    bl_label = "Delete Model"
    bl_description = "Delete this model, or what is left of an interrupted download. It can be downloaded again"
    bl_options = {"INTERNAL"}

    name: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        return context.window_manager.invoke_confirm(self, event)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        ask_worker(models.DELETE, {"names": [_model_named(self.name).name]})
        return {"FINISHED"}


def _model_named(name: str) -> models.Model:
    for model in session.models or ():
        if model.name == name:
            return model
    raise UserError("model-unknown", f"There is no model “{name}”.", "Press Show Models first.")


def _lines_about(model: models.Model) -> list[str]:
    text = (
        f"{model.title} {model.purpose}. It is downloaded from {model.source} ({model.size}) and needs "
        f"{model.memory_gigabytes:g} GB of memory."
    )
    note = f"{model.licence}: {model.licence_note}" if model.licence_note else f"Its licence is {model.licence}."
    return [*wrap(text, _DIALOG_WIDTH, 1.0), *wrap(note, _DIALOG_WIDTH, 1.0)]


CLASSES = (
    SOCIALMIRROR_OT_list_models,
    SOCIALMIRROR_OT_download_model,
    SOCIALMIRROR_OT_model_from_folder,
    SOCIALMIRROR_OT_delete_model,
)
