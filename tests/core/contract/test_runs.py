"""Runs of frames: closed gaps, short runs left out, and frame numbers in short."""

from __future__ import annotations

import numpy as np

from core.contract.runs import find_runs, successive_frames


def test_runs_of_a_mask() -> None:
    mask = np.array([1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1], bool)
    assert find_runs(mask) == [slice(0, 2), slice(3, 4), slice(7, 8), slice(10, 12)]
    assert find_runs(mask, max_gap=2) == [slice(0, 4), slice(7, 12)]
    assert find_runs(mask, max_gap=1, min_length=2) == [slice(0, 4), slice(10, 12)]
    assert find_runs(mask[:0]) == []


def test_frame_numbers_that_follow_one_another() -> None:
    assert successive_frames([-2, -1, 3, 5, 6, 7]) == [(-2, -1), (3, 3), (5, 7)]
    assert successive_frames([]) == []
