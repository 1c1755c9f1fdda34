"""The operator that exports FBX files."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...core.contract.errors import UserError
from .. import folders
from .. import scene as scenes
from ..export.fbx import export_fbx
from ..reconstructions import require_reconstruction
from .reporting import OperatorReturn, poll_reconstruction, reports_errors


class SOCIALMIRROR_OT_export_fbx(bpy.types.Operator):
    bl_idname = "socialmirror.export_fbx"
    bl_label = "Export FBX"
    bl_description = (
        "Write FBX files for game engines: choose a folder. All files share one origin, so that people still touch"
    )

    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN"})
    people: EnumProperty(
        name="People",
        items=[
            ("EACH", "One File per Person", "What Unreal and most other engines import"),
            ("TOGETHER", "Both in One File", ""),
            ("0", "Person A Only", ""),
            ("1", "Person B Only", ""),
        ],
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_reconstruction(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        folder = scenes.folder_of(require_reconstruction(context))
        self.directory = str(folder) if folders.has_result(folder) else ""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        if not self.directory:
            raise UserError("no-folder", "No folder was chosen.", "Choose a folder for the FBX files.")
        folder = Path(bpy.path.abspath(self.directory))
        persons = (0, 1) if self.people in ("EACH", "TOGETHER") else (int(self.people),)
        paths = export_fbx(
            context, require_reconstruction(context), folder, persons=persons, together=self.people == "TOGETHER"
        )
        self.report({"INFO"}, f"Exported {', '.join(path.name for path in paths)} to {folder}")
        return {"FINISHED"}


CLASSES = (SOCIALMIRROR_OT_export_fbx,)
