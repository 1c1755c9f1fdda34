"""Poses a character that stands on its feet and moves its hands, trunk and place by given amounts.

This is what the solver of touches turns its knobs on: the same function gives the motion without (all zero) and with kept touch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....core.contract.skeleton import JOINT_INDEX, JOINTS
from ...scene.rotations import axis_angle_to_quaternion, quaternion_to_matrix
from ..limbs import rotation_between, two_bone_ik
from .feet import ankle_targets, hips_drop
from .rest import SIDES, RestCharacter
from .transfer import Performer, forward_kinematics

ROOT, LEAN, HANDS = slice(0, 3), slice(3, 6), (slice(6, 9), slice(9, 12))
MOVES = 12
"""Columns of moves [T,12]: the hips (metres; they go down by bending the knees, and up as far as the legs reach), a rotation
vector of the trunk (radians), and how far the left and the right wrist leave their place (metres), all in world axes."""

SPINE = tuple(JOINT_INDEX[name] for name in ("spine1", "spine2", "spine3"))
_COLLAR_FRACTION = 0.35
"""How far the shoulder goes along with a hand that the arm does not reach, relative to the collar bone."""
_BACK, _FRONT = np.array([0.0, 1.0, 0.0]), np.array([0.0, -1.0, 0.0])
"""Where elbows and knees of straight limbs go, canonical axes of the limb."""


@dataclass(frozen=True)
class Pose:
    rotations: np.ndarray
    """[T,J,3,3] from the rest pose, in canonical axes, to the world."""
    positions: np.ndarray
    """[T,J,3]"""
    hips_drop: np.ndarray
    """[T] metres by which the hips are lower than they were sent, since the legs do not reach farther."""


def pose(performer: Performer, moves: np.ndarray) -> Pose:
    """The character in every frame, with moves [T,12] on top of the motion that it got."""
    rest = performer.rest
    rotations = performer.rotations.copy()
    _lean(rest, rotations, moves[:, LEAN])
    hip_centre = performer.hip_centre.copy()
    across, up = moves[:, ROOT] * (1, 1, 0), moves[:, ROOT] * (0, 0, 1)
    positions = forward_kinematics(rest, rotations, hip_centre + across)
    targets = ankle_targets(rest, rotations, positions, performer.plants)  # feet do not go up and down with the hips
    drop = hips_drop(positions + up[:, None], targets, performer.plants, leg_lengths(rest))
    hip_centre += across + up
    hip_centre[:, 2] -= drop
    positions = forward_kinematics(rest, rotations, hip_centre)
    for number, side in enumerate(SIDES):
        _bend(performer, rotations, positions, [f"{side}_{p}" for p in ("hip", "knee", "ankle")], targets[number])
    for side, columns in zip(SIDES, HANDS):
        target = positions[:, JOINT_INDEX[f"{side}_wrist"]] + moves[:, columns]
        _reach(performer, rotations, positions, side, target)
    return Pose(rotations, forward_kinematics(rest, rotations, hip_centre), drop)


def leg_lengths(rest: RestCharacter) -> np.ndarray:
    """[2] metres from hip to ankle of the straight left and right leg."""
    chains = [[JOINT_INDEX[f"{side}_{part}"] for part in ("hip", "knee", "ankle")] for side in SIDES]
    return np.array([np.linalg.norm(np.diff(rest.heads[chain], axis=0), axis=-1).sum() for chain in chains])


def lean_joints(rest: RestCharacter) -> list[int]:
    """The joints of the spine that share a lean, from below."""
    return [joint for joint in SPINE if rest.present[joint]]


def bend_hint(performer: Performer, root: int) -> np.ndarray:
    """[T,3] where the elbow or knee of a straight limb goes that starts at the joint `root`."""
    return performer.source_rotations[:, root] @ (_FRONT if JOINTS[root].endswith("hip") else _BACK)


def _lean(rest: RestCharacter, rotations: np.ndarray, lean: np.ndarray) -> None:
    """Rotate the trunk, evenly over the spine. Neck and head go on looking where they looked."""
    joints = lean_joints(rest)
    for number, joint in enumerate(joints):
        turn = quaternion_to_matrix(axis_angle_to_quaternion(lean * ((number + 1) / len(joints))))
        rotations[:, joint] = turn @ rotations[:, joint]
        if joint == joints[-1]:
            for side in SIDES:
                collar = JOINT_INDEX[f"{side}_collar"]
                rotations[:, collar] = turn @ rotations[:, collar]


def _reach(performer: Performer, rotations: np.ndarray, positions: np.ndarray, side: str, target: np.ndarray) -> None:
    """Bring a wrist to its target with the arm and, as far as that does not reach, with the collar bone."""
    collar, shoulder = JOINT_INDEX[f"{side}_collar"], JOINT_INDEX[f"{side}_shoulder"]
    arm = [f"{side}_{part}" for part in ("shoulder", "elbow", "wrist")]
    if performer.rest.present[collar]:
        short = _shortfall(positions, side, target)
        bone = positions[:, shoulder] - positions[:, collar]
        length = np.linalg.norm(bone, axis=-1, keepdims=True)
        size = np.linalg.norm(short, axis=-1, keepdims=True)
        limited = short * np.minimum(1, _COLLAR_FRACTION * length / np.maximum(size, 1e-9))
        swing = rotation_between(bone, bone + limited)
        rotations[:, collar] = swing @ rotations[:, collar]
        shift = (swing @ bone[..., None])[..., 0] - bone
        for name in arm:
            positions[:, JOINT_INDEX[name]] += shift
    _bend(performer, rotations, positions, arm, target)


def _shortfall(positions: np.ndarray, side: str, target: np.ndarray) -> np.ndarray:
    """[T,3] what the straight arm would lack to a target."""
    shoulder, elbow, wrist = (positions[:, JOINT_INDEX[f"{side}_{part}"]] for part in ("shoulder", "elbow", "wrist"))
    length = np.linalg.norm(elbow - shoulder, axis=-1) + np.linalg.norm(wrist - elbow, axis=-1)
    reach = target - shoulder
    distance = np.linalg.norm(reach, axis=-1)
    return reach * (np.maximum(distance - length, 0) / np.maximum(distance, 1e-9))[:, None]


def _bend(
    performer: Performer, rotations: np.ndarray, positions: np.ndarray, limb: list[str], target: np.ndarray
) -> None:
    """Two-bone IK of an arm or a leg; hand and foot keep their rotation."""
    root, middle, end = (JOINT_INDEX[name] for name in limb)
    hint = bend_hint(performer, root)
    solved = two_bone_ik(positions[:, root], positions[:, middle], positions[:, end], target, hint)
    rotations[:, root] = solved.upper_swing @ rotations[:, root]
    rotations[:, middle] = solved.lower_swing @ rotations[:, middle]
    positions[:, middle], positions[:, end] = solved.middle, solved.end
