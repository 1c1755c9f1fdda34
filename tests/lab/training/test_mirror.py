"""Mirrored interactions: left and right are exchanged, and nothing else."""

from __future__ import annotations

import numpy as np

from core.body.files import load_body
from core.contract.skeleton import BODY_JOINTS, mirrored
from core.motion import pose_motion
from lab.training.mirror import mirror_interaction, mirror_sentence
from tests.lab.training.synthetic_interaction import synthetic_interaction


def test_joints_and_contacts_are_mirrored() -> None:
    clip = synthetic_interaction()
    other = mirror_interaction(clip)
    before, after = (pose_motion(load_body(None), each.motion).joints[:, :, :22].numpy() for each in (clip, other))
    other_side = [BODY_JOINTS.index(mirrored(name)) for name in BODY_JOINTS]
    assert np.abs(after[:, :, other_side] * [-1, 1, 1] - before).max() < 0.005
    assert (other.contacts[0].region_a, other.contacts[0].region_b) == ("left_palm", "right_shoulder")


def test_mirroring_twice_changes_nothing() -> None:
    clip = synthetic_interaction()
    twice = mirror_interaction(mirror_interaction(clip))
    assert all(np.array_equal(value, getattr(twice.motion, name)) for name, value in vars(clip.motion).items())
    assert twice.contacts == clip.contacts and twice.sentences == clip.sentences


def test_left_and_right_are_exchanged_in_sentences() -> None:
    assert mirror_sentence("Left, right; upright.") == "Right, left; upright."
