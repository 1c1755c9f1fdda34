"""Keys that the animator locked. A locked key has the type Extreme, so it shows pink in the dope sheet, is saved with
the file, and can be set there too (Key > Keyframe Type)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ...core.contract.edits import Pin
from ...core.contract.skeleton import BODY_JOINTS, JOINT_INDEX
from .. import compat
from .basis import BONES, ROOT, smplx_motion
from .keys import LOCKED, location_path, read_keys, rotation_path
from .rig import read_rest
from .rotations import axis_angle_from_quaternion
from .state import clip_times, read_state, rig_of

_OWN_KEY = "KEYFRAME"
_TOGETHER = (ROOT, "pelvis")
"""Root and pelvis place the body together, so they are locked together."""


def lock_keys(rig: bpy.types.Object, bones: Iterable[str], frame: int) -> None:
    """Lock what these bones are keyed with at a scene frame; a key is made where there is none."""
    for curve in _curves(rig, bones):
        _set_key(curve, frame, curve.evaluate(frame), LOCKED)


def unlock_keys(rig: bpy.types.Object, bones: Iterable[str], frame: int) -> None:
    """Turn locked keys of these bones at a scene frame into ordinary ones."""
    for curve in _curves(rig, bones):
        for key in curve.keyframe_points:
            if round(key.co.x) == frame and key.type == LOCKED:
                key.type = _OWN_KEY


def locked_frames(rig: bpy.types.Object, bone: str) -> list[int]:
    """Scene frames at which a bone is locked."""
    return sorted(_locked(_curves(rig, [bone])))


def read_pins(collection: bpy.types.Collection, person: int) -> list[Pin]:
    """Locked keys as pins: the rotation of each locked body joint, for the pelvis its position too.

    A pin goes to the clip frame nearest in time. Locked fingers and face have no pin: the fit leaves them alone.
    """
    rig = rig_of(collection, person)
    clip_frames, seconds = clip_times(collection)
    timeline = read_state(collection).timeline
    joints_at: dict[int, set[str]] = {}
    for joint in BODY_JOINTS:
        for frame in locked_frames(rig, joint):
            joints_at.setdefault(frame, set()).add(joint)
    if not joints_at:
        return []
    frames = np.array(sorted(joints_at))
    rotations, pelvis = smplx_motion(read_keys(rig, frames), read_rest(rig))
    turns = axis_angle_from_quaternion(rotations)
    pins = []
    for row, frame in enumerate(frames.tolist()):
        clip_frame = int(clip_frames[np.abs(seconds - timeline.seconds(frame)).argmin()])
        for joint in sorted(joints_at[frame], key=JOINT_INDEX.__getitem__):
            x, y, z = turns[row, JOINT_INDEX[joint]].tolist()
            px, py, pz = pelvis[row].tolist()
            pins.append(Pin(person, joint, clip_frame, (x, y, z), (px, py, pz) if joint == "pelvis" else None))
    return pins


def carry_locked(old: Any, new: Any) -> None:
    """Copy locked keys, their values too, from one bag of curves to another: a new take keeps what was locked."""
    for curve in old.fcurves:
        frames = _locked([curve])
        target = new.fcurves.find(curve.data_path, index=curve.array_index) if frames else None
        if target is not None:
            for frame in frames:
                _set_key(target, frame, curve.evaluate(frame), LOCKED)


def _curves(rig: bpy.types.Object, bones: Iterable[str]) -> list[Any]:
    bag = compat.channels(rig)
    if bag is None:
        return []
    names = {name for name in bones if name in BONES}
    if names & set(_TOGETHER):
        names |= set(_TOGETHER)
    paths = {path for name in names for path in (rotation_path(name), location_path(name))}
    return [curve for curve in bag.fcurves if curve.data_path in paths]


def _locked(curves: Iterable[Any]) -> set[int]:
    """Scene frames with a locked key on any of the curves."""
    locked = compat.enum_value(bpy.types.Keyframe, "type", LOCKED)
    frames: set[int] = set()
    for curve in curves:
        points = curve.keyframe_points
        kinds = np.empty(len(points), dtype=np.int32)
        points.foreach_get("type", kinds)
        if (kinds == locked).any():
            places = np.empty(2 * len(points), dtype=np.float32)
            points.foreach_get("co", places)
            frames.update(np.round(places[::2][kinds == locked]).astype(int).tolist())
    return frames


def _set_key(curve: Any, frame: int, value: float, kind: str) -> None:
    key = curve.keyframe_points.insert(frame, value, options={"FAST"}, keyframe_type=kind)
    key.interpolation = "LINEAR"
    key.type = kind
    curve.update()
