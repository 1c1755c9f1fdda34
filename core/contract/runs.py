"""Runs of frames: those in which something holds, and those that follow one another."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def frames_in(seconds: float, time_step: float) -> int:
    """The number of frames of so many seconds, at least one; `time_step` is the time between two of them."""
    return max(1, round(seconds / time_step))


def find_runs(mask: np.ndarray, max_gap: int = 0, min_length: int = 1) -> list[slice]:
    """Runs of True in a mask [T]: gaps of at most `max_gap` frames are closed first, then runs below `min_length` dropped."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    runs: list[slice] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist()):
        if runs and start - runs[-1].stop <= max_gap:
            runs[-1] = slice(runs[-1].start, stop)
        else:
            runs.append(slice(start, stop))
    return [run for run in runs if run.stop - run.start >= min_length]


def successive_frames(frames: Iterable[int]) -> list[tuple[int, int]]:
    """First and last of each run of successive numbers among sorted ones."""
    runs: list[tuple[int, int]] = []
    for frame in frames:
        if runs and frame == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], frame)
        else:
            runs.append((frame, frame))
    return runs
