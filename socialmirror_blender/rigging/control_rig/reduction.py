"""Chooses which keys of a motion are enough, by the algorithm of Ramer, Douglas and Peucker over time."""

from __future__ import annotations

import numpy as np


def kept_frames(frames: np.ndarray, values: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Indices of the frames [S] that suffice to interpolate values [S,C] in straight lines, nowhere off by more than 1.

    The first and the last one and those in the mask `fixed` [S] are among them.
    """
    kept = {0, len(frames) - 1, *np.flatnonzero(fixed).tolist()}
    ends = sorted(kept)
    spans = list(zip(ends, ends[1:]))
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        inside = np.arange(first + 1, last)
        position = ((frames[inside] - frames[first]) / (frames[last] - frames[first]))[:, None]
        line = (1 - position) * values[first] + position * values[last]
        error = np.abs(values[inside] - line).max(-1)
        worst = int(error.argmax())
        if error[worst] > 1:
            middle = int(inside[worst])
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    return np.array(sorted(kept))
