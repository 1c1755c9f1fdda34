"""Operators that lock the pose of bones at a frame, so that Refine keeps it, and on the animator's own keyframes."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.errors import UserError
from .. import scene as scenes
from ..reconstructions import active_reconstruction, require_reconstruction
from ..scene.actions import is_below_layers
from ..scene.own_keys import give_back, lock_own_keys
from .reporting import OperatorReturn, poll_reconstruction, reports_errors


class _OnSelectedBones:
    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        if active_reconstruction(context) is None or not context.selected_pose_bones:
            cls.poll_message_set("Select bones of a reconstruction in pose mode first")
            return False
        return True


class SOCIALMIRROR_OT_pin(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.pin"
    bl_label = "Lock Pose"
    bl_description = "Insert keyframes for the selected bones at the current frame, and make Refine keep their rotation"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        for rig, bones in _selected_bones(context).items():
            if is_below_layers(rig):
                raise UserError(
                    "layered",
                    f"The take of {rig.name} lies in the NLA below layers of yours, whose poses cannot be locked.",
                    "Select the take's strip in the NLA, press Tab to enter it, and lock poses there.",
                )
            for bone in bones:
                _insert_keyframes(rig, bone, context.scene.frame_current)
            scenes.lock_keyframes(rig, bones, context.scene.frame_current)
        return {"FINISHED"}


class SOCIALMIRROR_OT_unpin(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.unpin"
    bl_label = "Unlock"
    bl_description = "Let Refine change the selected bones at the current frame again. Their keyframes stay"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        for rig, bones in _selected_bones(context).items():
            scenes.unlock_keyframes(rig, bones, context.scene.frame_current)
        return {"FINISHED"}


class SOCIALMIRROR_OT_pin_own_keys(bpy.types.Operator):
    bl_idname = "socialmirror.pin_own_keys"
    bl_label = "Use as Pins"
    bl_description = (
        "Lock every pose that you have keyed yourself on the bodies of both people, so that Refine builds on it"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return poll_reconstruction(cls, context)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        count = lock_own_keys(require_reconstruction(context))
        self.report({"INFO"}, f"{count} poses are locked: Refine keeps them")
        return {"FINISHED"}


class SOCIALMIRROR_OT_give_back(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.give_back"
    bl_label = "Back to Take"
    bl_description = "Remove your own keys of the selected bones, so that they move as the take has it"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        for rig, bones in _selected_bones(context).items():
            give_back(rig, bones)
        return {"FINISHED"}


def _selected_bones(context: bpy.types.Context) -> dict[Any, list[str]]:
    """Names of the selected bones of the active reconstruction, by armature object."""
    collection = require_reconstruction(context)
    rigs = [scenes.rig_of(collection, person) for person in (0, 1)]
    selected: dict[Any, list[str]] = {}
    for bone in context.selected_pose_bones:
        if bone.id_data in rigs:
            selected.setdefault(bone.id_data, []).append(bone.name)
    return selected


def _insert_keyframes(rig: Any, name: str, frame: int) -> None:
    """Key the pose that is visible, which the animator may have changed without inserting keyframes."""
    bone = rig.pose.bones[name]
    for channel in ("rotation_quaternion", "location"):
        bone.keyframe_insert(channel, frame=frame, options={"INSERTKEY_AVAILABLE"})


CLASSES = (
    SOCIALMIRROR_OT_pin,
    SOCIALMIRROR_OT_unpin,
    SOCIALMIRROR_OT_pin_own_keys,
    SOCIALMIRROR_OT_give_back,
)
