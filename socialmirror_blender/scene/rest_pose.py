"""The rest pose of a person's armature: 56 bones along the limbs, made from the joints of the SMPL-X rest pose.

Armature space is Z up with the rest pose facing -Y; the SMPL-X rest pose is Y up and faces +Z. Both are right-handed and in
metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.contract.rotations import Y_UP_TO_Z_UP
from ...core.contract.skeleton import BONE_PARENTS, BONES, JOINT_INDEX, JOINTS, PARENTS, ROOT, mirrored
from .rotations import rigid_transform

__all__ = [
    "BONES",
    "BONE_PARENTS",
    "CONNECTED",
    "ROOT",
    "RestPose",
    "make_rest_pose",
    "rest_offset",
]

_ROOT_LENGTH = 0.3
_FINGERTIP_LENGTH = 0.8
"""Length of the last bone of a finger relative to the bone before it."""

_FINGERS = ("index", "middle", "pinky", "ring", "thumb")


def _tail_joints() -> dict[str, str]:
    tails = {
        "pelvis": "spine1", "spine1": "spine2", "spine2": "spine3", "spine3": "neck", "neck": "head",
        "left_hip": "left_knee", "left_knee": "left_ankle", "left_ankle": "left_foot",
        "left_collar": "left_shoulder", "left_shoulder": "left_elbow", "left_elbow": "left_wrist",
        "left_wrist": "left_middle1",
    }  # fmt: skip
    tails |= {f"left_{finger}{i}": f"left_{finger}{i + 1}" for finger in _FINGERS for i in (1, 2)}
    return tails | {mirrored(joint): mirrored(tail) for joint, tail in tails.items()}


_TAIL_JOINTS = _tail_joints()
"""The joint at which a bone's tail lies. The bones of _LEAF_BONES have none; fingertips continue the bone before them."""
_CHAIN_STARTS = ("spine1", "left_middle1", "right_middle1")
CONNECTED = frozenset(_TAIL_JOINTS.values()) - {*_CHAIN_STARTS}
"""Bones that are connected to their parent's tail. Blender's Auto IK bends such a chain: an arm with its collar, a leg with its
foot, the spine with the head, a finger. Chains start apart: pulling a hand leaves the spine alone, pulling a finger the hand."""

_LEAF_BONES: dict[str, tuple[tuple[float, float, float], float]] = {
    "head": ((0, 0, 1), 0.15), "jaw": ((0, -0.9, -0.3), 0.08), "left_foot": ((0, -1, 0), 0.07),
    "left_eye_smplhf": ((0, -1, 0), 0.03), "right_eye_smplhf": ((0, -1, 0), 0.03), "right_foot": ((0, -1, 0), 0.07),
}  # fmt: skip
"""Direction in armature space and length in metres."""


@dataclass(frozen=True)
class RestPose:
    """The rest pose of the N = 56 bones in the order of BONES."""

    heads_inarmature: np.ndarray
    """[N,3] metres."""
    axes_inarmature: np.ndarray
    """[N,3,3] rotation from bone space to armature space: its columns are the bone's x, y (from head to tail) and z axis."""
    lengths: np.ndarray
    """[N] metres."""

    @property
    def matrices_inarmature(self) -> np.ndarray:
        """[N,4,4] from bone space to armature space, as `Bone.matrix_local`."""
        return rigid_transform(self.axes_inarmature, self.heads_inarmature)


def rest_offset(rest_joints: np.ndarray, rest_vertices: np.ndarray) -> np.ndarray:
    """Translation that puts the soles of the rest pose on the floor and its pelvis above the armature's origin.

    Takes the joints [55,3] and vertices [V,3] of a person's rest pose in SMPL-X axes. Returns [3] in armature space, to be added
    after Y_UP_TO_Z_UP.
    """
    pelvis = Y_UP_TO_Z_UP @ rest_joints[0]
    return np.array([-pelvis[0], -pelvis[1], -(rest_vertices @ Y_UP_TO_Z_UP.T)[:, 2].min()])


def make_rest_pose(rest_joints: np.ndarray, offset: np.ndarray) -> RestPose:
    """Bones along the limbs from the joints [55,3] of a person's rest pose in SMPL-X axes; `offset` is of `rest_offset`.

    A limb's bone ends exactly at the next joint. Left and right bones are mirror images, which Blender's Paste Flipped needs, as
    far as the joints are: those of the default body are exactly. The bone roll puts each bone's x axis where the joint bends: a
    positive rotation about x flexes knees, elbows and fingers and bends the spine forward.
    """
    joints = rest_joints @ Y_UP_TO_Z_UP.T
    heads = np.vstack([np.zeros(3), joints + offset])
    directions = np.vstack([(0.0, 1.0, 0.0), np.zeros((len(JOINTS), 3))])
    lengths = np.full(len(BONES), _ROOT_LENGTH)
    for joint, name in enumerate(JOINTS):
        if name in _TAIL_JOINTS:
            limb = joints[JOINT_INDEX[_TAIL_JOINTS[name]]] - joints[joint]
            length = np.linalg.norm(limb)
        elif name in _LEAF_BONES:
            limb, length = np.array(_LEAF_BONES[name][0]), _LEAF_BONES[name][1]
        else:
            limb, length = directions[PARENTS[joint] + 1], lengths[PARENTS[joint] + 1] * _FINGERTIP_LENGTH
        directions[joint + 1] = limb / np.linalg.norm(limb)
        lengths[joint + 1] = length
    bend_axes = np.array([(1.0, 0.0, 0.0), *(_bend_axis(name) for name in JOINTS)])
    return RestPose(heads, _bone_axes(directions, bend_axes), lengths)


def _bend_axis(joint: str) -> tuple[float, float, float]:
    """The axis about which a joint bends in the rest pose, armature space.

    For the joint on the other side x is equal and y and z are opposite, as for the mirror image of a rotation.
    """
    part = joint.removeprefix("left_").removeprefix("right_")
    side = -1.0 if joint.startswith("right_") else 1.0
    if part in ("collar", "shoulder", "elbow"):
        return (0.0, 0.0, -side)
    if part.startswith("thumb"):
        return (0.0, side, side)
    if part == "wrist" or part.startswith(_FINGERS):
        return (0.0, side, 0.0)
    return (1.0, 0.0, 0.0)


def _bone_axes(directions: np.ndarray, bend_axes: np.ndarray) -> np.ndarray:
    """[N,3,3] with y along `directions` [N,3] and x as near to `bend_axes` [N,3] as possible."""
    x = bend_axes - (bend_axes * directions).sum(-1, keepdims=True) * directions
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, directions, np.cross(x, directions)], -1)
