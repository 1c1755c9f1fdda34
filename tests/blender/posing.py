"""What an animator does with the keyframes of an armature, and what is read from them."""

from __future__ import annotations

from typing import Any

import bpy
from mathutils import Quaternion

POSE = Quaternion((0.6, 0.0, 0.8, 0.0))


def key(rig: Any, bone: str, frame: float, rotation: Quaternion = POSE) -> None:
    """Pose a bone and press I."""
    rig.pose.bones[bone].rotation_quaternion = rotation
    rig.pose.bones[bone].keyframe_insert("rotation_quaternion", frame=frame)


def rotation_at(rig: Any, bone: str, frame: float) -> Quaternion:
    bpy.context.scene.frame_set(int(frame), subframe=frame % 1)
    return rig.pose.bones[bone].rotation_quaternion.copy()


def is_same(a: Any, b: Any) -> bool:
    return abs(Quaternion(a).dot(Quaternion(b))) > 1 - 1e-5


def curve(rig: Any, bone: str, index: int = 1) -> Any:
    bag = rig.animation_data.action.layers[0].strips[0].channelbag(rig.animation_data.action_slot)
    return bag.fcurves.find(f'pose.bones["{bone}"].rotation_quaternion', index=index)


def key_frames(rig: Any, bone: str) -> list[float]:
    return [point.co.x for point in curve(rig, bone).keyframe_points]


def remove_keys(rig: Any, bone: str, frames: range) -> None:
    """Delete the keyframes of a bone in the dope sheet."""
    for index in range(4):
        points = curve(rig, bone, index).keyframe_points
        for frame in frames:
            points.remove(points[[point.co.x for point in points].index(frame)])


def locked_frames(rig: Any, bone: str) -> list[int]:
    """Frames at which the dope sheet shows a keyframe of a bone's rotation as an extreme, which is how poses are locked."""
    points = [point for index in range(4) for point in curve(rig, bone, index).keyframe_points]
    return sorted({round(point.co.x) for point in points if point.type == "EXTREME"})
