"""The clip's time and the scene's frames, and motion sampled at whole frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.contract.reconstruction import MotionArrays
from .rotations import quaternion_from_axis_angle, slerp

_ON_A_FRAME = 0.01
"""Share of a frame by which a time stamp may miss a whole frame and still lie on it."""


@dataclass(frozen=True)
class Timeline:
    """Scene frame = zero + fps * seconds of the clip."""

    zero: float
    """Scene frame, maybe fractional, at which the clip's time is 0."""
    fps: float
    """The scene's frames a second."""

    def frames(self, seconds: np.ndarray) -> np.ndarray:
        return self.zero + self.fps * np.asarray(seconds, dtype=np.float64)

    def seconds(self, frames: np.ndarray | float) -> np.ndarray:
        return (np.asarray(frames, dtype=np.float64) - self.zero) / self.fps


@dataclass(frozen=True)
class PersonMotion:
    """One person at T times, SMPL-X conventions."""

    rotations: np.ndarray
    """[T,55,4] quaternions relative to the parent joint; the pelvis: rest pose to world."""
    pelvis: np.ndarray
    """[T,3] world metres."""
    confidence: np.ndarray
    """[T,22] in 0-1."""


def person_motion(motion: MotionArrays, person: int) -> PersonMotion:
    """One person out of a reconstruction. The eyes do not move: nothing observes them."""
    frames = len(motion.frame_index)
    axis_angles = np.concatenate(
        [
            motion.global_orient[person, :, None],
            motion.body_pose[person],
            motion.jaw_pose[person, :, None],
            np.zeros((frames, 2, 3)),
            motion.left_hand_pose[person],
            motion.right_hand_pose[person],
        ],
        axis=1,
    )
    return PersonMotion(
        quaternion_from_axis_angle(axis_angles), motion.pelvis[person].astype(np.float64), motion.confidence[person]
    )


def key_frames(timeline: Timeline, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The whole scene frames to key for a clip with time stamps `seconds` [T], and the clip's time there.

    Where every time stamp lies on a whole frame these are the clip's own frames, else all whole frames within the clip.
    Returns int frames [S] and seconds [S].
    """
    exact = timeline.frames(seconds)
    whole = np.round(exact)
    if np.abs(exact - whole).max() < _ON_A_FRAME and (np.diff(whole) > 0).all():
        return whole.astype(int), np.asarray(seconds, dtype=np.float64)
    first, last = np.ceil(exact[0] - _ON_A_FRAME), np.floor(exact[-1] + _ON_A_FRAME)
    frames = np.arange(first, max(first, last) + 1)
    return frames.astype(int), timeline.seconds(frames)


def resample(motion: PersonMotion, seconds: np.ndarray, at: np.ndarray) -> PersonMotion:
    """Motion with time stamps `seconds` [T] as it is `at` other times [S]: slerp for rotations, lines for the rest."""
    if len(at) == len(seconds) and np.array_equal(at, seconds):
        return motion
    before, fraction = _neighbours(seconds, at)
    after = np.minimum(before + 1, len(seconds) - 1)
    return PersonMotion(
        slerp(motion.rotations[before], motion.rotations[after], fraction[:, None]),
        lerp(motion.pelvis, seconds, at),
        lerp(motion.confidence, seconds, at),
    )


def lerp(values: np.ndarray, seconds: np.ndarray, at: np.ndarray) -> np.ndarray:
    """values [T,...] at `seconds` [T] -> [S,...] `at` other times, held beyond both ends."""
    before, fraction = _neighbours(seconds, at)
    after = np.minimum(before + 1, len(seconds) - 1)
    fraction = fraction.reshape(-1, *([1] * (values.ndim - 1)))
    return (1 - fraction) * values[before] + fraction * values[after]


def _neighbours(seconds: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each time the index of the time stamp before it and how far it is to the next, in 0-1."""
    place = np.interp(at, seconds, np.arange(len(seconds)))
    before = np.floor(place).astype(int)
    return before, place - before
