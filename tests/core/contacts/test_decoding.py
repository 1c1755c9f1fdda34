"""Tests of how probabilities of body parts become contacts between regions."""

from __future__ import annotations

import numpy as np
import pytest

from core.contacts.decoding import decode_contacts
from core.contract.body_parts import PART_INDEX
from core.contract.skeleton import REGIONS
from core.contract.touches import group_touches
from core.motion import Timeline

FRAMES = 40
TIMELINE = Timeline(np.arange(100, 100 + FRAMES), np.arange(FRAMES) / 30)
HAND = PART_INDEX["right_hand"]


@pytest.fixture
def distance() -> np.ndarray:
    far = np.full((FRAMES, len(REGIONS), len(REGIONS)), 0.5, np.float32)
    far[:, REGIONS.index("right_palm"), REGIONS.index("right_palm")] = 0.01
    far[:, REGIONS.index("right_palm"), REGIONS.index("right_fingers")] = 0.02
    return far


def probability(**spans: tuple[int, int, float]) -> np.ndarray:
    values = np.zeros((FRAMES, 18, 18), np.float32)
    for first, last, certainty in spans.values():
        values[first : last + 1, HAND, HAND] = certainty
    return values


def test_a_probable_pair_of_parts_becomes_contacts_of_its_nearest_regions(distance: np.ndarray):
    contacts = decode_contacts(probability(shake=(5, 24, 0.8)), distance, TIMELINE)
    assert [(each.region_a, each.region_b) for each in contacts] and {
        (each.region_a, each.region_b) for each in contacts
    } == {("right_palm", "right_palm"), ("right_palm", "right_fingers")}
    assert all((each.frame_start, each.frame_end, each.probability) == (105, 124, 0.8) for each in contacts)
    assert len(group_touches(contacts)) == 1
    assert decode_contacts(probability(shake=(5, 24, 0.8)), distance, TIMELINE) == contacts


def test_what_is_improbable_or_a_single_frame_is_no_contact(distance: np.ndarray):
    assert decode_contacts(probability(shake=(5, 24, 0.35)), distance, TIMELINE) == []
    assert decode_contacts(probability(shake=(5, 5, 0.9)), distance, TIMELINE) == []


def test_interruptions_stay_two_contacts_of_one_touch(distance: np.ndarray):
    contacts = decode_contacts(probability(first=(2, 10, 0.9), again=(19, 30, 0.7)), distance, TIMELINE)
    assert len(group_touches(contacts)) == 1 and len({each.frame_start for each in contacts}) == 2
