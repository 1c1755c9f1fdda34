"""The operator that exports what both armatures show to files for another program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from ...core.contract.errors import UserError
from ...core.export.bone_names import NAME_SET_LABELS
from ...core.export.settings import ORIGIN_CHOICES, PEOPLE_CHOICES, ROOT_CHOICES, ExportSettings
from ...core.export.targets import TARGETS
from .. import folders
from .. import scene as scenes
from ..export import Finding, check_export, export_people
from ..export.files import has_usd
from ..reconstructions import require_reconstruction
from ..text import draw_text
from .reporting import OnReconstruction, OperatorReturn, reports_errors

_AUTO, _TARGET_DEFAULT = "AUTO", "Target Default"
_SHOWN_FINDINGS = 8


def _items(choices: dict[str, str], automatic: str = "") -> list[tuple[str, str, str]]:
    """Items of an enum from names with descriptions; `automatic` describes a first one that leaves it to the target."""
    first = [(_AUTO, _TARGET_DEFAULT, automatic)] if automatic else []
    return [*first, *((name, name.replace("-", " ").title(), text) for name, text in choices.items())]


_TARGETS = [
    (name, target.label, target.description) for name, target in TARGETS.items() if target.format != "usd" or has_usd()
]
_NAMES = [
    (_AUTO, _TARGET_DEFAULT, "The names that the target recognizes"),
    *((name, label, f"The names of {label}") for name, label in NAME_SET_LABELS.items()),
]
_SWITCH = [
    (_AUTO, "Where Needed", "Only if both people are in one file"),
    ("ON", "Always", "A_pelvis, B_pelvis, ..."),
    ("OFF", "Never", "The same names for both people"),
]
_WEIGHTS = [
    (_AUTO, _TARGET_DEFAULT, "As many as the target supports"),
    ("4", "4", "Supported by every engine; the smallest weights are left out"),
    ("8", "8", "All weights of the body"),
]


class SOCIALMIRROR_OT_export(OnReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.export"
    bl_label = "Export People"
    bl_description = (
        "Export the two people as the scene shows them, for a game engine or another program. All files share one origin, so "
        "that the people still touch"
    )
    bl_options = {"PRESET"}

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})
    target: EnumProperty(name="Target", items=_TARGETS, description="The program that the files are for")
    people: EnumProperty(
        name="People",
        items=_items(PEOPLE_CHOICES, "One file each, or both in one, as the target needs"),
        description="Who is exported, to how many files",
    )
    names: EnumProperty(
        name="Names",
        items=_NAMES,
        description="Names of the bones",
    )
    prefix: EnumProperty(name="Prefix", items=_SWITCH, description="Start the names of bones with A_ and B_")
    root: EnumProperty(name="Root", items=_items(ROOT_CHOICES), description="How the root bone moves")
    origin: EnumProperty(name="Origin", items=_items(ORIGIN_CHOICES), description="Where the origin of the files is")
    weights: EnumProperty(name="Weights", items=_WEIGHTS, description="Maximum bone influences per vertex")
    animation_only: BoolProperty(name="Animation Only", description="Leave out the meshes")
    use_range: BoolProperty(name="Range", description="Export a range of the scene's frames instead of the whole take")
    frame_first: IntProperty(name="First", description="First exported frame of the scene")
    frame_last: IntProperty(name="Last", description="Last exported frame of the scene")

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        collection = require_reconstruction(context)
        state = scenes.read_state(collection)
        self.directory = first_folder(scenes.folder_of(collection))
        if not self.use_range:
            self.frame_first, self.frame_last = state.first_frame, state.last_frame
        _findings.clear()
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "target")
        draw_text(layout, TARGETS[self.target].description)
        column = layout.column()
        for name in ("people", "root", "origin", "names", "prefix", "weights", "animation_only"):
            column.prop(self, name)
        column = layout.column(heading="Range")
        column.prop(self, "use_range", text="")
        if self.use_range:
            row = column.row(align=True)
            row.prop(self, "frame_first", text="")
            row.prop(self, "frame_last", text="")
        draw_findings(layout, _found(context, self.settings()))

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        if not self.directory:
            raise UserError("no-folder", "No folder was chosen.", "Choose a folder for the files.")
        folder = folders.absolute_path(self.directory)
        collection, settings = require_reconstruction(context), self.settings()
        for finding in check_export(context, collection, settings):
            if finding.stops:
                raise UserError("export-check", finding.text, finding.hint)
            self.report({"WARNING"}, f"{finding.text} {finding.hint}")
        paths = export_people(context, collection, settings, folder)
        self.report({"INFO"}, f"Exported {', '.join(path.name for path in paths)} to {folder}")
        return {"FINISHED"}

    def settings(self) -> ExportSettings:
        return ExportSettings(
            target=self.target,
            people=None if self.people == _AUTO else self.people,
            names=None if self.names == _AUTO else self.names,
            prefix={"ON": True, "OFF": False}.get(self.prefix),
            root=self.root,
            origin=self.origin,
            frames=(self.frame_first, self.frame_last) if self.use_range else (None, None),
            weights=None if self.weights == _AUTO else int(self.weights),
            animation_only=self.animation_only,
        )


def first_folder(result: Path) -> str:
    """Where the dialog opens: at the result, unless it lies in the extension's hidden folder because the file was never saved.

    Empty lets Blender open the folder that was used last.
    """
    return str(result) if folders.has_result(result) and not folders.is_provisional(result) else ""


def draw_findings(layout: Any, findings: list[Finding]) -> None:
    """What an engine would stumble on, with the way out of each."""
    box = layout.box()
    if not findings:
        draw_text(box, "Checked: no problems for the target.", icon="CHECKMARK")
    for finding in findings[:_SHOWN_FINDINGS]:
        column = box.column(align=True)
        column.alert = finding.stops
        draw_text(column, finding.text, icon="ERROR" if finding.stops else "INFO")
        draw_text(column, finding.hint)


_findings: dict[ExportSettings, list[Finding]] = {}
"""Of the open dialog: it is drawn many times, and a check looks at every vertex."""


def _found(context: bpy.types.Context, settings: ExportSettings) -> list[Finding]:
    if settings not in _findings:
        try:
            _findings[settings] = check_export(context, require_reconstruction(context), settings)
        except UserError as error:
            _findings[settings] = [Finding(error.message, error.hint, stops=True)]
    return _findings[settings]


CLASSES = (SOCIALMIRROR_OT_export,)
