"""Tests of how probabilities of body parts become contacts between regions."""

from __future__ import annotations

import numpy as np
import pytest

from core.contacts.decoding import decode_contacts, probable_spans
from core.contacts.regions import spread_over_regions
from core.contacts.settings import ContactDecodingSettings
from core.contract.body_parts import PART_INDEX
from core.contract.contact import Contact
from core.contract.skeleton import REGIONS
from core.contract.touches import group_touches
from core.motion import Timeline

FRAMES = 40
TIMELINE = Timeline(np.arange(100, 100 + FRAMES), np.arange(FRAMES) / 30)
HAND, OTHER_HAND = PART_INDEX["right_hand"], PART_INDEX["left_hand"]


@pytest.fixture
def distance() -> np.ndarray:
    far = np.full((FRAMES, len(REGIONS), len(REGIONS)), 0.5, np.float32)
    far[:, REGIONS.index("right_hand_back"), REGIONS.index("right_hand_back")] = 0.01
    far[:, REGIONS.index("right_palm"), REGIONS.index("right_palm")] = 0.02
    far[:, REGIONS.index("right_palm"), REGIONS.index("right_fingers")] = 0.03
    return far


@pytest.fixture
def frequencies() -> np.ndarray:
    """Hands touch with their palms, now and then with palm and fingers, and in other ways hardly ever."""
    found = np.full((len(REGIONS), len(REGIONS)), 0.01)
    found[REGIONS.index("right_palm"), REGIONS.index("right_palm")] = 0.9
    found[REGIONS.index("right_palm"), REGIONS.index("right_fingers")] = 0.5
    return found


def probability(**spans: tuple[int, int, float]) -> np.ndarray:
    values = np.zeros((FRAMES, 18, 18), np.float32)
    for first, last, certainty in spans.values():
        values[first : last + 1, HAND, HAND] = certainty
    return values


def test_a_probable_pair_of_parts_becomes_contacts_of_its_likely_regions(distance: np.ndarray, frequencies: np.ndarray):
    contacts = decode_contacts(probability(shake=(5, 24, 0.8)), distance, TIMELINE, frequencies)
    assert {(each.region_a, each.region_b) for each in contacts} == {
        ("right_palm", "right_palm"),
        ("right_palm", "right_fingers"),
    }
    assert all((each.frame_start, each.frame_end) == (105, 124) for each in contacts)
    palms, fingers = sorted(contacts, key=lambda each: -(each.probability or 0))
    assert palms.region_b == "right_palm" and palms.weight == palms.probability and 0.6 < palms.weight < 0.8
    assert 0.2 < (fingers.probability or 0) < 0.4
    assert len(group_touches(contacts)) == 1
    assert decode_contacts(probability(shake=(5, 24, 0.8)), distance, TIMELINE, frequencies) == contacts


def test_a_part_whose_regions_are_all_unlikely_touches_with_the_nearest(distance: np.ndarray):
    rare = np.full((len(REGIONS), len(REGIONS)), 0.05)
    contacts = decode_contacts(probability(shake=(5, 24, 0.8)), distance, TIMELINE, rare)
    assert [(each.region_a, each.region_b) for each in contacts] == [("right_hand_back", "right_hand_back")]


def test_what_is_improbable_or_a_single_frame_is_no_contact(distance: np.ndarray, frequencies: np.ndarray):
    assert decode_contacts(probability(shake=(5, 24, 0.1)), distance, TIMELINE, frequencies) == []
    assert decode_contacts(probability(shake=(5, 5, 0.9)), distance, TIMELINE, frequencies) == []


def test_a_doubtful_touch_is_listed_only_where_no_other_is_certain():
    certain, doubtful = (10, 20), (12, 18)
    values = np.zeros((300, 18, 18), np.float32)
    values[doubtful[0] : doubtful[1] + 1, HAND, HAND] = 0.55
    assert spans_of(values) == {(HAND, HAND): [doubtful]}
    values[certain[0] : certain[1] + 1, HAND, OTHER_HAND] = 0.9
    assert spans_of(values) == {(HAND, OTHER_HAND): [certain]}
    values[200 + doubtful[0] : 200 + doubtful[1] + 1, HAND, HAND] = 0.55
    assert spans_of(values)[HAND, HAND] == [(200 + doubtful[0], 200 + doubtful[1])]


def spans_of(values: np.ndarray) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """By the two parts, the first and last frames in which they probably touch, at 30 frames a second."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for span in probable_spans(values, 1 / 30, ContactDecodingSettings()):
        found.setdefault((span.part_0, span.part_1), []).append((span.first, span.last))
    return found


def test_interruptions_stay_two_contacts_of_one_touch(distance: np.ndarray, frequencies: np.ndarray):
    contacts = decode_contacts(probability(first=(2, 10, 0.9), again=(19, 30, 0.7)), distance, TIMELINE, frequencies)
    assert len(group_touches(contacts)) == 1 and len({each.frame_start for each in contacts}) == 2


def test_what_a_sentence_calls_a_hand_touches_with_the_regions_that_often_do(frequencies: np.ndarray):
    frequencies[REGIONS.index("right_fingers"), REGIONS.index("right_palm")] = 0.5
    named = Contact(0, "right_palm", 1, "right_palm", 10, 30, source="prompt", probability=0.4, touch="t", id="one")
    spread = spread_over_regions([named], frequencies)
    assert spread[0] == named
    assert {(each.region_a, each.region_b) for each in spread[1:]} == {
        ("right_palm", "right_fingers"),
        ("right_fingers", "right_palm"),
    }
    assert all(
        (each.weight, each.probability, each.touch, each.source) == (0.5, 0.2, "t", "prompt") for each in spread[1:]
    )
    assert len({each.id for each in spread}) == 3
