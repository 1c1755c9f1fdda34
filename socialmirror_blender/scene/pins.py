"""Locked keyframes: the animator locks keyframes, Refine gets them as pins, and new takes keep them.

A locked keyframe has the type Extreme. So the dope sheet shows it in pink, it is saved with the file, and the animator can lock
and unlock it there too, with Key > Keyframe Type.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ...core.contract.edits import Pin
from ...core.contract.skeleton import BODY_JOINTS, JOINT_INDEX
from .. import compat
from .actions import read_channels, take_channelbag
from .armature import read_rest_pose
from .fcurves import location_path, rotation_path
from .objects import rig_of
from .polish import LOCKED_KEYFRAME, OWN_KEYFRAME
from .pose_conversion import bones_to_smplx
from .rest_pose import BONES, ROOT
from .rotations import quaternion_to_axis_angle
from .state import read_state

_BODY_PLACEMENT = {ROOT, "pelvis"}
"""Bones that place the body only together, so that they are locked together."""


def lock_keyframes(rig: bpy.types.Object, bones: Iterable[str], frame: int) -> None:
    """Lock the pose of these bones, as their F-curves have it, at a scene frame."""
    for curve in _fcurves(rig, bones):
        _lock(curve, frame, curve.evaluate(frame))


def unlock_keyframes(rig: bpy.types.Object, bones: Iterable[str], frame: int) -> None:
    """Turn locked keyframes of these bones at a scene frame into ordinary ones."""
    for curve in _fcurves(rig, bones):
        for keyframe in curve.keyframe_points:
            if round(keyframe.co.x) == frame and keyframe.type == LOCKED_KEYFRAME:
                keyframe.type = OWN_KEYFRAME


def locked_frames(rig: bpy.types.Object, bone: str) -> list[int]:
    """Scene frames at which a bone has a locked keyframe."""
    return sorted({frame for curve in _fcurves(rig, [bone]) for frame in _locked_frames(curve)})


def read_pins(collection: bpy.types.Collection, person: int) -> list[Pin]:
    """Locked keyframes of the body joints as pins: the rotation, for the pelvis the position too.

    A pin goes to the nearest frame of the clip. Fingers and face have no pins, since the fit does not move them.
    """
    rig = rig_of(collection, person)
    timing = read_state(collection).timing
    joints_at: dict[int, set[str]] = {}
    for joint in BODY_JOINTS:
        for frame in locked_frames(rig, joint):
            joints_at.setdefault(frame, set()).add(joint)
    if not joints_at:
        return []
    frames = np.array(sorted(joints_at))
    rotations, pelvis_inworld = bones_to_smplx(read_channels(rig, frames), read_rest_pose(rig))
    axis_angles = quaternion_to_axis_angle(rotations)
    pins: list[Pin] = []
    for row, frame in enumerate(frames.tolist()):
        clip_frame = timing.to_clip_frame(frame)
        for joint in sorted(joints_at[frame], key=JOINT_INDEX.__getitem__):
            x, y, z = axis_angles[row, JOINT_INDEX[joint]].tolist()
            px, py, pz = pelvis_inworld[row].tolist()
            pins.append(Pin(person, joint, clip_frame, (x, y, z), (px, py, pz) if joint == "pelvis" else None))
    return pins


def _fcurves(rig: bpy.types.Object, bones: Iterable[str]) -> list[Any]:
    channelbag = take_channelbag(rig)
    if channelbag is None:
        return []
    names = {bone for bone in bones if bone in BONES}
    if names & _BODY_PLACEMENT:
        names |= _BODY_PLACEMENT
    paths = {path for name in names for path in (rotation_path(name), location_path(name))}
    return [curve for curve in channelbag.fcurves if curve.data_path in paths]


def _locked_frames(curve: Any) -> list[int]:
    locked = compat.enum_value(bpy.types.Keyframe, "type", LOCKED_KEYFRAME)
    points = curve.keyframe_points
    types = np.empty(len(points), dtype=np.int32)
    points.foreach_get("type", types)
    if not (types == locked).any():
        return []
    coordinates = np.empty(2 * len(points), dtype=np.float32)
    points.foreach_get("co", coordinates)
    return np.round(coordinates[::2][types == locked]).astype(int).tolist()


def _lock(curve: Any, frame: int, value: float) -> None:
    """Set a locked keyframe, whether or not the F-curve has a keyframe there."""
    keyframe = curve.keyframe_points.insert(frame, value, options={"FAST"}, keyframe_type=LOCKED_KEYFRAME)
    keyframe.interpolation = "LINEAR"
    keyframe.type = LOCKED_KEYFRAME
    curve.update()
