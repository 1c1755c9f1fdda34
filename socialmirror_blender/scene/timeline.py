"""The clip's frames and seconds on the scene's timeline, and values interpolated at other times."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .rotations import slerp

_WHOLE_FRAME_TOLERANCE = 0.01
"""Distance in frames within which a time stamp counts as lying on a whole scene frame."""


@dataclass(frozen=True)
class Timeline:
    """Maps seconds of the clip to scene frames: frame = zero_frame + frame_rate * seconds."""

    zero_frame: float
    """Scene frame, possibly fractional, at which the clip's time is 0."""
    frame_rate: float
    """Scene frames for each second of the clip: the scene's rate, unless the clip is a strip that plays frame by frame."""

    def to_frames(self, seconds: np.ndarray | float) -> np.ndarray:
        return self.zero_frame + self.frame_rate * np.asarray(seconds, dtype=np.float64)

    def to_seconds(self, frames: np.ndarray | float) -> np.ndarray:
        return (np.asarray(frames, dtype=np.float64) - self.zero_frame) / self.frame_rate


@dataclass(frozen=True)
class ClipTiming:
    """The T reconstructed frames of a clip, and where they lie on the scene's timeline."""

    clip_frames: np.ndarray
    """int [T], counted in the clip from 0."""
    seconds: np.ndarray
    """[T] time stamps."""
    timeline: Timeline

    def to_scene_frames(self, clip_frames: np.ndarray | list[int]) -> np.ndarray:
        """The whole scene frames, int, nearest to frames of the clip. Frames beyond the reconstructed ones map to its ends."""
        seconds = np.interp(clip_frames, self.clip_frames, self.seconds)
        return np.round(self.timeline.to_frames(seconds)).astype(int)

    def to_clip_times(self, scene_frames: np.ndarray | range) -> np.ndarray:
        """The frames of the clip [S], possibly fractional, that scene frames [S] show; counted on evenly beyond both ends."""
        seconds = self.timeline.to_seconds(np.asarray(scene_frames))
        span = float(self.seconds[-1] - self.seconds[0])
        rate = float(self.clip_frames[-1] - self.clip_frames[0]) / span if span > 0 else self.timeline.frame_rate
        within = np.clip(seconds, self.seconds[0], self.seconds[-1])
        return np.interp(within, self.seconds, self.clip_frames) + rate * (seconds - within)

    def scene_range(self, first: int, last: int) -> tuple[int, int]:
        """The scene frames, both included, of a range of the clip."""
        start, end = self.to_scene_frames([first, last]).tolist()
        return start, end

    def nearest_index(self, scene_frame: int) -> int:
        """Index of the reconstructed frame that is nearest in time to a scene frame."""
        return int(np.abs(self.seconds - self.timeline.to_seconds(scene_frame)).argmin())

    def to_clip_frame(self, scene_frame: int) -> int:
        """The reconstructed frame of the clip that is nearest in time to a scene frame."""
        return int(self.clip_frames[self.nearest_index(scene_frame)])


def frames_to_key(timeline: Timeline, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The whole scene frames, int [S], to key for a clip with time stamps `seconds` [T], and the clip's time at each of them [S].

    If every time stamp lies on a whole frame, these are the clip's own frames, otherwise all whole frames within the clip.
    """
    exact = timeline.to_frames(seconds)
    whole = np.round(exact)
    if np.abs(exact - whole).max() < _WHOLE_FRAME_TOLERANCE and (np.diff(whole) > 0).all():
        return whole.astype(int), np.asarray(seconds, dtype=np.float64)
    first: int = math.ceil(exact[0] - _WHOLE_FRAME_TOLERANCE)
    last: int = math.floor(exact[-1] + _WHOLE_FRAME_TOLERANCE)
    frames: np.ndarray = np.arange(first, max(first, last) + 1)
    return frames, timeline.to_seconds(frames)


def interpolate(values: np.ndarray, seconds: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Linear interpolation of values [T,...] with time stamps `seconds` [T] at other times [S]; constant beyond both ends."""
    before, after, fraction = _neighbours(seconds, at)
    fraction = fraction.reshape(-1, *([1] * (values.ndim - 1)))
    return (1 - fraction) * values[before] + fraction * values[after]


def interpolate_rotations(quaternions: np.ndarray, seconds: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Spherical linear interpolation of quaternions [T,J,4], as `interpolate`."""
    before, after, fraction = _neighbours(seconds, at)
    return slerp(quaternions[before], quaternions[after], fraction[:, None])


def _neighbours(seconds: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each time the indices of the time stamps before and after it, and where between them it lies, 0-1."""
    position = np.interp(at, seconds, np.arange(len(seconds)))
    before = np.floor(position).astype(int)
    return before, np.minimum(before + 1, len(seconds) - 1), position - before
