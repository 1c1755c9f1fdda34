"""Converts SMPL-X motion to the rotation and location channels of pose bones and back, exactly.

A joint's local rotation R in SMPL-X axes is, in the axes of its bone, `B^T U R U^T B`, where U is Y_UP_TO_Z_UP and B the
bone's rest axes in armature space. That is a rotation by the same angle about the axis `B^T U axis`, so it suffices to rotate the
vector part of the quaternion.

The bone `root` carries the position of the pelvis on the floor and the person's heading, which is the rotation about the
vertical; the bone `pelvis` carries the rest of the pelvis' motion. The armature object has no transform of its own, so armature
space is world space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.contract.rotations import Y_UP_TO_Z_UP, headings
from ...core.contract.skeleton import JOINTS
from .rest_pose import BONE_PARENTS, BONES, RestPose
from .rotations import (
    inverse_affine,
    make_sign_continuous,
    matrix_to_quaternion,
    quaternion_about_z,
    quaternion_to_matrix,
    rigid_transform,
)


@dataclass(frozen=True)
class BoneChannels:
    """Values of the animated channels of the pose bones in T frames, in each bone's own space, relative to the rest pose."""

    rotations: np.ndarray
    """[T,56,4] quaternions in the order of BONES."""
    root_location: np.ndarray
    """[T,3] metres."""
    pelvis_location: np.ndarray
    """[T,3] metres. Only root and pelvis have a location."""


def smplx_to_bones(rotations: np.ndarray, pelvis_inworld: np.ndarray, rest: RestPose) -> BoneChannels:
    """Channels that pose the bones of `rest` as SMPL-X poses its joints.

    Takes quaternions [T,55,4] of the joints relative to their parents, for the pelvis from the rest pose to the world, and the
    pelvis' position [T,3]. The quaternions returned are sign-continuous.
    """
    frames = len(rotations)
    channels = np.empty((frames, len(BONES), 4))
    channels[:, 2:, 0] = rotations[:, 1:, 0]
    smplx_to_bone = rest.axes_inarmature[2:].transpose(0, 2, 1) @ Y_UP_TO_Z_UP
    channels[:, 2:, 1:] = np.einsum("jab,tjb->tja", smplx_to_bone, rotations[:, 1:, 1:])

    pelvis_rotation_inworld = quaternion_to_matrix(rotations[:, 0]) @ Y_UP_TO_Z_UP.T
    heading = headings(matrix_to_quaternion(pelvis_rotation_inworld))
    root_axes, pelvis_axes = rest.axes_inarmature[0], rest.axes_inarmature[1]
    channels[:, 0] = quaternion_about_z(heading)
    channels[:, 0, 1:] = channels[:, 0, 1:] @ root_axes
    world_to_heading = quaternion_to_matrix(quaternion_about_z(-heading))
    channels[:, 1] = matrix_to_quaternion(pelvis_axes.T @ world_to_heading @ pelvis_rotation_inworld @ pelvis_axes)

    on_floor_inworld = pelvis_inworld * (1.0, 1.0, 0.0)
    root_location = (on_floor_inworld - rest.heads_inarmature[0]) @ root_axes
    above_floor = np.einsum("tab,tb->ta", world_to_heading, pelvis_inworld - on_floor_inworld)
    pelvis_location = (above_floor - (rest.heads_inarmature[1] - rest.heads_inarmature[0])) @ pelvis_axes
    return BoneChannels(make_sign_continuous(channels), root_location, pelvis_location)


def bones_to_smplx(channels: BoneChannels, rest: RestPose) -> tuple[np.ndarray, np.ndarray]:
    """The inverse of `smplx_to_bones`: quaternions of the joints [T,55,4] and the pelvis' position in the world [T,3].

    `root` may have any rotation and location, not only those that `smplx_to_bones` gives it.
    """
    rotations = np.empty((len(channels.rotations), len(JOINTS), 4))
    rotations[:, 1:, 0] = channels.rotations[:, 2:, 0]
    bone_to_smplx = Y_UP_TO_Z_UP.T @ rest.axes_inarmature[2:]
    rotations[:, 1:, 1:] = np.einsum("jab,tjb->tja", bone_to_smplx, channels.rotations[:, 2:, 1:])

    root_axes, pelvis_axes = rest.axes_inarmature[0], rest.axes_inarmature[1]
    root_rotation_inworld = root_axes @ quaternion_to_matrix(channels.rotations[:, 0]) @ root_axes.T
    pelvis_rotation = pelvis_axes @ quaternion_to_matrix(channels.rotations[:, 1]) @ pelvis_axes.T
    rotations[:, 0] = matrix_to_quaternion(root_rotation_inworld @ pelvis_rotation @ Y_UP_TO_Z_UP)

    root_inworld = rest.heads_inarmature[0] + channels.root_location @ root_axes.T
    root_to_pelvis = rest.heads_inarmature[1] - rest.heads_inarmature[0] + channels.pelvis_location @ pelvis_axes.T
    return rotations, root_inworld + np.einsum("tab,tb->ta", root_rotation_inworld, root_to_pelvis)


def skinning_matrices(channels: BoneChannels, rest: RestPose) -> np.ndarray:
    """[T,56,4,4] that take a vertex from the rest pose to each frame, both in armature space, by Blender's forward kinematics."""
    locations = np.zeros((len(channels.rotations), len(BONES), 3))
    locations[:, 0], locations[:, 1] = channels.root_location, channels.pelvis_location
    basis = rigid_transform(quaternion_to_matrix(channels.rotations), locations)
    rest_matrices = rest.matrices_inarmature
    matrices = rest_matrices @ basis @ inverse_affine(rest_matrices)
    for bone, parent in enumerate(BONE_PARENTS):
        if parent >= 0:
            matrices[:, bone] = matrices[:, parent] @ matrices[:, bone]
    return matrices


def basis_matrices(pose_inarmature: np.ndarray, rest: RestPose) -> np.ndarray:
    """`PoseBone.matrix_basis` of all bones from `PoseBone.matrix`, both [T,56,4,4]: the pose relative to rest and parent."""
    return inverse_affine(_relative_to_parents(rest.matrices_inarmature)) @ _relative_to_parents(pose_inarmature)


def _relative_to_parents(matrices_inarmature: np.ndarray) -> np.ndarray:
    """[...,56,4,4] in armature space -> relative to the parent bone."""
    relative = matrices_inarmature.copy()
    for bone, parent in enumerate(BONE_PARENTS):
        if parent >= 0:
            relative[..., bone, :, :] = (
                inverse_affine(matrices_inarmature[..., parent, :, :]) @ matrices_inarmature[..., bone, :, :]
            )
    return relative
