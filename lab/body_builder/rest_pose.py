"""From MakeHuman's A-pose to the rest pose of SMPL-X: where its 55 joints are, and how each turns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from core.contract.skeleton import JOINT_INDEX, JOINTS, PARENTS

from .source import Shape, Source

FINGER_BONES = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
"""MakeHuman counts the fingers."""
SIDES = (("left", "L", 1.0), ("right", "R", -1.0))

# Directions of the left side in the rest pose, in degrees, near those of SMPL-X's mean body.
_UPPER_ARM = (-8.0, -6.0)
"""above the horizontal, to the front"""
_FOREARM = (0.0, -3.0)
_HAND = (-3.0, 0.0)
_THIGH = (2.5, -1.0)
"""outwards, to the front, from straight down"""
_SHANK = (-2.0, -4.0)
_TOES_OUT = 14.0
_FINGER_SPREAD = 0.65
"""share of the sculpt's spread that stays"""
_THUMB = (-18.0, 42.0)
"""above the horizontal, to the front"""

PELVIS = np.array([0.0, -0.351, 0.012])
"""Where SMPL-X's mean body has its pelvis."""
_COLLAR_ALONG_CLAVICLE = 0.17
_HIP_INWARD = 0.87
"""MakeHuman's upper legs start further out than SMPL-X's hips."""

Points = Mapping[str, np.ndarray]


def joints_in_source(source: Source, shape: Shape) -> np.ndarray:
    """SMPL-X's joints [55,3] in the A-pose, from bone ends; the trunk's between bones, as SMPL-X spaces them."""

    def bone(name: str) -> np.ndarray:
        return shape.heads[source.bones[name]]

    def between(first: str, second: str, share: float) -> np.ndarray:
        return bone(first) + share * (bone(second) - bone(first))

    at: dict[str, np.ndarray] = {}
    for side, mark, _ in SIDES:
        at[f"{side}_hip"] = bone(f"upperleg01.{mark}") * [_HIP_INWARD, 1, 1]
        at[f"{side}_knee"] = bone(f"lowerleg01.{mark}")
        at[f"{side}_ankle"] = bone(f"foot.{mark}")
        at[f"{side}_foot"] = np.mean([bone(f"toe{toe}-1.{mark}") for toe in range(1, 6)], 0)
        at[f"{side}_collar"] = between(f"clavicle.{mark}", f"upperarm01.{mark}", _COLLAR_ALONG_CLAVICLE)
        at[f"{side}_shoulder"] = bone(f"upperarm01.{mark}")
        at[f"{side}_elbow"] = bone(f"lowerarm01.{mark}")
        at[f"{side}_wrist"] = bone(f"wrist.{mark}")
        for finger, number in FINGER_BONES.items():
            for phalanx in (1, 2, 3):
                at[f"{side}_{finger}{phalanx}"] = bone(f"finger{number}-{phalanx}.{mark}")
        at[f"{side}_eye_smplhf"] = _sphere_centre(shape.vertices[source.eyeballs[side]])

    hips = (at["left_hip"] + at["right_hip"]) / 2
    size = (bone("head") - hips)[1] / 0.655  # of 1 for the body on which the metres below were set
    at["pelvis"] = hips + np.array([0, 1.08 * (bone("spine04") - hips)[1], 0.030 * size])
    at["spine1"] = between("spine03", "spine02", 0.56)
    at["spine2"] = between("spine02", "spine01", 0.62) + np.array([0, 0, 0.020 * size])
    at["spine3"] = bone("spine01") + np.array(
        [0, 0, 0.045 * size]
    )  # SMPL-X has its upper spine in the middle of the chest
    at |= {"neck": bone("neck01"), "head": bone("head"), "jaw": bone("jaw")}
    midline = {name: place * [0, 1, 1] for name, place in at.items() if not name.startswith(("left", "right"))}
    return np.stack([(at | midline)[name] for name in JOINTS])


def rest_rotations(source: Source, shape: Shape, joints: np.ndarray) -> np.ndarray:
    """World rotations [55,3,3] that take each joint from the A-pose to the rest pose.

    The collars stay as they are sculpted, with the arms half down. So a collar at zero is a shoulder at ease when the
    arm hangs; who lifts the arm lifts the collar too.
    """
    at = dict(zip(JOINTS, joints))
    turn = {name: np.eye(3) for name in JOINTS}
    for side, mark, out in SIDES:
        tips = {
            finger: shape.tails[source.bones[f"finger{number}-3.{mark}"]] for finger, number in FINGER_BONES.items()
        }
        for name, rotation in (_arm(at, side, out) | _leg(at, side, out)).items():
            turn[f"{side}_{name}"] = rotation
        for name, rotation in _fingers(at, tips, side, out, turn[f"{side}_wrist"]).items():
            turn[f"{side}_{name}"] = rotation
    return np.stack([turn[name] for name in JOINTS])


