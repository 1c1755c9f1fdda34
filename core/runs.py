"""Runs of frames in which something holds."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool


def find_runs(mask: Bool[np.ndarray, "T"], max_gap: int = 0, min_length: int = 1) -> list[slice]:
    """Runs of True: gaps of at most `max_gap` frames are closed first, then runs below `min_length` frames dropped."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    runs: list[slice] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist()):
        if runs and start - runs[-1].stop <= max_gap:
            runs[-1] = slice(runs[-1].start, stop)
        else:
            runs.append(slice(start, stop))
    return [run for run in runs if run.stop - run.start >= min_length]
