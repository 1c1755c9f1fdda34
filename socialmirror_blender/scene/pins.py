"""Pins: the animator locks keyframes, Refine gets them as pins, and new takes keep them.

A locked keyframe has the type Extreme. So the dope sheet shows it in pink, it is saved with the file, and the animator can lock
and unlock it there too, with Key > Keyframe Type. A muted one is a Moving Hold. Hands, feet, head and hips are pinned by their
place and rotation in the world, other joints by their own rotation.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...core.contract.edits import Pin
from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from ...core.contract.rotations import Y_UP_TO_Z_UP
from ...core.contract.runs import successive_frames
from ...core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, PARENT_NAME
from .. import compat
from .actions import read_channels, take_channelbag
from .armature import read_rest_pose
from .fcurves import location_path, rotation_path
from .keyframes import OWN_KEYFRAME, read_places, read_types
from .names import rig_role
from .objects import object_with_role, rig_of
from .polish import LOCKED_KEYFRAME, MUTED_KEYFRAME
from .pose_conversion import BoneChannels, bones_to_smplx, skinning_matrices
from .rest_pose import BONES, ROOT, RestPose
from .rotations import matrix_to_quaternion, quaternion_to_axis_angle
from .state import read_state

PINNED_IN_WORLD = ("pelvis", "head", "left_wrist", "right_wrist", "left_ankle", "right_ankle")
_BODY_PLACEMENT = {ROOT, "pelvis"}
"""Bones that place the body only together, so that they are locked together."""

_JOINT_OF_PATH = {
    **{rotation_path(joint): joint for joint in BODY_JOINTS},
    **{path(bone): "pelvis" for bone in sorted(_BODY_PLACEMENT) for path in (rotation_path, location_path)},
}
"""The joint that an F-curve's keyframes pin, by its path."""

_SAME_ROTATION = 1e-7
"""One minus the dot product of quaternions, up to which two rotations are the same."""
_SAME_PLACE = 1e-5
"""metres."""


@dataclass(frozen=True)
class PinnedRange:
    """Successive scene frames in which a joint is pinned."""

    person: int
    joint: str
    first: int
    last: int
    muted: bool
    outside: bool
    """Whether the clip has none of these frames, so that Refine does not get them."""

    @property
    def in_world(self) -> bool:
        """Whether it pins the joint's place, not its rotation relative to its parent."""
        return self.joint in PINNED_IN_WORLD


def lock_keyframes(rig: bpy.types.Object, bones: Iterable[str], frame: int) -> None:
    """Lock the pose of these bones, as their F-curves have it, at a scene frame."""
    for curve in _fcurves(rig, bones):
        lock_at(curve, frame, curve.evaluate(frame))


def unlock_keyframes(rig: bpy.types.Object, bones: Iterable[str], frame: int) -> None:
    """Turn locked keyframes of these bones at a scene frame into ordinary ones."""
    set_pin_type(rig, bones, frame, frame, OWN_KEYFRAME)


def set_pin_type(rig: bpy.types.Object, bones: Iterable[str], first: int, last: int, kind: str) -> None:
    """Give the locked and muted keyframes of these bones from one scene frame to another this type of keyframes."""
    pins = [_number(LOCKED_KEYFRAME), _number(MUTED_KEYFRAME)]
    for curve in _fcurves(rig, bones):
        places, types = read_places(curve)
        frames = np.round(places[:, 0])
        rows = np.isin(types, pins) & (frames >= first) & (frames <= last)
        if rows.any():
            curve.keyframe_points.foreach_set("type", np.where(rows, _number(kind), types).astype(np.int32))
            curve.update()


def list_pins(collection: bpy.types.Collection) -> list[PinnedRange]:
    """All pins of both people, in the order of time."""
    found: list[PinnedRange] = []
    inside = frames_of_clip(collection)
    for person in range(PEOPLE):
        rig = object_with_role(collection, rig_role(person))
        if rig is None:
            continue
        for kind, joints in _frames_by_joint(rig).items():
            for joint, frames in joints.items():
                for outside in (False, True):
                    for first, last in successive_frames(
                        sorted(frame for frame in frames if (frame not in inside) == outside)
                    ):
                        found.append(PinnedRange(person, joint, first, last, kind == MUTED_KEYFRAME, outside))
    return sorted(found, key=lambda pin: (pin.first, pin.person, BODY_JOINTS.index(pin.joint), pin.last))


