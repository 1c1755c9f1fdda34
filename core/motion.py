"""Two people's motion: plain arrays between stages, tensors inside them, and the conversions between the two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .body.model import BodyModel, forward_kinematics, linear_blend_skinning, rest_joints
from .body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .contract.skeleton import BODY_JOINTS, JOINTS

BODY_COUNT = len(BODY_JOINTS)
FINGER_COUNT = 15


@dataclass(frozen=True)
class PairMotion:
    """P = 2 people, T frames, float32. Rotations: axis-angle, radians, relative to the SMPL-X rest pose.

    `global_orient` takes the rest pose into the world (metres, Z up, floor at z = 0); `pelvis` is the pelvis joint there.
    """

    global_orient: np.ndarray
    """[P,T,3]"""
    body_pose: np.ndarray
    """[P,T,21,3]"""
    left_hand_pose: np.ndarray
    """[P,T,15,3] on the flat hand."""
    right_hand_pose: np.ndarray
    """[P,T,15,3] on the flat hand."""
    pelvis: np.ndarray
    """[P,T,3] metres."""
    betas: np.ndarray
    """[P,16]"""


@dataclass(frozen=True)
class Camera:
    """A static pinhole camera. Camera frame: x right, y down, z forward."""

    K: np.ndarray
    """float64 [3,3] px."""
    T_cw: np.ndarray
    """float64 [4,4] world -> camera."""


@dataclass(frozen=True)
class Posed:
    """What forward kinematics makes of a motion. Tensors, world frame."""

    betas: Tensor
    """[P,1,16], so that it broadcasts over frames."""
    rotations: Tensor
    """[P,T,55,3,3] relative to the parent."""
    rest: Tensor
    """[P,1,55,3]"""
    joints: Tensor
    """[P,T,55,3]"""
    global_rotations: Tensor
    """[P,T,55,3,3]"""

    def skin(self, body: BodyModel) -> Tensor:
        """Vertices [P,T,V,3] of `body` (or of a subset of it) in this pose."""
        return linear_blend_skinning(body, self.betas, self.rotations, self.rest, self.joints, self.global_rotations)


def pose(body: BodyModel, rotations: Tensor, pelvis: Tensor, betas: Tensor) -> Posed:
    """rotations [P,T,55,3,3], pelvis [P,T,3], betas [P,16] -> joints and what skinning needs."""
    shape = betas[:, None]
    rest = rest_joints(body, shape)
    joints, world = forward_kinematics(rotations, rest, pelvis)
    return Posed(shape, rotations, rest, joints, world)


def pose_motion(body: BodyModel, motion: PairMotion) -> Posed:
    """`pose` for a motion in arrays, on the body's device."""
    device = body.device
    return pose(
        body,
        motion_rotations(motion).to(device),
        torch.as_tensor(motion.pelvis, device=device),
        torch.as_tensor(motion.betas, device=device),
    )


def motion_rotations(motion: PairMotion) -> Tensor:
    """[P,T,55,3,3]; jaw and eyes rest."""
    people, frames = motion.pelvis.shape[:2]
    angles = np.zeros((people, frames, len(JOINTS), 3), np.float32)
    angles[:, :, 0] = motion.global_orient
    angles[:, :, 1:BODY_COUNT] = motion.body_pose
    angles[:, :, -2 * FINGER_COUNT : -FINGER_COUNT] = motion.left_hand_pose
    angles[:, :, -FINGER_COUNT:] = motion.right_hand_pose
    return axis_angle_to_matrix(torch.from_numpy(angles))


def motion_from_rotations(rotations: Tensor, pelvis: Tensor, betas: Tensor) -> PairMotion:
    """The inverse of `motion_rotations`, with the rest of a motion."""
    angles = matrix_to_axis_angle(rotations.detach()).float().cpu().numpy()
    return PairMotion(
        global_orient=angles[:, :, 0],
        body_pose=angles[:, :, 1:BODY_COUNT],
        left_hand_pose=angles[:, :, -2 * FINGER_COUNT : -FINGER_COUNT],
        right_hand_pose=angles[:, :, -FINGER_COUNT:],
        pelvis=pelvis.detach().float().cpu().numpy(),
        betas=betas.detach().float().cpu().numpy(),
    )


def project(points: Tensor, K: Tensor, world: Tensor) -> tuple[Tensor, Tensor]:
    """World points [...,3] -> pixels [...,2] and depths [...] (metres before the camera, kept at 5 cm or more)."""
    seen = points @ world[:3, :3].T + world[:3, 3]
    depth = seen[..., 2].clamp_min(0.05)
    pixels = (seen[..., :2] / depth[..., None]) @ K[:2, :2].T + K[:2, 2]
    return pixels, depth
