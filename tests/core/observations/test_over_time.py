"""Averages, sums and interpolation over uneven time stamps."""

from __future__ import annotations

import numpy as np
import torch

from core.observations.over_time import gaussian_sums, interpolated, smooth_over_time

DRAW = np.random.default_rng(2)
TIME = 1000 + np.cumsum(DRAW.uniform(0.01, 0.1, 200))
VALUES = DRAW.normal(size=(2, 200, 3))
KERNEL = np.exp(-0.5 * ((TIME[:, None] - TIME) / 0.08) ** 2)


def test_sums_over_time_are_those_of_all_pairs_of_frames() -> None:
    np.testing.assert_allclose(gaussian_sums(VALUES, TIME, 0.08), np.einsum("ab,pbc->pac", KERNEL, VALUES), atol=1e-6)


def test_averages_are_weighted_and_leave_out_only_what_is_far_in_time() -> None:
    weight = DRAW.uniform(size=VALUES.shape)
    values, weights, time = (torch.from_numpy(each) for each in (VALUES, weight, TIME))
    smooth = smooth_over_time(values, weights, time, 0.08).numpy()
    sums = (np.einsum("ab,pbc->pac", KERNEL, each) for each in (weight * VALUES, weight))
    np.testing.assert_allclose(smooth, np.divide(*sums), atol=0.02)


def test_gaps_are_bridged_in_time_and_ends_keep_the_nearest_value() -> None:
    time = torch.tensor([0.0, 0.1, 0.4, 0.5])
    values = torch.tensor([[[9.0], [1.0], [9.0], [5.0]], [[1.0], [2.0], [3.0], [4.0]]])
    known = torch.tensor([[False, True, False, True], [False] * 4])
    found = interpolated(values, known, time)
    torch.testing.assert_close(found[0, :, 0], torch.tensor([1.0, 1.0, 4.0, 5.0]))
    assert torch.equal(found[1], values[1]), "of whom nothing is known, nothing is changed"
