"""Walks and runs repeat themselves: where a recording comes back to the pose and the pace that it had."""

from __future__ import annotations

import numpy as np

BLEND = 8
"""frames after a cycle that a repetition needs to run into."""
_LENGTHS = (18, 45)
"""frames of two steps, walking or running."""
_ALIKE = 0.005
"""Mean square difference of poses, their changes and heights, above which a repetition would show."""
_CHANGE, _HEIGHT = 4.0, 5.0
"""Weights of changes a frame and of metres of the pelvis' height beside the entries of rotations."""


def find_cycle(rotations: np.ndarray, pelvis: np.ndarray) -> tuple[int, int] | None:
    """The two frames, two steps apart, that are most alike, BLEND frames before the end at least; None where none are.

    rotations [T,22,3,3] relative to the parent, pelvis [T,3].
    """
    shortest, longest = _LENGTHS
    last = len(pelvis) - BLEND - 1
    if last < shortest:
        return None
    pose = rotations[:, 1:, :, :2].reshape(len(pelvis), -1)
    state = np.concatenate([pose, _CHANGE * np.asarray(np.gradient(pose, axis=0)), _HEIGHT * pelvis[:, 2:]], 1)
    best, found = _ALIKE, None
    for length in range(shortest, min(longest, last) + 1):
        apart = np.square(state[length : last + 1] - state[: last + 1 - length]).mean(1)
        if apart.min() < best:
            best, found = apart.min(), (int(apart.argmin()), int(apart.argmin()) + length)
    return found
