"""Foot contact: where the soles are in a motion, and in which frames each foot stands still on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import uniform_filter1d

from core.body.model import BodyModel, forward_kinematics, linear_blend_skinning, rest_joints
from core.contract.skeleton import BODY_JOINTS, JOINTS
from core.fitting.soles import sole_vertices

from .runs import remove_short_runs


@dataclass(frozen=True)
class FootContactSettings:
    """Thresholds of the detection of foot contact."""

    max_speed: float = 0.25
    """Of the middle of the sole, metres per second."""
    max_height: float = 0.045
    """Of the sole's lowest point above the floor, metres."""
    min_frames: int = 3
    """Shortest contact."""
    max_gap: int = 2
    """Longest interruption of a contact that is closed, frames."""


_SETTINGS = FootContactSettings()


@dataclass(frozen=True)
class PosedSkeleton:
    """Joints and soles of a motion in the world, float32."""

    joints: Float[np.ndarray, "T 22 3"]
    global_rotations: Float[np.ndarray, "T 22 3 3"]
    """Take the axes of the rest pose to those of the posed joint."""
    soles: Float[np.ndarray, "T 2 S 3"]
    """Points under the left and the right foot, from heel to toes."""


def pose_skeleton(
    rotations: Float[np.ndarray, "T 22 3 3"],
    pelvis: Float[np.ndarray, "T 3"],
    body: BodyModel,
    betas: Float[np.ndarray, "16"],
) -> PosedSkeleton:
    """Forward kinematics, and skinning of the soles. Rotations are relative to the parent joint; the pelvis is in metres."""
    count = len(BODY_JOINTS)
    shape = torch.from_numpy(np.ascontiguousarray(betas, np.float32))[None]
    all_rotations = torch.eye(3).repeat(len(rotations), len(JOINTS), 1, 1)
    all_rotations[:, :count] = torch.from_numpy(np.ascontiguousarray(rotations, np.float32))
    rest = rest_joints(body, shape)
    pelvis_tensor = torch.from_numpy(np.ascontiguousarray(pelvis, np.float32))
    joints, global_rotations = forward_kinematics(all_rotations, rest, pelvis_tensor)
    sole_body = body.subset(sole_vertices(body).flatten())
    soles = linear_blend_skinning(sole_body, shape, all_rotations, rest, joints, global_rotations)
    return PosedSkeleton(
        joints[:, :count].numpy(), global_rotations[:, :count].numpy(), soles.unflatten(1, (2, -1)).numpy()
    )


def detect_foot_contact(soles: Float[np.ndarray, "T 2 S 3"], rate: float) -> Bool[np.ndarray, "T 2"]:
    """Whether each foot is slow and near the floor z = 0. Soles in metres, at `rate` frames per second."""
    middle = soles.mean(2)
    is_low = soles[..., 2].min(2) < _SETTINGS.max_height
    if len(middle) < 2:
        return is_low
    speed = uniform_filter1d(np.linalg.norm(np.gradient(middle, axis=0), axis=-1) * rate, 3, axis=0)
    contact = (speed < _SETTINGS.max_speed) & is_low
    for foot in range(2):
        without_gaps = ~remove_short_runs(~contact[:, foot], _SETTINGS.max_gap + 1)
        contact[:, foot] = remove_short_runs(without_gaps, _SETTINGS.min_frames)
    return contact
