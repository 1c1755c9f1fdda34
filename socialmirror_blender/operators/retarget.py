"""Operators that retarget people onto the animator's own armatures, and choose, load and save bone maps."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from ...core.contract.errors import UserError
from ..folders import absolute_path
from ..reconstruction_properties import PERSON_ITEMS
from ..reconstructions import active_reconstruction, require_reconstruction
from ..retarget_properties import choose_map, map_of, retarget_settings, target_of
from ..rigging.retarget.bone_maps import BoneMap, load_map, save_map, shipped_maps
from ..rigging.retarget.retargeting import Options, retarget
from ..runtime.redraw import redraw
from .reporting import OperatorReturn, poll_reconstruction, reports_errors

_DETECT = "DETECT"
_SUFFIX = ".json"


class SOCIALMIRROR_OT_retarget(bpy.types.Operator):
    bl_idname = "socialmirror.retarget"
    bl_label = "Retarget"
    bl_description = (
        "Transfer the people's motion to the target armatures, each in a new action. Earlier actions stay in the file"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if not poll_reconstruction(cls, context):
            return False
        settings = retarget_settings(context)
        if settings.target_a.rig is None and settings.target_b.rig is None:
            cls.poll_message_set("Choose a target armature for one or both people first")
            return False
        return True

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        settings = retarget_settings(context)
        chosen: dict[int, tuple[Any, BoneMap]] = {}
        for person in (0, 1):
            target = target_of(settings, person)
            if target.rig is not None:
                _check_in_scene(context, target.rig)
                chosen[person] = (target.rig, map_of(target))
        options = Options(
            ik=settings.controls == "IK",
            keep_touches=settings.keep_touches,
            frame_first=settings.frame_first if settings.use_range else None,
            frame_last=settings.frame_last if settings.use_range else None,
            step=settings.step,
        )
        collection = require_reconstruction(context)
        if context.mode != "OBJECT" and context.object is not None and context.object.mode == "EDIT":
            bpy.ops.object.mode_set(mode="OBJECT")
        report = retarget(context, collection, chosen, options)
        settings.report = report.text()
        redraw()  # the panel gets a line more
        self.report({"INFO"}, report.text())
        return {"FINISHED"}


class _OnTarget:
    person: EnumProperty(name="Person", items=PERSON_ITEMS, options={"HIDDEN"})

    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if active_reconstruction(context) is None:
            return poll_reconstruction(cls, context)
        return True

    def target(self, context: bpy.types.Context) -> Any:
        target = target_of(retarget_settings(context), int(self.person))
        if target.rig is None:
            raise UserError("no-target", "No target armature is chosen.", "Choose the armature first.")
        return target


class SOCIALMIRROR_OT_bone_map_choose(_OnTarget, bpy.types.Operator):
    bl_idname = "socialmirror.bone_map_choose"
    bl_label = "Bone Map"
    bl_description = "Fill in the bone map for a kind of rig, by the names of its bones"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    kind: EnumProperty(
        name="Map",
        description="Kind of rig whose bone names are looked up",
        items=[(_DETECT, "Detect", "The map that best fits the names of the bones")]
        + [(bone_map.name, bone_map.name, "") for bone_map in shipped_maps()],
    )

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        target = self.target(context)
        choose_map(target, next((each for each in shipped_maps() if each.name == self.kind), None))
        return {"FINISHED"}


class SOCIALMIRROR_OT_bone_map_load(_OnTarget, bpy.types.Operator):
    bl_idname = "socialmirror.bone_map_load"
    bl_label = "Load Bone Map"
    bl_description = "Load a bone map from a JSON file"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=f"*{_SUFFIX}", options={"HIDDEN"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        choose_map(self.target(context), load_map(absolute_path(self.filepath)))
        return {"FINISHED"}


class SOCIALMIRROR_OT_bone_map_save(_OnTarget, bpy.types.Operator):
    bl_idname = "socialmirror.bone_map_save"
    bl_label = "Save Bone Map"
    bl_description = "Save the bone map with your changes as a JSON file"
    bl_options = {"INTERNAL"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default=f"*{_SUFFIX}", options={"HIDDEN"})

    @reports_errors
    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> OperatorReturn:
        self.filepath = f"bone_map{_SUFFIX}"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        path = absolute_path(self.filepath)
        path = path if path.suffix == _SUFFIX else path.with_name(path.name + _SUFFIX)
        save_map(path, map_of(self.target(context)))
        self.report({"INFO"}, f"Saved the bone map to {path}")
        return {"FINISHED"}


def _check_in_scene(context: bpy.types.Context, rig: Any) -> None:
    if rig.name not in context.scene.objects:
        raise UserError(
            "no-target", f"The armature {rig.name!r} is no longer in this scene.", "Choose another target armature."
        )


CLASSES = (
    SOCIALMIRROR_OT_retarget,
    SOCIALMIRROR_OT_bone_map_choose,
    SOCIALMIRROR_OT_bone_map_load,
    SOCIALMIRROR_OT_bone_map_save,
)