def _arm(at: Points, side: str, out: float) -> dict[str, np.ndarray]:
    shoulder, elbow, wrist = (at[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
    upper, lower = elbow - shoulder, wrist - elbow
    hinge, rest_hinge = np.cross(upper, lower), np.array([0.0, -out, 0.0])
    rest_lower, rest_hand = _sideways(out, *_FOREARM), _sideways(out, *_HAND)
    forearm = _frame(rest_lower, rest_hinge) @ _frame(lower, hinge).T
    across = at[f"{side}_pinky1"] - at[f"{side}_index1"]
    hand = _frame(rest_hand, np.array([0.0, 0.0, -1.0])) @ _frame(at[f"{side}_middle1"] - wrist, across).T  # palm down
    # the hand turns about the forearm to face down; the forearm takes half of that, as forearms do
    twist = Rotation.from_matrix(hand @ forearm.T).as_rotvec() @ rest_lower
    half = Rotation.from_rotvec(rest_lower * twist / 2).as_matrix()
    return {
        "shoulder": _frame(_sideways(out, *_UPPER_ARM), rest_hinge) @ _frame(upper, hinge).T,
        "elbow": half @ forearm,
        "wrist": hand,
    }


def _fingers(at: Points, tips: Points, side: str, out: float, hand: np.ndarray) -> dict[str, np.ndarray]:
    """Straight fingers in the plane of the hand, the thumb beside them."""
    turns = {}
    for finger, tip in tips.items():
        chain = [*(at[f"{side}_{finger}{phalanx}"] for phalanx in (1, 2, 3)), tip]
        phalanges = [hand @ (end - start) for start, end in zip(chain, chain[1:])]
        if finger == "thumb":
            straight = _sideways(out, *_THUMB)
        else:
            spread = np.arctan2(phalanges[0][2], phalanges[0][0] * out) * _FINGER_SPREAD
            straight = np.array([out * np.cos(spread), _sideways(out, *_HAND)[1], np.sin(spread)])
        for number, phalanx in enumerate(phalanges, 1):
            turns[f"{finger}{number}"] = _shortest(phalanx, straight) @ hand
    return turns


def _leg(at: Points, side: str, out: float) -> dict[str, np.ndarray]:
    hip, knee, ankle, foot = (at[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "foot"))
    toes_out = np.degrees(np.arctan2(out * (foot - ankle)[0], (foot - ankle)[2]))
    sole = Rotation.from_euler("y", out * (_TOES_OUT - toes_out), degrees=True).as_matrix()
    return {
        "hip": _shortest(knee - hip, _downward(out, *_THIGH)),
        "knee": _shortest(ankle - knee, _downward(out, *_SHANK)),
        "ankle": sole,
        "foot": sole,
    }


def rest_joints(joints: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """The joints [55,3] after turning, with the pelvis where SMPL-X has it."""
    placed = np.zeros_like(joints)
    placed[0] = PELVIS
    for joint in range(1, len(JOINTS)):
        parent = PARENTS[joint]
        placed[joint] = placed[parent] + turns[parent] @ (joints[joint] - joints[parent])
    return placed


def to_rest_pose(
    vertices: np.ndarray, weights: np.ndarray, joints: np.ndarray, turns: np.ndarray, placed: np.ndarray
) -> np.ndarray:
    """Vertices [V,3] in the rest pose, such that skinning takes them back to the sculpted A-pose exactly."""
    back = turns.transpose(0, 2, 1)
    matrices = np.einsum("vj,jab->vab", weights, back)
    shifts = weights @ (joints - np.einsum("jab,jb->ja", back, placed))
    return np.linalg.solve(matrices, (vertices - shifts)[..., None])[..., 0]


def sculpted_pose(turns: np.ndarray) -> np.ndarray:
    """Axis-angles [55,3] that take the rest pose to the sculpted one; the hands' are the sculpt's relaxed hands."""
    pose = np.zeros((len(JOINTS), 3))
    for joint in range(1, len(JOINTS)):
        pose[joint] = Rotation.from_matrix(turns[PARENTS[joint]] @ turns[joint].T).as_rotvec()
    return pose


def _sphere_centre(points: np.ndarray) -> np.ndarray:
    """Centre of the sphere through points [N,3], by least squares."""
    rows = np.c_[2 * points, np.ones(len(points))]
    return np.linalg.lstsq(rows, (points**2).sum(1), rcond=None)[0][:3]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _sideways(out: float, up: float, front: float) -> np.ndarray:
    up, front = np.radians(up), np.radians(front)
    return np.array([out * np.cos(up) * np.cos(front), np.sin(up), np.cos(up) * np.sin(front)])


def _downward(out: float, outward: float, front: float) -> np.ndarray:
    return _unit(np.array([out * np.tan(np.radians(outward)), -1.0, np.tan(np.radians(front))]))


def _frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Orthonormal columns: first, second as far as it is square to it, and their cross product."""
    first = _unit(first)
    second = _unit(second - first * (first @ second))
    return np.stack([first, second, np.cross(first, second)], 1)


def _shortest(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The smallest rotation [3,3] that turns one direction into another (not its opposite)."""
    start, end = _unit(start), _unit(end)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + start @ end)


def joint(joints: np.ndarray, name: str) -> np.ndarray:
    """Of joints [55,3], the one of that name."""
    return joints[JOINT_INDEX[name]]