def read_pins(collection: bpy.types.Collection, person: int) -> list[Pin]:
    """Locked keyframes of the body joints as pins at the nearest frame of the clip; those outside it are none.

    Fingers and face have no pins, since the fit does not move them.
    """
    rig = rig_of(collection, person)
    timing = read_state(collection).timing
    joints_at = joints_by_frame(rig, frames_of_clip(collection))
    if not joints_at:
        return []
    frames, rest = np.array(sorted(joints_at)), read_rest_pose(rig)
    channels = read_channels(rig, frames)
    local = quaternion_to_axis_angle(bones_to_smplx(channels, rest)[0])
    places, world = joint_places(channels, rest)
    pins: list[Pin] = []
    for row, frame in enumerate(frames.tolist()):
        clip_frame = timing.to_clip_frame(frame)
        for joint in sorted(joints_at[frame], key=JOINT_INDEX.__getitem__):
            index = JOINT_INDEX[joint]
            if joint in PINNED_IN_WORLD:
                place, turn = _triple(places[row, index]), _triple(world[row, index])
                pins.append(Pin(person, joint, clip_frame, position=place, world_rotation=turn))
            else:
                pins.append(Pin(person, joint, clip_frame, _triple(local[row, index])))
    return pins


def joints_by_frame(rig: bpy.types.Object, among: Container[int]) -> dict[int, set[str]]:
    """The body joints that are locked, by scene frame, in the frames that are among these."""
    found: dict[int, set[str]] = {}
    for joint, frames in _frames_by_joint(rig)[LOCKED_KEYFRAME].items():
        for frame in frames:
            if frame in among:
                found.setdefault(frame, set()).add(joint)
    return found


def frames_of_clip(collection: bpy.types.Collection) -> range:
    """The scene frames from the clip's first to its last one."""
    state = read_state(collection)
    return range(state.first_frame, state.last_frame + 1)


def count_pins_outside(collection: bpy.types.Collection) -> int:
    """How many poses of joints are locked, and not muted, outside the clip, so that Refine does not get them."""
    return sum(pin.last - pin.first + 1 for pin in list_pins(collection) if pin.outside and not pin.muted)


def joint_places(channels: BoneChannels, rest: RestPose) -> tuple[np.ndarray, np.ndarray]:
    """World positions [T,55,3] of the joints, and axis-angles [T,55,3] that take SMPL-X axes of the rest pose into the world."""
    matrices = skinning_matrices(channels, rest)[:, 1:]
    heads = np.einsum("tjab,jb->tja", matrices[..., :3, :3], rest.heads_inarmature[1:]) + matrices[..., :3, 3]
    turns = quaternion_to_axis_angle(matrix_to_quaternion(matrices[..., :3, :3] @ Y_UP_TO_Z_UP))
    return heads, turns


def lock_at(curve: Any, frame: int, value: float) -> None:
    """Set a locked keyframe, whether or not the F-curve has a keyframe there."""
    keyframe = curve.keyframe_points.insert(frame, value, options={"FAST"}, keyframe_type=LOCKED_KEYFRAME)
    keyframe.interpolation = "LINEAR"
    keyframe.type = LOCKED_KEYFRAME
    curve.update()


