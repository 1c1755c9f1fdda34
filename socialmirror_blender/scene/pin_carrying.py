"""Carries pins from one take to another: the pinned place stays, whichever take's bones lead there.

A take that was made with a pin leads there by itself, and its own keyframes are locked instead of the animator's. In a take that
does not, the pinned joint and all bones above it get the pose of the take before in that frame.
"""

from __future__ import annotations

from collections.abc import Iterable

import bpy
import numpy as np

from ...core.contract.skeleton import JOINT_INDEX, PARENT_NAME
from .actions import read_channels, shows_take, take_channelbag
from .armature import read_rest_pose
from .keyframes import OWN_KEYFRAME
from .pins import PINNED_IN_WORLD, joint_places, joints_by_frame
from .polish import LOCKED_KEYFRAME, Polish, with_keyframes
from .pose_conversion import BoneChannels
from .rest_pose import BONES, ROOT
from .rotations import axis_angle_to_quaternion, quaternion_to_matrix
from .take_values import CHANNELS, COLUMNS, TakeMark, take_values

_NEAR = 0.015
"""metres within which a take's joint is at its pin; the core holds pins to less than a millimetre."""
_ALIKE = np.radians(2.0)


def carry_pins(rig: bpy.types.Object, polish: Polish, mark: TakeMark) -> Polish:
    """The polish of the take that an armature shows, for another take at the same place of the timeline."""
    earlier = polish.mark
    if earlier is None or earlier.timeline != mark.timeline or not shows_take(rig) or take_channelbag(rig) is None:
        return polish
    joints_at = joints_by_frame(rig, mark.own.frames.tolist())
    if not joints_at:
        return polish
    frames = np.array(sorted(joints_at))
    shown = read_channels(rig, frames)
    rows = np.searchsorted(mark.own.frames, frames)
    values = take_values(frames, shown).values, mark.own.values[rows]
    kept = _kept_pins(rig, shown, _channels_of(mark.own.values[rows]), [joints_at[frame] for frame in frames.tolist()])
    for row, frame in enumerate(frames.tolist()):
        joints = joints_at[frame]
        chosen = values[1 if kept[row] else 0][row]
        for bone, path, size in CHANNELS:
            is_pinned = bone in joints or (bone == ROOT and "pelvis" in joints)
            if not is_pinned and bone not in _above(joints):
                continue
            for index in range(size):
                curve = (path, index)
                keyed = np.array([chosen[COLUMNS[curve]]]) if is_pinned or not kept[row] else np.zeros(0)
                kind = LOCKED_KEYFRAME if is_pinned else OWN_KEYFRAME
                polish = with_keyframes(polish, curve, np.array([frame]), keyed, kind)
    return polish


def _kept_pins(rig: bpy.types.Object, before: BoneChannels, after: BoneChannels, joints: list[set[str]]) -> list[bool]:
    """For each frame, whether a take has all pinned joints where the shown one has them."""
    rest = read_rest_pose(rig)
    (places, turns), (new_places, new_turns) = joint_places(before, rest), joint_places(after, rest)
    apart = np.linalg.norm(places - new_places, axis=-1)
    turned = _angles(turns, new_turns)
    dots = np.abs((before.rotations * after.rotations).sum(-1))
    bent = 2 * np.arccos(np.clip(dots, 0, 1))

    def is_kept(row: int, joint: str) -> bool:
        index = JOINT_INDEX[joint]
        if joint in PINNED_IN_WORLD:
            return bool(apart[row, index] < _NEAR and turned[row, index] < _ALIKE)
        return bool(bent[row, BONES.index(joint)] < _ALIKE)

    return [all(is_kept(row, joint) for joint in pinned) for row, pinned in enumerate(joints)]


def _angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Radians [...] between rotations as axis-angles [...,3]."""
    first, second = (quaternion_to_matrix(axis_angle_to_quaternion(turns)) for turns in (one, other))
    trace = np.einsum("...ab,...ab->...", first, second)
    return np.arccos(np.clip((trace - 1) / 2, -1, 1))


def _above(joints: Iterable[str]) -> set[str]:
    """All bones above joints that are pinned in the world."""
    above: set[str] = set()
    for joint in joints:
        if joint not in PINNED_IN_WORLD:
            continue
        parent = PARENT_NAME.get(joint, ROOT)
        while parent != ROOT:
            above.add(parent)
            parent = PARENT_NAME.get(parent, ROOT)
        above.add(ROOT)
    return above


def _channels_of(values: np.ndarray) -> BoneChannels:
    """The channels in rows [S,C] of `TakeValues`."""
    count = 4 * len(BONES)
    rotations = values[:, :count].astype(np.float64).reshape(len(values), len(BONES), 4)
    rotations /= np.maximum(np.linalg.norm(rotations, axis=-1, keepdims=True), 1e-9)
    return BoneChannels(rotations, values[:, count : count + 3], values[:, count + 3 : count + 6])
