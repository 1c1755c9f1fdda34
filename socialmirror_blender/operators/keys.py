"""Locking keys: what the animator locked, Refine keeps."""

from __future__ import annotations

from typing import Any

import bpy

from .. import scene as scenes
from ..reconstructions import active_import, require_import
from .reports import Returned, reported


class _OnSelectedBones:
    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if active_import(context) is None or not context.selected_pose_bones:
            cls.poll_message_set("Select bones of a reconstruction in pose mode first")
            return False
        return True


class SOCIALMIRROR_OT_pin(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.pin"
    bl_label = "Lock Pose"
    bl_description = "Key the selected bones as they are at this frame, and make Refine keep them so"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        for rig, bones in _selected(context).items():
            for bone in bones:
                _key(rig, bone, context.scene.frame_current)
            scenes.lock_keys(rig, bones, context.scene.frame_current)
        return {"FINISHED"}


class SOCIALMIRROR_OT_unpin(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.unpin"
    bl_label = "Unlock"
    bl_description = "Let Refine change the selected bones at this frame again"
    bl_options = {"REGISTER", "UNDO"}

    @reported
    def execute(self, context: bpy.types.Context) -> Returned:
        for rig, bones in _selected(context).items():
            scenes.unlock_keys(rig, bones, context.scene.frame_current)
        return {"FINISHED"}


def _selected(context: bpy.types.Context) -> dict[Any, list[str]]:
    """Names of the selected bones of the reconstruction's own rigs."""
    collection = require_import(context)
    rigs = [scenes.rig_of(collection, person) for person in (0, 1)]
    chosen: dict[Any, list[str]] = {}
    for bone in context.selected_pose_bones:
        if bone.id_data in rigs:
            chosen.setdefault(bone.id_data, []).append(bone.name)
    return chosen


def _key(rig: Any, name: str, frame: int) -> None:
    """Key what is on the screen: a pose that the animator has changed and not keyed yet counts."""
    bone = rig.pose.bones[name]
    bone.keyframe_insert("rotation_quaternion", frame=frame, options={"INSERTKEY_AVAILABLE"})
    bone.keyframe_insert("location", frame=frame, options={"INSERTKEY_AVAILABLE"})


CLASSES = (SOCIALMIRROR_OT_pin, SOCIALMIRROR_OT_unpin)
