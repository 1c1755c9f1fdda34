"""Skinning weights of 55 joints from those of MakeHuman's 163 bones."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from core.contract.skeleton import JOINT_INDEX, JOINTS

from .rest_pose import FINGER_BONES, joint
from .source import Source

_JAW_BONES = {"jaw", "special04", "oris01", "oris02", "oris06", "oris07"}
_LEAST = 2e-3
"""Smaller weights are dropped."""

# The sculpted weights let the arm drag the side of the chest, which bulges when the arm is raised: keep the arm's own.
_ARM_RADIUS = 0.053
_ARM_FALLOFF = 0.043
"""Metres from the upper arm's axis at which its weights start to fade, and over which they vanish."""

_SMOOTHED = (("shoulder", 0.12, 14), ("elbow", 0.06, 10))
"""Joints around which weights are averaged with their neighbours', how far (metres; fully near the joint, not at all
beyond 1.8 times that) and how often: the sculpt's are too sharp for arms that hang and forearms that twist."""


def skinning_weights(source: Source, vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """[V,55], rows summing to one, for a mesh in the A-pose with its joints [55,3]."""
    weights = np.zeros((len(vertices), len(JOINTS)))
    spine, breast = np.zeros(len(vertices)), np.zeros(len(vertices))
    for name, bone in source.bones.items():
        stem, _, mark = name.partition(".")
        column = source.weights[:, bone]
        if stem.startswith("spine"):
            spine += column
        elif stem == "breast":
            breast += column
        else:
            weights[:, JOINT_INDEX[_joint_of_bone(stem, {"L": "left", "R": "right"}.get(mark, ""))]] += column
    ribs = joint(joints, "spine3")[1] + 0.3 * _reach(joints)  # a breast hangs from the ribs
    weights += spine[:, None] * _shares_of_trunk(vertices[:, 1], joints)
    weights += breast[:, None] * _shares_of_trunk(np.maximum(vertices[:, 1], ribs), joints)
    for side in ("left", "right"):
        _free_the_chest(weights, vertices, joints, side)
    neighbours = _neighbours(source.faces, len(vertices))
    for name, reach, passes in _SMOOTHED:
        centres = [joint(joints, f"{side}_{name}") for side in ("left", "right")]
        distance = np.min([np.linalg.norm(vertices - centre, axis=1) for centre in centres], 0)
        share = 0.7 * np.clip(1.8 - distance / reach, 0, 1)[:, None]
        for _ in range(passes):
            weights += share * (neighbours @ weights - weights)
    for side in ("left", "right"):
        _hinge_toes(weights, vertices, joints, side)
        eye = JOINT_INDEX[f"{side}_eye_smplhf"]
        weights[:, JOINT_INDEX["head"]] += weights[:, eye]
        weights[:, eye] = 0
        weights[source.eyeballs[side]] = np.eye(len(JOINTS))[eye]
    weights[weights < _LEAST] = 0
    return weights / weights.sum(1, keepdims=True)


def _joint_of_bone(stem: str, side: str) -> str:
    """The joint that carries a bone (its name without the side mark); the spine and breasts are shared out apart."""
    if stem.startswith("finger"):
        number, phalanx = stem.removeprefix("finger").split("-")
        finger = next(name for name, index in FINGER_BONES.items() if index == int(number))
        return f"{side}_{finger}{phalanx}"
    if stem in ("root", "pelvis"):
        return "pelvis"
    if stem in _JAW_BONES or stem.startswith("tongue"):
        return "jaw"
    if stem.startswith("neck"):
        return "neck"
    limbs = {
        "clavicle": "collar", "shoulder": "collar", "upperarm": "shoulder", "lowerarm": "elbow", "wrist": "wrist",
        "metacarpal": "wrist", "upperleg": "hip", "lowerleg": "knee", "foot": "ankle", "toe": "foot",
        "eye": "eye_smplhf",
    }  # fmt: skip
    for start, name in limbs.items():
        if side and stem.rstrip("0123456789-") == start:
            return f"{side}_{name}"
    return "head"


def _reach(joints: np.ndarray) -> float:
    """Half the height over which one joint of the trunk gives way to the next, metres."""
    return 0.15 * (joint(joints, "neck") - joint(joints, "pelvis"))[1]


def _shares_of_trunk(heights: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """[V,55]: pelvis, spine1, spine2, spine3 by height, giving way to one another around each joint."""
    reach = _reach(joints)
    above = [np.ones_like(heights)]
    for name, wide in (("spine1", 1.0), ("spine2", 0.8), ("spine3", 0.8)):
        rise = (heights - joint(joints, name)[1]) / (2 * wide * reach) + 0.5
        above.append(np.minimum(_smooth_step(rise), above[-1]))
    above.append(np.zeros_like(heights))
    shares = np.zeros((len(heights), len(JOINTS)))
    for name, here, next_one in zip(("pelvis", "spine1", "spine2", "spine3"), above, above[1:]):
        shares[:, JOINT_INDEX[name]] = here - next_one
    return shares


def _free_the_chest(weights: np.ndarray, vertices: np.ndarray, joints: np.ndarray, side: str) -> None:
    """Hand what the arm has of the side of the chest over to the spine (in place)."""
    shoulder, elbow = joint(joints, f"{side}_shoulder"), joint(joints, f"{side}_elbow")
    arm = JOINT_INDEX[f"{side}_shoulder"]
    axis = (elbow - shoulder) / np.linalg.norm(elbow - shoulder)
    offset = vertices - shoulder
    radius = np.linalg.norm(offset - (offset @ axis)[:, None] * axis, axis=1)
    lost = weights[:, arm] * _smooth_step((radius - _ARM_RADIUS) / _ARM_FALLOFF)
    weights[:, arm] -= lost
    weights += lost[:, None] * _shares_of_trunk(vertices[:, 1], joints)


def _neighbours(faces: np.ndarray, count: int) -> csr_matrix:
    """[V,V]: times values of vertices, the mean over each one's neighbours."""
    start, end = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    edges = csr_matrix((np.ones(2 * len(start)), (np.r_[start, end], np.r_[end, start])), (count, count))
    edges.data[:] = 1
    return csr_matrix(edges.multiply(1 / edges.sum(1)))


def _hinge_toes(weights: np.ndarray, vertices: np.ndarray, joints: np.ndarray, side: str) -> None:
    """One smooth hinge at the ball of the foot for the five toes that MakeHuman moves singly (in place)."""
    ankle, foot = joint(joints, f"{side}_ankle"), joint(joints, f"{side}_foot")
    forward = (foot - ankle) * [1, 0, 1]
    forward /= np.linalg.norm(forward)
    columns = [JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]]
    whole = weights[:, columns].sum(1)
    toes = _smooth_step(((vertices - foot) @ forward + 0.022) / 0.036)
    weights[:, columns] = np.stack([whole * (1 - toes), whole * toes], 1)


def _smooth_step(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
