"""A prompt is grounded in the frames and sides of the motion; the sample is a handshake, then a hug."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from core.body.files import load_body
from core.contacts import ContactScene
from core.contract.body_parts import BODY_PARTS, PART_INDEX
from core.contract.contact import Contact
from core.motion import PairMotion, Timeline
from core.semantics.grounding import Refusal, ground_hypotheses
from core.semantics.prompt_parser import parse_prompt
from lab.evaluation.sample_truth import load_truth

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


@lru_cache
def sample():
    return load_truth(SAMPLES / "handshake_hug_truth.npz", SAMPLES / "handshake_hug_contacts.json")


def grounded(
    prompt: str, motion: PairMotion | None = None, probability: np.ndarray | None = None
) -> tuple[list[Contact], list[Refusal]]:
    truth = sample()
    frames = len(truth.time)
    scene = ContactScene(
        (motion or truth.motion).transformed(truth.camera_world[0].astype(float)),
        Timeline(np.arange(frames), truth.time),
        np.ones((2, frames, 22), np.float32),
        None,
        load_body(None),
    )
    return ground_hypotheses(parse_prompt(prompt), scene, probability)


def true_frames(*regions: str) -> set[int]:
    touches = [c for c in sample().contacts if {c.region_a, c.region_b} <= set(regions)]
    return {frame for touch in touches for frame in range(touch.frame_start, touch.frame_end + 1)}


def test_a_handshake_is_found_in_its_hands_and_frames() -> None:
    contacts, refused = grounded("Two people shake hands.")
    assert not refused
    assert [(c.region_a, c.region_b, c.source) for c in contacts] == [("right_palm", "right_palm", "prompt")]
    true = true_frames("right_palm", "right_fingers", "right_hand_back")
    grounded_frames = set(range(contacts[0].frame_start, contacts[0].frame_end + 1))
    assert true <= grounded_frames
    # the hands approach and part slowly: for a third of a second before and after, they are within the tolerance
    assert len(grounded_frames) < 1.8 * len(true)


def test_the_hug_comes_after_the_handshake() -> None:
    contacts, refused = grounded("They shake hands and then they hug each other.")
    assert not refused
    hug = [contact for contact in contacts if contact.region_a != "right_palm" or contact.region_b != "right_palm"]
    assert {("chest", "chest"), ("left_palm", "back"), ("back", "left_palm")} <= {(c.region_a, c.region_b) for c in hug}
    assert min(c.frame_start for c in hug) > max(true_frames("right_palm", "right_fingers", "right_hand_back"))


def test_contacts_that_the_motion_is_far_from_are_rejected() -> None:
    apart = sample().motion.pelvis.copy()
    apart[1, :, 0] += 3.0
    contacts, [refusal] = grounded("a handshake", replace(sample().motion, pelvis=apart))
    assert contacts == []
    assert refusal.hypothesis.name == "handshake" and refusal.contacts == ()


def test_a_slap_is_brief() -> None:
    contacts, _ = grounded("One slaps the other on the back")
    frames = [contact.frame_end - contact.frame_start + 1 for contact in contacts]
    step = float(np.median(np.diff(sample().time)))
    assert 1 <= max(frames) <= 0.2 / step + 2


def test_what_the_contact_head_finds_impossible_is_proposed_as_rejected() -> None:
    nothing = np.zeros((len(sample().time), len(BODY_PARTS), len(BODY_PARTS)), np.float32)
    contacts, [refusal] = grounded("Two people hug each other.", probability=nothing)
    assert contacts == [] and refusal.hypothesis.name == "hug"
    believed, _ = grounded("Two people hug each other.")
    assert refusal.contacts == tuple(replace(each, state="rejected", probability=0.0) for each in believed)


def test_of_several_interpretations_the_probable_one_is_chosen() -> None:
    left = np.zeros((len(sample().time), len(BODY_PARTS), len(BODY_PARTS)), np.float32)
    left[:, PART_INDEX["right_hand"], PART_INDEX["right_hand"]] = 0.9
    contacts, refused = grounded("Two people shake hands.", probability=left)
    assert not refused and [(each.region_a, each.probability) for each in contacts] == [("right_palm", 0.9)]
    assert len({each.touch for each in grounded("They hug each other.")[0]}) == 1


def test_a_doubtful_contact_is_believed_where_nothing_else_is_probable_and_refused_beside_a_certain_one() -> None:
    doubtful = np.zeros((len(sample().time), len(BODY_PARTS), len(BODY_PARTS)), np.float32)
    doubtful[:, PART_INDEX["right_hand"], PART_INDEX["right_hand"]] = 0.55
    contacts, refused = grounded("Two people shake hands.", probability=doubtful)
    assert contacts and not refused
    doubtful[:, PART_INDEX["chest"], PART_INDEX["chest"]] = 0.95
    contacts, [refusal] = grounded("Two people shake hands.", probability=doubtful)
    assert not contacts and refusal.hypothesis.name == "handshake"


def test_several_touches_at_once_bear_each_other_out() -> None:
    doubtful = np.full((len(sample().time), len(BODY_PARTS), len(BODY_PARTS)), 0.1, np.float32)
    contacts, _ = grounded("Two people hug each other.", probability=doubtful)
    assert contacts
    contacts, [refusal] = grounded("Two people shake hands.", probability=doubtful)
    assert not contacts and refusal.hypothesis.name == "handshake"
