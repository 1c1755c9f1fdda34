"""Motion at a uniform frame rate, which most formats require, while each frame of a video has a time stamp of its own."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, slerp
from ..contract.names import file_stem
from ..contract.reconstruction import Info, MotionArrays

_MAX_DEVIATION = 0.1
"""Deviation of time stamps from a uniform rate, in frames, above which the motion is resampled."""
_DEFAULT_FRAME_RATE = 25.0
"""Frame rate of a motion of one frame."""


@dataclass(frozen=True)
class UniformMotion:
    """SMPL-X parameters of P = 2 people over T frames, float64. World frame: metres, Z up."""

    frame_rate: float
    """Frames per second."""
    rotations: Float[np.ndarray, "P T 55 3"]
    """Axis-angle of all joints, relative to the parent joint (the pelvis': to the world)."""
    pelvis: Float[np.ndarray, "P T 3"]
    rest_joints: Float[np.ndarray, "P 55 3"]
    """Joints of the rest pose in SMPL-X's axes."""
    betas: Float[np.ndarray, "P 16"]


def resample_uniformly(motion: MotionArrays) -> UniformMotion:
    """The frames as they are if their time stamps are uniform, else resampled at the average rate (rotations by slerp)."""
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
    frame_rate = float((frames - 1) / time[-1]) if frames > 1 else _DEFAULT_FRAME_RATE
    if np.abs(time * frame_rate - np.arange(frames)).max() > _MAX_DEVIATION:
        rotations, pelvis = _resample(rotations, pelvis, time, np.arange(frames) / frame_rate)
    return UniformMotion(
        frame_rate, rotations, pelvis, motion.rest_joints.astype(np.float64), motion.betas.astype(np.float64)
    )


def file_stems(info: Info) -> list[str]:
    """A file name without extension for each person: `person-a`."""
    stems = [file_stem(person.name, f"person-{person.index}") for person in info.people]
    different = len(set(stems)) == len(stems)
    return stems if different else [f"{stem}-{number}" for number, stem in enumerate(stems)]


def _resample(
    rotations: Float[np.ndarray, "P T 55 3"],
    pelvis: Float[np.ndarray, "P T 3"],
    time: Float[np.ndarray, "T"],
    new_time: Float[np.ndarray, "S"],
) -> tuple[Float[np.ndarray, "P S 55 3"], Float[np.ndarray, "P S 3"]]:
    before = np.clip(np.searchsorted(time, new_time, "right") - 1, 0, len(time) - 2)
    fraction = np.clip((new_time - time[before]) / (time[before + 1] - time[before]), 0, 1)[:, None]
    start, end = (axis_angle_to_matrix(torch.from_numpy(rotations[:, frames])) for frames in (before, before + 1))
    between = matrix_to_axis_angle(slerp(start, end, torch.from_numpy(fraction))).numpy()
    return between, pelvis[:, before] * (1 - fraction) + pelvis[:, before + 1] * fraction
