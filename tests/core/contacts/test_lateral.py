"""What is plainly apart in the picture does not touch, however far away it is; what meets there may."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from core.contacts import ContactScene, part_probabilities
from core.contacts.lateral import lateral_gaps, possible
from core.contract.body_parts import BODY_PARTS, PART_INDEX
from core.motion import PairMotion, Timeline
from lab.evaluation.sample_truth import load_truth
from tests.core.conftest import load_body_once

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
HAND, FOOT, HEAD = PART_INDEX["right_hand"], PART_INDEX["left_foot"], PART_INDEX["head"]


@lru_cache
def handshake() -> PairMotion:
    truth = load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")
    (shake,) = (c for c in truth.contacts if (c.region_a, c.region_b) == ("right_palm", "right_palm"))
    middle = (shake.frame_start + shake.frame_end) // 2
    return truth.motion.transformed(truth.camera_world[0].astype(float)).frames(slice(middle - 4, middle + 4))


def apart(offset_incam: tuple[float, float, float]) -> PairMotion:
    """The second person is elsewhere."""
    motion = handshake()
    return replace(motion, pelvis=motion.pelvis + np.array([[0, 0, 0], offset_incam])[:, None].astype(np.float32))


def sure(confidence: float = 1.0) -> np.ndarray:
    return np.full((2, 8, 22), confidence, np.float32)


def test_hands_that_meet_in_the_picture_may_touch_at_any_depth():
    body = load_body_once(None)
    assert lateral_gaps(handshake(), body)[:, HAND, HAND].max() < 0.03
    direction = handshake().pelvis[1, 0] / np.linalg.norm(handshake().pelvis[1, 0])
    for motion in (handshake(), apart(tuple(0.3 * direction))):
        assert possible(motion, sure(), body)[:, HAND, HAND].min() > 0.99


def test_hands_that_are_plainly_apart_in_the_picture_cannot_touch():
    body = load_body_once(None)
    motion = apart((0, -0.4, 0))
    assert possible(motion, sure(), body)[:, HAND, HAND].max() < 0.01
    assert possible(motion, sure(), body)[:, FOOT, HEAD].max() < 0.01


def test_what_is_not_seen_is_given_more_room():
    body = load_body_once(None)
    motion = apart((0, -0.35, 0))
    factors = [possible(motion, sure(confidence), body)[:, HAND, HAND].max() for confidence in (1.0, 0.5, 0.0)]
    assert factors == sorted(factors) and factors[-1] > factors[0] + 0.2
    one_sided = sure()
    one_sided[1] = 0
    assert factors[0] < possible(motion, one_sided, body)[:, HAND, HAND].max() < factors[-1]


def test_the_head_cannot_make_a_touch_of_what_is_apart_in_the_picture(monkeypatch: pytest.MonkeyPatch):
    def certain(features: Any, *others: Any) -> torch.Tensor:
        return torch.ones(len(features.pairs), len(BODY_PARTS), len(BODY_PARTS))

    monkeypatch.setattr(sys.modules[part_probabilities.__module__], "predict_part_contacts", certain)
    timeline = Timeline(np.arange(8), np.arange(8) / 30)

    def found(motion: PairMotion) -> np.ndarray:
        scene = ContactScene(motion, timeline, sure(), None, load_body_once(None))
        return part_probabilities(scene, cast("Any", None))[:, HAND, HAND]

    assert found(handshake()).min() > 0.99
    assert found(apart((0, -0.4, 0))).max() < 0.01
