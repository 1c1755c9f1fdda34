"""Runs of frames: short ones of flags removed, and frame numbers split into them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int

from core.contract.runs import find_runs


def remove_short_runs(flags: Bool[np.ndarray, " T"], min_length: int) -> Bool[np.ndarray, " T"]:
    """The flags without runs below `min_length` frames, except for runs that touch an end of the clip."""
    kept = flags.copy()
    for run in find_runs(flags):
        if run.stop - run.start < min_length and run.start > 0 and run.stop < len(flags):
            kept[run] = False
    return kept


def consecutive_runs(frames: Int[np.ndarray, " N"]) -> list[np.ndarray]:
    """Increasing frame numbers split where they skip a frame."""
    return [run for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1) if len(run)]
