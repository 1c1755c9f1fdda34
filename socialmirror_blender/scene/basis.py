"""The one change of basis between SMPL-X rotations and Blender's pose bones, both ways, exact.

Axes. SMPL-X rests Y up, facing +Z; the armature's axes are the world's: Z up, the rest pose upright, facing -Y, so
`UPRIGHT` (+90 degrees about X) takes the one into the other. A bone's rest orientation B (columns: its x, y, z in
the armature) has y along the limb. A joint's relative rotation R, about SMPL-X axes, is then B^T UPRIGHT R UPRIGHT^T B
in the bone's own axes: the same angle about the axis `(B^T UPRIGHT) axis`. Rotating the vector part is all it takes.

`root`. A bone on the floor with the armature's own axes. It carries what game engines call root motion: the pelvis'
place on the ground and its heading (the part of its rotation about the vertical). The pelvis bone carries the rest, so
that both together are exact.

Everything here is plain numpy. Bones are `root` and then the 55 joints of `skeleton.JOINTS`, 56 in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.contract.skeleton import JOINT_INDEX, JOINTS, PARENTS, mirrored
from .rotations import matrix_from_quaternion, quaternion_from_matrix, sign_continuous

ROOT = "root"
BONES: tuple[str, ...] = (ROOT, *JOINTS)
BONE_PARENTS: tuple[int, ...] = (-1, *(parent + 1 for parent in PARENTS))
"""Index of each bone's parent in BONES."""

UPRIGHT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""SMPL-X axes -> armature axes."""

_MIRROR = np.array([-1.0, 1.0, 1.0])
_LEAF_LENGTH = 0.8  # of the bone before it: finger tips

# The joint that a bone points at. Leaves are listed in _LEAF_DIRECTIONS, finger tips go on like the bone before.
_AIMS_AT: dict[str, str] = {
    "pelvis": "spine1", "spine1": "spine2", "spine2": "spine3", "spine3": "neck", "neck": "head",
    "left_hip": "left_knee", "left_knee": "left_ankle", "left_ankle": "left_foot",
    "left_collar": "left_shoulder", "left_shoulder": "left_elbow", "left_elbow": "left_wrist",
    "left_wrist": "left_middle1",
}  # fmt: skip
_FINGERS = ("index", "middle", "pinky", "ring", "thumb")
_AIMS_AT |= {f"left_{finger}{i}": f"left_{finger}{i + 1}" for finger in _FINGERS for i in (1, 2)}
_AIMS_AT |= {mirrored(joint): mirrored(child) for joint, child in _AIMS_AT.items()}

_LEAF_DIRECTIONS: dict[str, tuple[tuple[float, float, float], float]] = {  # armature axes, metres
    "head": ((0, 0, 1), 0.15), "jaw": ((0, -0.9, -0.3), 0.08), "left_foot": ((0, -1, 0), 0.07),
    "left_eye_smplhf": ((0, -1, 0), 0.03), "right_eye_smplhf": ((0, -1, 0), 0.03), "right_foot": ((0, -1, 0), 0.07),
}  # fmt: skip


@dataclass(frozen=True)
class RestBones:
    """A rest pose in the armature's axes, metres. N = 56 bones, in the order of BONES."""

    heads: np.ndarray
    """[N,3]"""
    orientations: np.ndarray
    """[N,3,3], columns are the bone's x, y (along the limb) and z."""
    lengths: np.ndarray
    """[N]"""


@dataclass(frozen=True)
class BoneKeys:
    """What pose bones are keyed with, T frames, each in the bone's own rest axes."""

    rotations: np.ndarray
    """[T,56,4] quaternions, w first, sign-continuous."""
    root_location: np.ndarray
    """[T,3]"""
    pelvis_location: np.ndarray
    """[T,3]"""


def rest_shift(rest_joints: np.ndarray, rest_vertices: np.ndarray) -> np.ndarray:
    """Where the rest pose stands in the armature: soles on the floor, the pelvis above the origin.

    rest_joints [55,3] and rest_vertices [V,3] in SMPL-X axes. Returns [3], added after UPRIGHT.
    """
    pelvis = UPRIGHT @ rest_joints[0]
    return np.array([-pelvis[0], -pelvis[1], -(rest_vertices @ UPRIGHT.T)[:, 2].min()])


def rest_bones(rest_joints: np.ndarray, shift: np.ndarray) -> RestBones:
    """Bones along the limbs for a person's joints [55,3] (SMPL-X axes).

    Directions come from the joints averaged with their mirror image, so that left and right bones are mirror images
    to the last digit, as Blender's pose mirroring needs. A bone's x is the axis it bends about: positive
    rotation about x bends knee, elbow and fingers the natural way and leans the spine forward.
    """
    joints = rest_joints @ UPRIGHT.T
    twins = [JOINT_INDEX[mirrored(name)] for name in JOINTS]
    even = (joints + joints[twins] * _MIRROR) / 2
    heads = np.vstack([np.zeros(3), joints + shift])
    directions = np.vstack([(0.0, 1.0, 0.0), np.zeros((len(JOINTS), 3))])
    lengths = np.full(len(BONES), 0.3)
    for joint, name in enumerate(JOINTS):
        if name in _AIMS_AT:
            limb = even[JOINT_INDEX[_AIMS_AT[name]]] - even[joint]
            length = np.linalg.norm(limb)
        elif name in _LEAF_DIRECTIONS:
            limb, length = np.array(_LEAF_DIRECTIONS[name][0]), _LEAF_DIRECTIONS[name][1]
        else:
            limb, length = directions[PARENTS[joint] + 1], lengths[PARENTS[joint] + 1] * _LEAF_LENGTH
        directions[joint + 1] = limb / np.linalg.norm(limb)
        lengths[joint + 1] = length
    hinges = np.array([(1.0, 0.0, 0.0), *(_hinge(name) for name in JOINTS)])
    return RestBones(heads, _orientations(directions, hinges), lengths)


