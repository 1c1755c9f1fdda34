"""Covariances of landmarks: less where a network is sure, as large as the person is seen, and kept with the landmark."""

from __future__ import annotations

import numpy as np
import pytest

from core.perception.uncertainty import covariance_of_confidence


def test_a_surer_landmark_is_known_better() -> None:
    confidence = np.linspace(0, 1, 30)
    variance = covariance_of_confidence(confidence, 300.0)
    assert (np.diff(variance[:, 0, 0]) < 0).all()
    np.testing.assert_array_equal(variance[:, 0, 0], variance[:, 1, 1])
    assert not variance[:, 0, 1].any()


def test_a_person_seen_twice_as_large_has_errors_twice_as_large() -> None:
    small, large = (np.sqrt(covariance_of_confidence(np.array([0.7]), size)[0, 0, 0]) for size in (200.0, 400.0))
    assert large == pytest.approx(2 * small)
