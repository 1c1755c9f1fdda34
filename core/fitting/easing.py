"""Eases changes of single frames into the frames around them, so that no frame stands out."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy import sparse
from scipy.sparse.linalg import spsolve

from ..contract.runs import find_runs

SHORTEST, LONGEST = 0.25, 1.5
"""Seconds over which a change is eased in and out."""
_REACH = 6.0
"""Second difference of the easing's curve at its peak, for a change of 1 over one frame."""


def ease_frames(change: float, acceleration: float, frame_rate: float) -> int:
    """Frames over which a change (metres) is eased in, so that it adds at most `acceleration` (metres per frame squared)."""
    frames = np.sqrt(_REACH * change / max(acceleration, 1e-9))
    return int(np.ceil(np.clip(frames, SHORTEST * frame_rate, LONGEST * frame_rate)))


def eased(values: Float[np.ndarray, "T C"], given: Bool[np.ndarray, " T"], reach: int) -> Float[np.ndarray, "T C"]:
    """Values given in some frames, and in between and around them the curve of the least bending.

    It is zero farther than `reach` frames from the nearest given one. What the rows of other frames hold is not read.
    """
    margin = reach + 2  # as if the clip went on, so that a curve that its end cuts off does not run away
    padded = np.pad(np.where(given[:, None], values, 0.0), ((margin, margin), (0, 0)))
    fixed = np.pad(given, margin)
    for run in find_runs(fixed, max_gap=2 * reach + 1):
        span = slice(run.start - margin, run.stop + margin)  # with two frames at each end in which the curve is zero
        is_end = np.ones(span.stop - span.start, bool)
        is_end[2:-2] = False
        padded[span] = _least_bending(padded[span], fixed[span] | is_end)
    return padded[margin:-margin]


def _least_bending(values: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """The values [n,C] with those that are not fixed where the sum of squared second differences is least."""
    free = ~fixed
    if len(values) < 3 or not free.any():
        return values
    identity = sparse.csc_array(sparse.eye_array(len(values)))
    bending = identity[:-2] - 2 * identity[1:-1] + identity[2:]
    of_free, of_fixed = bending[:, free], bending[:, fixed]
    out = values.copy()
    right = -(of_free.T @ (of_fixed @ values[fixed]))
    out[free] = spsolve((of_free.T @ of_free).tocsc(), right).reshape(right.shape)
    return out
