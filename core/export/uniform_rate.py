"""Motion at a uniform frame rate, which most formats require, while each frame of a video has a time stamp of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contract.reconstruction import MotionArrays
from ..contract.rotations import axis_angle_to_quaternion, slerp

_MAX_DEVIATION = 0.1
"""Deviation of time stamps from a uniform rate, in frames, above which the motion is resampled."""
_DEFAULT_FRAME_RATE = 25.0
"""Frame rate of a motion of one frame."""


@dataclass(frozen=True)
class UniformMotion:
    """SMPL-X parameters of P = 2 people over T frames, float64. World frame: metres, Z up."""

    frame_rate: float
    """Frames per second."""
    rotations: np.ndarray
    """[P,T,55,4] quaternions of all joints, relative to the parent joint (the pelvis': to the world)."""
    pelvis: np.ndarray
    """[P,T,3] metres."""
    rest_joints: np.ndarray
    """[P,55,3] joints of the rest pose in SMPL-X's axes."""
    betas: np.ndarray
    """[P,16]"""
    clip_frames: np.ndarray
    """[T] the frame of the clip, possibly fractional, that each frame shows."""


def resample_uniformly(motion: MotionArrays) -> UniformMotion:
    """The frames as they are if their time stamps are uniform, else resampled at the average rate (rotations by slerp)."""
    people, frames = motion.pelvis.shape[:2]
    axis_angles = np.concatenate(
        [
            motion.global_orient[:, :, None],
            motion.body_pose,
            motion.jaw_pose[:, :, None],
            np.zeros((people, frames, 2, 3)),  # the eyes, which no landmark observes
            motion.left_hand_pose,
            motion.right_hand_pose,
        ],
        2,
    )
    rotations, pelvis = axis_angle_to_quaternion(axis_angles), motion.pelvis.astype(np.float64)
    clip_frames = motion.frame_index.astype(np.float64)
    time = np.asarray(motion.time - motion.time[0], np.float64)
    number = np.arange(frames, dtype=np.float64)
    frame_rate = float((frames - 1) / time[-1]) if frames > 1 else _DEFAULT_FRAME_RATE
    if np.abs(time * frame_rate - number).max() > _MAX_DEVIATION:
        at = np.asarray(np.interp(number / frame_rate, time, number), np.float64)
        before = np.minimum(at.astype(int), frames - 2)
        fraction = at - before
        rotations = slerp(rotations[:, before], rotations[:, before + 1], fraction[:, None])
        pelvis = _between(pelvis.swapaxes(0, 1), before, fraction).swapaxes(0, 1)
        clip_frames = _between(clip_frames, before, fraction)
    return UniformMotion(
        frame_rate,
        rotations,
        pelvis,
        motion.rest_joints.astype(np.float64),
        motion.betas.astype(np.float64),
        clip_frames,
    )


def _between(values: np.ndarray, before: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Values [T,...] interpolated between the frames `before` [S] and the ones after them."""
    fraction = fraction.reshape(-1, *([1] * (values.ndim - 1)))
    return values[before] * (1 - fraction) + values[before + 1] * fraction
