"""When feet stand: what is listed for the animator."""

from __future__ import annotations

import numpy as np
import pytest

from core.fitting.foot_locks import foot_intervals
from core.motion import Timeline


@pytest.mark.parametrize(("rate", "listed"), [(15, True), (30, True), (60, False)])
def test_a_foot_that_stands_for_less_than_an_eighth_of_a_second_is_not_listed(rate: int, listed: bool) -> None:
    probability = np.zeros((2, 20, 2))
    probability[1, 6:10, 0] = 0.9
    found = foot_intervals(probability, Timeline(np.arange(100, 120), np.arange(20) / rate))
    assert [(each.person, each.foot, each.frame_start, each.frame_end) for each in found] == (
        [(1, "left", 106, 109)] if listed else []
    )
