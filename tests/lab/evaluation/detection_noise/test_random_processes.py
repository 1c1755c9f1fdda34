"""Markov chains and Gaussian processes have the statistics that they are asked for, at any frame rate."""

from __future__ import annotations

import numpy as np
import pytest

from lab.evaluation.detection_noise.random_processes import (
    look_up_quantile,
    mix_processes,
    sample_gaussian_processes,
    sample_markov_chains,
)
from lab.evaluation.detection_noise.states import CORRELATION_TIMES, PROBABILITIES


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_chains_reach_their_stationary_distribution_and_change_per_second_not_per_frame(rng: np.random.Generator):
    transitions = np.array([[[0.9, 0.1], [0.3, 0.7]]])
    initial, bins = np.array([[1.0, 0.0]]), np.zeros((200, 400), int)
    states = sample_markov_chains(initial, transitions, bins, 1 / 30, rng)
    assert abs((states[:, 100:] == 1).mean() - 0.25) < 0.02  # 0.1 / (0.1 + 0.3)
    at_60_hz = sample_markov_chains(initial, transitions, bins, 1 / 60, rng)
    changes = [(np.diff(chain[:, 100:]) != 0).mean() for chain in (states, at_60_hz)]
    assert abs(changes[1] / changes[0] - 0.5) < 0.06


def test_processes_have_unit_variance_and_their_correlation_times(rng: np.random.Generator):
    processes = sample_gaussian_processes((300, 400), 1 / 30, rng)
    assert abs(processes.std() - 1) < 0.03
    lag = 6
    for number, time in enumerate(CORRELATION_TIMES):
        correlation = (processes[number, lag:] * processes[number, :-lag]).mean()
        assert abs(correlation - np.exp(-lag / 30 / time)) < 0.06
    assert abs(mix_processes(processes, np.array([0.1, 0.2, 0.3, 0.4])).std() - 1) < 0.04


def test_quantiles_are_interpolated_linearly(rng: np.random.Generator):
    table = np.stack([PROBABILITIES * 10, -PROBABILITIES])
    probability = rng.random(50)
    np.testing.assert_allclose(look_up_quantile(table, (0,), probability), 10 * probability)
    np.testing.assert_allclose(look_up_quantile(table, (np.array([1] * 50),), probability), -probability)
