"""Gait cycles: finds two frames of a walk or a run between which the motion can be repeated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

BLEND_FRAMES = 8
"""Frames after a cycle that are needed to blend one repetition into the next."""


@dataclass(frozen=True)
class CycleSettings:
    """Thresholds of the search for a gait cycle."""

    min_frames: int = 18
    max_frames: int = 45
    """Duration of two steps, walking or running."""
    max_difference: float = 0.005
    """Mean squared difference of the features of both frames above which a repetition would be visible."""
    velocity_weight: float = 4.0
    """Weight of changes per frame, relative to entries of rotation matrices."""
    height_weight: float = 5.0
    """Weight of metres of the pelvis' height, relative to entries of rotation matrices."""


_SETTINGS = CycleSettings()


def find_cycle(
    rotations: Float[np.ndarray, "T 22 3 3"],
    pelvis: Float[np.ndarray, "T 3"],
) -> tuple[int, int] | None:
    """The two most similar frames that are two steps apart, at least BLEND_FRAMES before the end; None without a cycle.

    Rotations are relative to the parent joint. Poses are compared without the pelvis' rotation and horizontal position.
    """
    last = len(pelvis) - BLEND_FRAMES - 1
    if last < _SETTINGS.min_frames:
        return None
    pose = rotations[:, 1:, :, :2].reshape(len(pelvis), -1)
    velocity = _SETTINGS.velocity_weight * np.asarray(np.gradient(pose, axis=0))
    features = np.concatenate([pose, velocity, _SETTINGS.height_weight * pelvis[:, 2:]], 1)
    smallest, cycle = _SETTINGS.max_difference, None
    for length in range(_SETTINGS.min_frames, min(_SETTINGS.max_frames, last) + 1):
        difference = np.square(features[length : last + 1] - features[: last + 1 - length]).mean(1)
        if difference.min() < smallest:
            smallest, cycle = difference.min(), (int(difference.argmin()), int(difference.argmin()) + length)
    return cycle
