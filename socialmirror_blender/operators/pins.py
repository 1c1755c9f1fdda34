"""Operators that pin the pose of bones at a frame, so that Refine keeps it, and on the animator's own keyframes."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from .. import compat
from .. import scene as scenes
from ..reconstructions import active_reconstruction, require_reconstruction
from ..scene.actions import is_below_layers
from ..scene.keyframes import OWN_KEYFRAME
from ..scene.names import rig_role
from ..scene.objects import has_control_rig, object_with_role
from ..scene.own_keys import give_back, lock_own_keys
from ..scene.pins import is_posed_without_keys, require_quaternions, with_parents
from ..scene.polish import LOCKED_KEYFRAME, MUTED_KEYFRAME
from ..scene.rest_pose import BONES, ROOT
from .reporting import OnEditableReconstruction, OperatorReturn, poll_editable, reports_errors

_RANGE_FRAMES = 10
"""Length of the range that is offered first."""


class _OnSelectedBones:
    @classmethod
    def poll(cls: Any, context: bpy.types.Context) -> bool:
        collection = active_reconstruction(context)
        if collection is None or not context.selected_pose_bones:
            cls.poll_message_set("Select bones of a reconstruction in pose mode first")
            return False
        if _selected_bones(context):
            return poll_editable(cls, context)
        if has_control_rig(collection):
            cls.poll_message_set("These bones are controls. Press Bake Back first, then select the person's own bones")
        else:
            cls.poll_message_set("Select bones of the two people first; these are others")
        return False


class SOCIALMIRROR_OT_pin(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.pin"
    bl_label = "Pin Pose"
    bl_description = (
        "Key the selected bones at the current frame, and make Refine keep their pose. Hands, feet, head and hips stay where "
        "they are in the world and their parents follow; other bones keep their rotation"
    )
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        _require_pose(context)
        for rig, bones in _selected_bones(context).items():
            _pin_visible_pose(context, rig, bones)
        return {"FINISHED"}


class SOCIALMIRROR_OT_pin_range(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.pin_range"
    bl_label = "Pin Range"
    bl_description = "Pin the selected bones over a range of frames, in the pose of the current frame"
    bl_options = {"REGISTER", "UNDO"}

    first: bpy.props.IntProperty(name="Start", description="First pinned frame of the scene")
    last: bpy.props.IntProperty(name="End", description="Last pinned frame of the scene")

    @reports_errors
    def invoke(self, context: Any, event: Any) -> Any:
        frame = context.scene.frame_current
        self.first, self.last = frame, frame + _RANGE_FRAMES - 1
        return context.window_manager.invoke_props_dialog(self)

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        first, last = sorted((self.first, self.last))
        clip = _require_pose(context)
        frames = range(max(first, clip.start), min(last + 1, clip.stop))
        if context.scene.frame_current not in frames:
            raise UserError(
                "frame-outside",
                "The current frame is not in the range, so there is no pose to hold.",
                "Go to the frame whose pose you want to hold, or choose a range that contains it.",
            )
        for rig, bones in _selected_bones(context).items():
            _pin_visible_pose(context, rig, bones)
            scenes.lock_range(context, rig, bones, frames)
        return {"FINISHED"}


class SOCIALMIRROR_OT_unpin(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.unpin"
    bl_label = "Unpin"
    bl_description = "Let Refine change the selected bones at the current frame again. Their keyframes stay"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        for rig, bones in _selected_bones(context).items():
            scenes.unlock_keyframes(rig, bones, context.scene.frame_current)
        return {"FINISHED"}


class _OnListedPin(OnEditableReconstruction):
    """An operator on successive pinned frames of a joint, as the panel lists them."""

    person: bpy.props.IntProperty(options={"HIDDEN"})
    joint: bpy.props.StringProperty(options={"HIDDEN"})
    first: bpy.props.IntProperty(options={"HIDDEN"})
    last: bpy.props.IntProperty(options={"HIDDEN"})

    def rig(self, context: bpy.types.Context) -> Any:
        return scenes.rig_of(require_reconstruction(context), self.person)


class SOCIALMIRROR_OT_pin_jump(_OnListedPin, bpy.types.Operator):
    bl_idname = "socialmirror.pin_jump"
    bl_label = "Jump to Pin"
    bl_description = "Go to the first frame of this pin and select its bone"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        rig = self.rig(context)
        context.scene.frame_set(self.first)
        _select_only(context, rig, self.joint)
        return {"FINISHED"}


class SOCIALMIRROR_OT_pin_mute(_OnListedPin, bpy.types.Operator):
    bl_idname = "socialmirror.pin_mute"
    bl_label = "Mute Pin"
    bl_description = "Make Refine ignore this pin, or use it again. Its keyframes stay"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    mute: bpy.props.BoolProperty(options={"HIDDEN"})

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        kind = MUTED_KEYFRAME if self.mute else LOCKED_KEYFRAME
        scenes.set_pin_type(self.rig(context), [self.joint], self.first, self.last, kind)
        return {"FINISHED"}


class SOCIALMIRROR_OT_pin_remove(_OnListedPin, bpy.types.Operator):
    bl_idname = "socialmirror.pin_remove"
    bl_label = "Unpin"
    bl_description = "Let Refine change this bone again. Its keyframes stay"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        scenes.set_pin_type(self.rig(context), [self.joint], self.first, self.last, OWN_KEYFRAME)
        return {"FINISHED"}


class SOCIALMIRROR_OT_pin_own_keys(OnEditableReconstruction, bpy.types.Operator):
    bl_idname = "socialmirror.pin_own_keys"
    bl_label = "Pin Own Keys"
    bl_description = "Pin every pose that you keyed yourself on the bodies of both people, so that Refine builds on it"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        count, left_out = lock_own_keys(require_reconstruction(context))
        beyond = f"; {left_out} outside the clip were left out" if left_out else ""
        self.report({"INFO"}, f"Pinned {count} poses: Refine keeps them{beyond}")
        return {"FINISHED"}


class SOCIALMIRROR_OT_give_back(_OnSelectedBones, bpy.types.Operator):
    bl_idname = "socialmirror.give_back"
    bl_label = "Reset to Take"
    bl_description = "Remove your own keys from the selected bones, so that they move as in the take"
    bl_options = {"REGISTER", "UNDO"}

    @reports_errors
    def execute(self, context: bpy.types.Context) -> OperatorReturn:
        for rig, bones in _selected_bones(context).items():
            give_back(rig, bones)
        return {"FINISHED"}


def _selected_bones(context: bpy.types.Context) -> dict[Any, list[str]]:
    """Names of the selected bones of SMPL-X of the active reconstruction, by armature object."""
    collection = active_reconstruction(context)
    rigs = [] if collection is None else [object_with_role(collection, rig_role(person)) for person in range(PEOPLE)]
    selected: dict[Any, list[str]] = {}
    for bone in context.selected_pose_bones or ():
        if bone.id_data in rigs and bone.name in BONES:
            selected.setdefault(bone.id_data, []).append(bone.name)
    return selected


def _require_pose(context: bpy.types.Context) -> range:
    """The scene frames of the clip. UserError `frame-outside` if the current one is not among them."""
    frames = scenes.frames_of_clip(require_reconstruction(context))
    if context.scene.frame_current not in frames:
        raise UserError(
            "frame-outside",
            f"The current frame is not in the clip ({frames[0]}–{frames[-1]}), so there is no pose to hold.",
            "Go to the frame whose pose you want to hold.",
        )
    return frames


def _pin_visible_pose(context: bpy.types.Context, rig: Any, bones: list[str]) -> None:
    """Pin bones as they are seen in the current frame. What is posed above them without keyframes is keyed, or it would go."""
    if is_below_layers(rig):
        raise UserError(
            "layered",
            f"The take of {rig.name} lies below your own layers in the NLA, whose poses cannot be pinned.",
            "Select the take's strip in the NLA, press Tab to enter it, and pin poses there.",
        )
    require_quaternions(rig, with_parents(bones))
    frame = context.scene.frame_current
    above = {parent.name for bone in bones for parent in rig.data.bones[bone].parent_recursive}
    for name in {*bones, *(bone for bone in above if is_posed_without_keys(rig, bone, frame))}:
        _insert_keyframes(rig, name, frame)
    scenes.lock_keyframes(rig, bones, frame)


def _select_only(context: bpy.types.Context, rig: Any, name: str) -> None:
    """Let this be the only bone that is selected, in pose mode; of a hidden armature it becomes only the active one."""
    if rig.visible_get(view_layer=context.view_layer):
        if context.object != rig and context.mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        for item in context.selected_objects:
            item.select_set(item == rig)
        rig.select_set(True)
        context.view_layer.objects.active = rig
        if rig.mode != "POSE":
            bpy.ops.object.mode_set(mode="POSE")
    for bone in rig.pose.bones:
        compat.select_bone(bone, bone.name == name)
    rig.data.bones.active = rig.data.bones.get(name)


def _insert_keyframes(rig: Any, name: str, frame: int) -> None:
    """Key the pose that is visible, which the animator may have changed without inserting keyframes."""
    bone = rig.pose.bones[name]
    for channel in ("rotation_quaternion", "location") if name in (ROOT, "pelvis") else ("rotation_quaternion",):
        bone.keyframe_insert(channel, frame=frame, options={"INSERTKEY_AVAILABLE"})


CLASSES = (
    SOCIALMIRROR_OT_pin,
    SOCIALMIRROR_OT_pin_range,
    SOCIALMIRROR_OT_unpin,
    SOCIALMIRROR_OT_pin_jump,
    SOCIALMIRROR_OT_pin_mute,
    SOCIALMIRROR_OT_pin_remove,
    SOCIALMIRROR_OT_pin_own_keys,
    SOCIALMIRROR_OT_give_back,
)
