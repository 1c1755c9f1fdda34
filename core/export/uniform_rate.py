"""Motion at an even frame rate: what most formats can hold, while videos stamp each frame with a time of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, slerp
from ..contract.reconstruction import Info, MotionArrays

_UNEVEN = 0.1
"""Parts of a frame that time stamps may be off an even rate before the motion is resampled."""


@dataclass(frozen=True)
class UniformMotion:
    """P = 2 people, T frames at `rate` frames a second. World frame: metres, Z up."""

    rate: float
    rotations: np.ndarray
    """float64 [P,T,55,3] axis-angle of all SMPL-X joints, relative to the parent (the pelvis: to the world)."""
    pelvis: np.ndarray
    """float64 [P,T,3]"""
    rest_joints: np.ndarray
    """float64 [P,55,3] SMPL-X axes."""
    betas: np.ndarray
    """float64 [P,16]"""


def resample_uniformly(motion: MotionArrays) -> UniformMotion:
    """The frames as they are where their times are even; else resampled at the average rate, rotations by slerp."""
    people, frames = motion.pelvis.shape[:2]
    eyes = np.zeros((people, frames, 2, 3))
    rotations = np.concatenate(
        [
            motion.global_orient[:, :, None],
            motion.body_pose,
            motion.jaw_pose[:, :, None],
            eyes,
            motion.left_hand_pose,
            motion.right_hand_pose,
        ],
        2,
    ).astype(np.float64)
    pelvis = motion.pelvis.astype(np.float64)
    time = motion.time - motion.time[0]
    rate = (frames - 1) / time[-1] if frames > 1 else 25.0
    if np.abs(time * rate - np.arange(frames)).max() > _UNEVEN:
        rotations, pelvis = _resampled(rotations, pelvis, time, np.arange(frames) / rate)
    return UniformMotion(
        float(rate), rotations, pelvis, motion.rest_joints.astype(np.float64), motion.betas.astype(np.float64)
    )


def file_names(info: Info) -> list[str]:
    """A file name without ending for each person."""
    return [person.name.lower().replace(" ", "-") for person in info.people]


def _resampled(
    rotations: np.ndarray, pelvis: np.ndarray, time: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    before = np.clip(np.searchsorted(time, at, "right") - 1, 0, len(time) - 2)
    fraction = np.clip((at - time[before]) / (time[before + 1] - time[before]), 0, 1)[:, None]
    start, end = (axis_angle_to_matrix(torch.from_numpy(rotations[:, frame])) for frame in (before, before + 1))
    between = matrix_to_axis_angle(slerp(start, end, torch.from_numpy(fraction))).numpy()
    return between, pelvis[:, before] * (1 - fraction) + pelvis[:, before + 1] * fraction
