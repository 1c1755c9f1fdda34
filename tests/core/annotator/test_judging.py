"""Touches that a model saw are held against the motion; the sample is a handshake, then a hug."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from core.annotator.judging import is_plausible, judge
from core.body.files import load_body
from core.contacts import ContactScene
from core.contract.annotation import BORNE_OUT, CONTRADICTED, Annotation, SeenTouch
from core.contract.body_parts import body_part_of
from core.contract.skeleton import split_side
from core.motion import Timeline
from lab.evaluation.sample_truth import load_truth

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


@lru_cache
def scene(apart: float = 0.0) -> ContactScene:
    """The sample, with person B moved away by some metres."""
    truth = load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")
    motion_incam = truth.motion.transformed(truth.camera_world[0].astype(float))
    motion_incam.pelvis[1, :, 0] += apart
    frames = len(truth.time)
    timeline = Timeline(np.arange(frames), truth.time)
    return ContactScene(motion_incam, timeline, np.ones((2, frames, 22), np.float32), None, load_body(None))


def seen(*touches: SeenTouch, sentence: str = "They meet.") -> Annotation:
    return Annotation("Scripted", sentence, touches)


LAST = 10_000
HANDSHAKE, HUG = SeenTouch("hand", "hand", 0, LAST), SeenTouch("chest", "chest", 0, LAST)


def test_a_true_touch_is_borne_out_and_geometry_gives_it_its_sides():
    found = judge(seen(HANDSHAKE), scene())
    (touch,) = found.annotation.touches
    assert touch.verdict == BORNE_OUT and (touch.region_a[:6], touch.region_b[:6]) == ("right_", "right_")
    (contact,) = found.contacts
    assert contact.source == "annotator" and contact.state == "auto"
    assert {split_side(body_part_of(region))[1] for region in (contact.region_a, contact.region_b)} == {"hand"}
    assert not found.annotation.notes


def test_a_lie_is_contradicted_with_how_far_the_two_stay_apart():
    found = judge(seen(HANDSHAKE, HUG), scene(apart=3.0))
    assert not found.contacts
    assert [touch.verdict for touch in found.annotation.touches] == [CONTRADICTED, CONTRADICTED]
    assert all(touch.distance is not None and touch.distance > 1.0 for touch in found.annotation.touches)
    assert all(touch.region_a and touch.region_b for touch in found.annotation.touches)  # what the user may add
    assert found.annotation.contradicted == found.annotation.touches


def test_a_touch_counts_only_in_the_frames_in_which_it_was_seen():
    true = judge(seen(HUG), scene()).contacts[0]
    early = judge(seen(SeenTouch("chest", "chest", 0, 5)), scene())
    assert true.frame_start > 40
    assert [touch.verdict for touch in early.annotation.touches] == [CONTRADICTED]


def test_a_touch_means_what_lasts_in_its_frames_not_what_comes_near_at_their_end():
    """The handshake of both right hands, in frames that reach up to the hug."""
    (contact,) = judge(seen(SeenTouch("hand", "hand", 30, 72)), scene()).contacts
    assert contact.region_a.startswith("right_") and contact.region_b.startswith("right_")
    assert contact.frame_start < 50 < contact.frame_end


def test_exchanged_people_are_noticed():
    first = judge(seen(SeenTouch("hand", "back", 0, LAST)), scene()).contacts[0]
    assert first.region_a.startswith(("left_", "right_")) and first.region_b == "back"
    # during the handshake alone only B's hand may be brought near A's hand, not A's foot near B's hand
    wrong = judge(seen(SeenTouch("foot", "hand", 0, LAST)), scene())
    assert not wrong.contacts and wrong.annotation.touches[0].verdict == CONTRADICTED


def test_an_annotation_is_plausible_if_one_of_its_touches_is():
    assert is_plausible(seen(HANDSHAKE, SeenTouch("foot", "head", 0, LAST)), scene())
    assert not is_plausible(seen(HANDSHAKE), scene(apart=3.0))
    assert is_plausible(seen(sentence="They stand and talk."), scene(apart=3.0))
    assert not is_plausible(seen(sentence="Two people hug."), scene(apart=3.0))