def is_posed_without_keys(rig: Any, bone: str, frame: float) -> bool:
    """Whether a bone's visible pose is another one than its F-curves have at a scene frame, which may be a fraction."""
    channelbag, posed = take_channelbag(rig), rig.pose.bones[bone]
    rotation = _keyed(channelbag, rotation_path(bone), 4, frame)
    if rotation is not None:
        shown = np.array(posed.rotation_quaternion, dtype=np.float64)  # of any length, if the animator typed it
        lengths = float(np.linalg.norm(rotation)) * float(np.linalg.norm(shown))
        if abs(float(rotation @ shown)) < (1 - _SAME_ROTATION) * lengths:
            return True
    location = _keyed(channelbag, location_path(bone), 3, frame) if bone in _BODY_PLACEMENT else None
    return location is not None and float(np.abs(location - np.array(posed.location)).max()) > _SAME_PLACE


def _keyed(channelbag: Any, path: str, size: int, frame: float) -> np.ndarray | None:
    """What F-curves say at a scene frame, None if one of them is missing."""
    curves = [] if channelbag is None else [channelbag.fcurves.find(path, index=index) for index in range(size)]
    if not curves or any(curve is None for curve in curves):
        return None
    return np.array([curve.evaluate(frame) for curve in curves])


def with_parents(bones: Iterable[str]) -> set[str]:
    """Bones of SMPL-X and all bones above them."""
    found: set[str] = set()
    for name in bones:
        bone: str = name
        while bone != ROOT:
            found.add(bone)
            bone = PARENT_NAME.get(bone, ROOT)
    return found | {ROOT}


def require_quaternions(rig: Any, bones: Iterable[str]) -> None:
    """UserError `rotation-mode` if the take's F-curves, which are quaternions, do not rotate one of these bones."""
    changed = [name for name in BONES if name in set(bones) and rig.pose.bones[name].rotation_mode != "QUATERNION"]
    if changed:
        raise UserError(
            "rotation-mode",
            f"The bone {changed[0]!r} of {rig.name} has another rotation mode, in which it does not move as its keys say.",
            "Set the bone's rotation mode to Quaternion.",
        )


def check_pins(collection: bpy.types.Collection) -> None:
    """UserError `rotation-mode` if what is pinned is not what is seen."""
    for person in range(PEOPLE):
        rig = rig_of(collection, person)
        pinned = {joint for joints in joints_by_frame(rig, frames_of_clip(collection)).values() for joint in joints}
        if pinned:
            require_quaternions(rig, with_parents(pinned))


def _fcurves(rig: bpy.types.Object, bones: Iterable[str]) -> Iterator[Any]:
    channelbag: Any = take_channelbag(rig)
    if channelbag is None:
        return
    names = {bone for bone in bones if bone in BONES}
    if names & _BODY_PLACEMENT:
        names |= _BODY_PLACEMENT
    for name in names:
        for path, size in ((rotation_path(name), 4), (location_path(name), 3 if name in _BODY_PLACEMENT else 0)):
            for index in range(size):
                curve = channelbag.fcurves.find(path, index=index)
                if curve is not None:
                    yield curve


def _frames_by_joint(rig: bpy.types.Object) -> dict[str, dict[str, set[int]]]:
    """Scene frames of the locked and of the muted keyframes of the body's joints, by type and joint.

    One pass over the F-curves: panels ask for it whenever they are drawn.
    """
    found: dict[str, dict[str, set[int]]] = {LOCKED_KEYFRAME: {}, MUTED_KEYFRAME: {}}
    numbers = {kind: _number(kind) for kind in found}
    channelbag: Any = take_channelbag(rig)
    for curve in channelbag.fcurves if channelbag is not None else ():
        joint = _JOINT_OF_PATH.get(curve.data_path)
        if joint is None:
            continue
        types = read_types(curve)
        for kind, number in numbers.items():
            frames = _frames_of_type(curve, types, number)
            if frames:
                found[kind].setdefault(joint, set()).update(frames)
    return found


def _frames_of_type(curve: Any, types: np.ndarray, number: int) -> set[int]:
    """Most F-curves have no keyframe of the type, so only the frames of those that have are read."""
    return {round(curve.keyframe_points[row].co.x) for row in np.flatnonzero(types == number).tolist()}


def _triple(vector: np.ndarray) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return x, y, z


def _number(kind: str) -> int:
    return compat.enum_value(bpy.types.Keyframe, "type", kind)
