"""FBX files from the panel."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...core.contract.errors import UserError
from ..export.fbx import export_fbx
from ..reconstructions import active_import, folder_of, require_import
from .reports import Returned, reported


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
            ("EACH", "One File per Person", "What Unreal and most engines want"),
            ("TOGETHER", "Both in One File", ""),
            ("0", "Person A Only", ""),
            ("1", "Person B Only", ""),
        ],
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if active_import(context) is None:
            cls.poll_message_set("Select an armature of a reconstruction first")
            return False
        return True

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> Returned:
        folder = folder_of(require_import(context))
        self.directory = str(folder) if folder.is_dir() else ""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        if not self.directory:
            raise UserError("no-folder", "No folder is chosen.", "Choose where the FBX files go.")
        folder = Path(bpy.path.abspath(self.directory))
        persons = (0, 1) if self.people in ("EACH", "TOGETHER") else (int(self.people),)
        paths = export_fbx(
            context, require_import(context), folder, persons=persons, together=self.people == "TOGETHER"
        )
        self.report({"INFO"}, f"Exported {', '.join(path.name for path in paths)} to {folder}")
        return {"FINISHED"}


CLASSES = (SOCIALMIRROR_OT_export_fbx,)
