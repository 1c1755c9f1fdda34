"""Runs of frames: where a flag is true without interruption."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int


def true_runs(flags: Bool[np.ndarray, " T"]) -> list[tuple[int, int]]:
    """First frame and end (exclusive) of each run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def remove_short_runs(flags: Bool[np.ndarray, " T"], min_length: int) -> Bool[np.ndarray, " T"]:
    """The flags without runs below `min_length` frames, except for runs that touch an end of the clip."""
    kept = flags.copy()
    for start, end in true_runs(flags):
        if end - start < min_length and start > 0 and end < len(flags):
            kept[start:end] = False
    return kept


def consecutive_runs(frames: Int[np.ndarray, " N"]) -> list[np.ndarray]:
    """Increasing frame numbers split where they skip a frame."""
    return [run for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1) if len(run)]
