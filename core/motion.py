"""Two people's motion: plain arrays between stages, tensors inside them, and the conversions between the two.

A motion is a motion in some frame of reference; variables and fields that hold one name it: `motion_incam` (camera axes: x right,
y down, z forward) everywhere inside the pipeline, `motion_inworld` (metres, Z up, floor at z = 0) in results and ground truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .body.model import BodyModel, forward_kinematics, linear_blend_skinning, rest_joints
from .body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from .contract.skeleton import BODY_JOINTS, JOINTS
from .records import Record
from .transforms import transform_points, transform_rotations

BODY_COUNT = len(BODY_JOINTS)
FINGER_COUNT = 15


@dataclass(frozen=True)
class PairMotion(Record):
    """SMPL-X parameters of P = 2 people over T frames, float32. Rotations are axis-angle, radians, relative to the rest pose."""

    global_orient: Float[np.ndarray, "P T 3"]
    """Takes the rest pose (Y up, facing +Z) into the motion's frame of reference."""
    body_pose: Float[np.ndarray, "P T 21 3"]
    left_hand_pose: Float[np.ndarray, "P T 15 3"]
    """On the flat hand."""
    right_hand_pose: Float[np.ndarray, "P T 15 3"]
    """On the flat hand."""
    pelvis: Float[np.ndarray, "P T 3"]
    """metres, where the pelvis joint is in the motion's frame of reference."""
    betas: Float[np.ndarray, "P 16"]

    def transformed(self, T: np.ndarray) -> PairMotion:
        """The motion in another frame of reference; T [4,4] takes points of this frame there."""
        T = np.asarray(T, np.float64)
        rotations = transform_rotations(
            torch.from_numpy(T), axis_angle_to_matrix(torch.from_numpy(self.global_orient).double())
        )
        return replace(
            self,
            global_orient=matrix_to_axis_angle(rotations).float().numpy(),
            pelvis=transform_points(T, self.pelvis.astype(np.float64)).astype(np.float32),
        )


def elapsed_seconds(time: Float[np.ndarray, " T"]) -> Float[Tensor, " T"]:
    """float32, since the first of times in seconds: far into a clip float32 could not tell neighbouring frames' times apart."""
    return torch.from_numpy(time - time[:1]).float()


def median_time_step(time: Float[np.ndarray, " T"]) -> float:
    """Seconds between two frames that are shown at these times; a twenty-fifth for a single one."""
    return float(np.median(np.diff(time))) if len(time) > 1 else 0.04


@dataclass(frozen=True)
class Timeline(Record):
    """The frames of a clip's range and when they are shown."""

    frame_index: Int[np.ndarray, " T"]
    """Numbers of the frames in the clip."""
    time: Float[np.ndarray, " T"]
    """float64, seconds."""

    @property
    def time_step(self) -> float:
        """Seconds, see `median_time_step`."""
        return median_time_step(self.time)


@dataclass(frozen=True)
class Camera:
    """A static pinhole camera (x right, y down, z forward) over a floor, which its extrinsics place."""

    K: Float[np.ndarray, "3 3"]
    """float64, px."""
    T_cw: Float[np.ndarray, "4 4"]
    """float64, world -> camera."""

    @property
    def T_wc(self) -> np.ndarray:
        """float64 [4,4], camera -> world."""
        return np.linalg.inv(self.T_cw)


@dataclass(frozen=True)
class MotionEstimate(Record):
    """Both people in front of a camera, and the floor that they stand on."""

    motion_incam: PairMotion
    camera: Camera
    foot_contact: Float[np.ndarray, "P T 2"]
    """float32 in 0-1, probability that the left and the right foot stand on the floor."""

    @property
    def motion_inworld(self) -> PairMotion:
        return self.motion_incam.transformed(self.camera.T_wc)


@dataclass(frozen=True)
class Posed:
    """The result of forward kinematics, in the frame of reference of the motion. Tensors."""

    betas: Float[Tensor, "P 1 16"]
    """They broadcast over frames."""
    rotations: Float[Tensor, "P T 55 3 3"]
    """Relative to the parent joint."""
    rest: Float[Tensor, "P 1 55 3"]
    """Joints of the rest pose."""
    joints: Float[Tensor, "P T 55 3"]
    global_rotations: Float[Tensor, "P T 55 3 3"]
    """Relative to the rest pose, in the motion's frame of reference."""

    def frames(self, frames: Int[Tensor, " F"]) -> Posed:
        """The pose in some of the frames."""
        moving = (self.rotations[:, frames], self.rest, self.joints[:, frames], self.global_rotations[:, frames])
        return Posed(self.betas, *moving)

    def skin(self, body: BodyModel) -> Tensor:
        """Vertices [P,T,V,3] of `body` (or of a subset of it) in this pose."""
        return linear_blend_skinning(body, self.betas, self.rotations, self.rest, self.joints, self.global_rotations)


def pose(
    body: BodyModel,
    rotations: Float[Tensor, "P T 55 3 3"],
    pelvis: Float[Tensor, "P T 3"],
    betas: Float[Tensor, "P 16"],
) -> Posed:
    """Forward kinematics: joints and what skinning needs."""
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


def motion_rotations(motion: PairMotion) -> Float[Tensor, "P T 55 3 3"]:
    """Rotations relative to the parent joint; the jaw and the eyes rest."""
    people, frames = motion.pelvis.shape[:2]
    angles = np.zeros((people, frames, len(JOINTS), 3), np.float32)
    angles[:, :, 0] = motion.global_orient
    angles[:, :, 1:BODY_COUNT] = motion.body_pose
    angles[:, :, -2 * FINGER_COUNT : -FINGER_COUNT] = motion.left_hand_pose
    angles[:, :, -FINGER_COUNT:] = motion.right_hand_pose
    return axis_angle_to_matrix(torch.from_numpy(angles))


def motion_from_rotations(
    rotations: Float[Tensor, "P T 55 3 3"], pelvis: Float[Tensor, "P T 3"], betas: Float[Tensor, "P 16"]
) -> PairMotion:
    """The inverse of `motion_rotations`, with the pelvis and the shape."""
    angles = matrix_to_axis_angle(rotations.detach()).float().cpu().numpy()
    return PairMotion(
        global_orient=angles[:, :, 0],
        body_pose=angles[:, :, 1:BODY_COUNT],
        left_hand_pose=angles[:, :, -2 * FINGER_COUNT : -FINGER_COUNT],
        right_hand_pose=angles[:, :, -FINGER_COUNT:],
        pelvis=pelvis.detach().float().cpu().numpy(),
        betas=betas.detach().float().cpu().numpy(),
    )