def _hinge(name: str) -> tuple[float, float, float]:
    """The axis that a joint bends about in the rest pose, armature axes: mirror images have x kept, y and z turned."""
    part = name.removeprefix("left_").removeprefix("right_")
    side = -1.0 if name.startswith("right_") else 1.0
    if part in ("collar", "shoulder", "elbow"):
        return (0.0, 0.0, -side)
    if part.startswith("thumb"):
        return (0.0, side, side)
    if part == "wrist" or part.startswith(_FINGERS):
        return (0.0, side, 0.0)
    return (1.0, 0.0, 0.0)


def _orientations(directions: np.ndarray, hinges: np.ndarray) -> np.ndarray:
    """y along `directions` [N,3], x as near to `hinges` [N,3] as may be -> [N,3,3]."""
    x = hinges - (hinges * directions).sum(-1, keepdims=True) * directions
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, directions, np.cross(x, directions)], -1)


def bone_keys(rotations: np.ndarray, pelvis: np.ndarray, rest: RestBones) -> BoneKeys:
    """SMPL-X motion -> keys.

    rotations [T,55,4] quaternions of the joints relative to their parents (the pelvis: rest pose to world), pelvis
    [T,3] world metres.
    """
    frames = len(rotations)
    turned = np.empty((frames, len(BONES), 4))
    turned[:, 2:, 0] = rotations[:, 1:, 0]
    axes = rest.orientations[2:].transpose(0, 2, 1) @ UPRIGHT
    turned[:, 2:, 1:] = np.einsum("jab,tjb->tja", axes, rotations[:, 1:, 1:])

    world = matrix_from_quaternion(rotations[:, 0]) @ UPRIGHT.T
    heading = _headings(quaternion_from_matrix(world))
    turned[:, 0] = _about_z(heading)
    turned[:, 0, 1:] = turned[:, 0, 1:] @ rest.orientations[0]
    back = matrix_from_quaternion(_about_z(-heading))
    bone = rest.orientations[1]
    turned[:, 1] = quaternion_from_matrix(bone.T @ back @ world @ bone)

    ground = pelvis * (1.0, 1.0, 0.0)
    lifted = np.einsum("tab,tb->ta", back, pelvis - ground) - (rest.heads[1] - rest.heads[0])
    root_location = (ground - rest.heads[0]) @ rest.orientations[0]
    return BoneKeys(sign_continuous(turned), root_location, lifted @ bone)


def smplx_motion(keys: BoneKeys, rest: RestBones) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `bone_keys`: rotations [T,55,4] quaternions and pelvis [T,3] world metres.

    Unlike what `bone_keys` makes, `root` may be turned and moved any way an animator likes.
    """
    rotations = np.empty((len(keys.rotations), len(JOINTS), 4))
    rotations[:, 1:, 0] = keys.rotations[:, 2:, 0]
    axes = UPRIGHT.T @ rest.orientations[2:]
    rotations[:, 1:, 1:] = np.einsum("jab,tjb->tja", axes, keys.rotations[:, 2:, 1:])

    root = rest.orientations[0] @ matrix_from_quaternion(keys.rotations[:, 0]) @ rest.orientations[0].T
    bone = rest.orientations[1]
    rotations[:, 0] = quaternion_from_matrix(
        root @ bone @ matrix_from_quaternion(keys.rotations[:, 1]) @ bone.T @ UPRIGHT
    )
    root_place = rest.heads[0] + keys.root_location @ rest.orientations[0].T
    from_root = rest.heads[1] - rest.heads[0] + keys.pelvis_location @ bone.T
    return rotations, root_place + np.einsum("tab,tb->ta", root, from_root)


def _headings(upright: np.ndarray) -> np.ndarray:
    """Angle about the vertical [T], radians and unwrapped, of world rotations [T,4] of the upright rest pose.

    It is the twist of the swing-twist decomposition, defined unless the body is upside down. Near there the
    heading goes straight from the last sound frame to the next, as the pelvis bone makes up for any choice.
    """
    sound = np.hypot(upright[:, 0], upright[:, 3]) > 0.2
    if not sound.any():
        return np.zeros(len(upright))
    frames = np.arange(len(upright))
    angles = np.unwrap(2 * np.arctan2(upright[sound, 3], upright[sound, 0]))
    return np.interp(frames, frames[sound], angles)


def _about_z(angles: np.ndarray) -> np.ndarray:
    """Angles [T] radians -> quaternions [T,4]."""
    zero = np.zeros_like(angles)
    return np.stack([np.cos(angles / 2), zero, zero, np.sin(angles / 2)], -1)


def skin_matrices(keys: BoneKeys, rest: RestBones) -> np.ndarray:
    """Forward kinematics as Blender does it: what takes a vertex from the rest pose to each frame, [T,56,4,4]."""
    frames = len(keys.rotations)
    local = np.zeros((frames, len(BONES), 4, 4))
    local[..., :3, :3] = matrix_from_quaternion(keys.rotations)
    local[..., 3, 3] = 1.0
    local[:, 0, :3, 3] = keys.root_location
    local[:, 1, :3, 3] = keys.pelvis_location
    standing = np.zeros((len(BONES), 4, 4))
    standing[:, :3, :3], standing[:, :3, 3], standing[:, 3, 3] = rest.orientations, rest.heads, 1.0
    moves = standing @ local @ np.linalg.inv(standing)
    for bone, parent in enumerate(BONE_PARENTS):
        if parent >= 0:
            moves[:, bone] = moves[:, parent] @ moves[:, bone]
    return moves
