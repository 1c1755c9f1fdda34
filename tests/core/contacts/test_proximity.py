"""Contacts are detected where the choreography has them, and stay as they are under what must not matter."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from core.body.files import load_body
from core.contacts import (
    ContactDetectionSettings,
    depth_discounted_distances,
    detect_contacts,
    measure_contacts,
    region_distances,
    region_pair_confidence,
)
from core.contacts.proximity import hysteresis_spans
from core.contract.contact import Contact
from core.contract.skeleton import REGIONS
from core.motion import Camera, MotionEstimate, Timeline
from lab.evaluation.sample_truth import SampleTruth, load_truth

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


@lru_cache
def sample() -> SampleTruth:
    """A handshake, then a hug."""
    return load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")


@lru_cache
def estimate() -> MotionEstimate:
    """The sample's truth in the camera's frame."""
    truth = sample()
    T_cw = truth.camera_world[0].astype(float)
    foot_contact = np.zeros((2, len(truth.time), 2), np.float32)
    return MotionEstimate(truth.motion.transformed(T_cw), Camera(np.eye(3), T_cw), foot_contact)


def detected(settings: ContactDetectionSettings | None = None, confidence: float = 1.0) -> list[Contact]:
    truth = sample()
    frames = len(truth.time)
    visible = np.full((2, frames, 22), confidence, np.float32)
    timeline = Timeline(np.arange(frames), truth.time)
    return detect_contacts(estimate().motion_incam, timeline, visible, load_body(None), settings)


def test_the_handshake_and_the_hug_of_the_sample_are_detected():
    found = detected()
    handshake, hug = found[0], found[1:]
    true = [c for c in sample().contacts if (c.region_a, c.region_b) == ("right_palm", "right_palm")]
    assert handshake.region_a == "right_palm" and handshake.region_b == "right_fingers"
    assert handshake.frame_start <= true[0].frame_start and handshake.frame_end >= true[0].frame_end
    assert {"left_palm", "right_palm"} <= {region for c in hug for region in (c.region_a, c.region_b)}
    assert {("left_palm", "back"), ("belly", "belly")} <= {(c.region_a, c.region_b) for c in hug}
    assert [c.frame_start for c in found] == sorted(c.frame_start for c in found)
    assert all(c.source == "detected" and 0.3 <= c.weight <= 1 for c in found)


def test_detection_is_deterministic_ids_included():
    assert detected() == detected()


def test_occluded_regions_must_come_closer():
    """The margin of an occluded pair can only shorten contacts or drop them."""
    far = ContactDetectionSettings(occlusion_margin=0.2)
    assert detected(far, confidence=0.0) == []
    assert detected(far, confidence=1.0) == detected()


def test_no_more_contacts_than_asked_for():
    assert len(detected(ContactDetectionSettings(max_contacts=2))) == 2


def test_measured_distances_are_those_of_the_motion():
    truth = sample()
    frames = np.arange(len(truth.time))
    outside = Contact(0, "chest", 1, "chest", len(frames) + 5, len(frames) + 9)
    on_floor = Contact(0, "left_foot", "ground", "ground", 0, 10)
    rejected = Contact(0, "right_palm", 1, "right_palm", 0, 2, state="rejected")
    measured = measure_contacts([*truth.contacts, outside, on_floor, rejected], estimate(), load_body(None), frames)
    assert all(c.distance is not None and c.distance < 0.07 for c in measured[: len(truth.contacts)])
    assert measured[-3].distance is None
    assert measured[-2].distance is not None and measured[-2].distance < 0.05
    assert measured[-1].distance is not None and measured[-1].distance > 0.3 and measured[-1].state == "rejected"
    assert measure_contacts([outside], estimate(), load_body(None), frames)[0].distance is None


def test_depth_counts_less_than_the_image_plane():
    truth, motion, body = sample(), estimate().motion_incam, load_body(None)
    whole, speed = region_distances(motion, body, truth.time, np.ones((len(REGIONS),) * 2, np.float32))
    discounted = depth_discounted_distances(motion, body, truth.time)
    assert (discounted <= whole + 1e-4).all() and discounted.mean() < whole.mean()
    assert speed.shape == whole.shape and (speed >= 0).all()


def test_a_pair_is_as_visible_as_both_of_its_regions():
    confidence = np.ones((2, 3, 22), np.float32)
    confidence[1, :, :] = 0.5
    confidence[0, 2, :] = 0.0
    pairs = region_pair_confidence(confidence)
    assert pairs.shape == (3, len(REGIONS), len(REGIONS))
    assert (pairs[:2] == 0.5).all() and (pairs[2] == 0).all()


@pytest.mark.parametrize(
    ("onset", "sustained", "expected"),
    [
        ("00100000", "01111000", [(2, 4)]),  # a span starts at the onset and lasts while it is sustained
        ("00000000", "11111111", []),  # nothing lasts that never started
        ("10000100", "11100111", [(0, 7)]),  # a gap of two frames is closed
        ("10000001", "11000001", [(0, 1)]),  # a longer one is not, and a single frame is dropped
    ],
)
def test_a_span_starts_at_the_onset_and_lasts_while_it_is_sustained(
    onset: str, sustained: str, expected: list[tuple[int, int]]
):
    def flags(text: str) -> np.ndarray:
        return np.array([letter == "1" for letter in text])

    assert hysteresis_spans(flags(onset), flags(sustained), min_frames=2, max_gap=2) == expected
