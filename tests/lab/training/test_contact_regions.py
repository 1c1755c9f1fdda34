"""Tests of counting which regions touch."""

from __future__ import annotations

import numpy as np

from core.contacts.regions import load_region_frequencies
from core.contract.skeleton import REGIONS
from lab.training.contact_regions import region_frequencies


def index(region: str) -> int:
    return REGIONS.index(region)


def test_frequencies_are_fractions_of_the_time_that_the_parts_touch():
    truth = np.zeros((10, len(REGIONS), len(REGIONS)), bool)
    truth[2:10, index("right_palm"), index("chest")] = True
    truth[2:6, index("right_fingers"), index("chest")] = True
    found = region_frequencies([truth] * 40)
    assert abs(found[index("right_palm"), index("chest")] - 1.0) < 0.02
    assert abs(found[index("right_fingers"), index("chest")] - 0.5) < 0.02
    assert found[index("right_hand_back"), index("chest")] < 0.01
    # exchanged and mirrored
    assert found[index("chest"), index("left_palm")] == found[index("right_palm"), index("chest")]


def test_parts_never_seen_together_have_the_frequencies_of_their_regions():
    truth = np.zeros((10, len(REGIONS), len(REGIONS)), bool)
    truth[:, index("right_palm"), index("chest")] = True
    found = region_frequencies([truth] * 10)
    assert found[index("right_palm"), index("left_palm")] > 0.9 > 0.1 > found[index("right_wrist"), index("left_palm")]


def test_the_shipped_frequencies_know_that_hands_lie_on_backs_with_palm_and_fingers():
    shipped = load_region_frequencies()
    hand = {
        region: shipped[index(f"right_{region}"), index("back")] for region in ("palm", "fingers", "hand_back", "wrist")
    }
    assert min(hand["palm"], hand["fingers"]) > 0.7 > 0.3 > max(hand["hand_back"], hand["wrist"])
    assert np.allclose(shipped, shipped.T)
