"""Scores of a take against truth that is known, and an energy that takes can be compared by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.contract.contact import Contact
from core.fitting.fit import FitSchedule, FittedMotion, fit
from core.fitting.prior import JointPrior
from core.fitting.targets import FitTargets
from core.motion import pose_motion
from core.reporting import SilentReporter
from core.scores import score
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic

FRAMES = 20


@pytest.fixture(scope="module")
def scene():
    return synthetic.scene(load_body_once(None), FRAMES, apart=1.4)


@pytest.fixture(scope="module")
def true(scene) -> FittedMotion:
    foot_contact, sure = np.ones((2, FRAMES, 2), np.float32), np.ones((2, FRAMES, 22), np.float32)
    return FittedMotion(scene.truth.motion_incam, scene.camera, foot_contact, sure, 0.0)


def moved(fitted: FittedMotion, offset: np.ndarray) -> FittedMotion:
    """The second person elsewhere: offset [3] or [T,3] metres in the camera's frame."""
    pelvis = fitted.motion_incam.pelvis.copy()
    pelvis[1] += offset
    return replace(fitted, motion_incam=replace(fitted.motion_incam, pelvis=pelvis))


def test_the_truth_scores_as_it_is(scene, true):
    good = score(true, scene.observations, load_body_once(None), ())
    assert good.reprojection < 1 and good.penetration == 0 and good.contact is None
    assert 0.05 < good.acceleration < 3


def test_each_fault_shows_in_its_score(scene, true):
    body = load_body_once(None)
    good = score(true, scene.observations, body, ())
    # 20 cm across the view of one of two people who are about 1.7 m tall
    aside = score(moved(true, np.array([0.2, 0, 0])), scene.observations, body, ())
    assert aside.reprojection - good.reprojection == pytest.approx(100 * 0.2 / 1.7 / 2, rel=0.3)
    onto = true.motion_incam.pelvis[0] - true.motion_incam.pelvis[1] + np.array([0.1, 0, 0])
    assert 100 < score(moved(true, onto), scene.observations, body, ()).penetration < 500
    shaken = np.random.default_rng(0).normal(0, 0.01, (FRAMES, 3))
    assert score(moved(true, shaken), scene.observations, body, ()).acceleration > 3 * good.acceleration


def test_guesses_about_what_is_hidden_do_not_count(scene, true):
    body, seen = load_body_once(None), scene.observations
    keypoints, confidence = seen.keypoints.clone(), seen.confidence.clone()
    keypoints[0, :, 15], confidence[0, :, 15] = 0.0, 0.3
    guessed = replace(seen, keypoints=keypoints, confidence=confidence)
    left_out = replace(guessed, confidence=torch.where(guessed.confidence == 0.3, 0.0, guessed.confidence))
    assert score(true, guessed, body, ()).reprojection == score(true, left_out, body, ()).reprojection
    nothing = replace(seen, confidence=torch.zeros_like(seen.confidence))
    assert score(true, nothing, body, ()).reprojection == 0.0


def test_only_contacts_that_count_and_were_measured_do(scene, true):
    touch = Contact(0, "left_palm", 1, "right_palm", 100, 110, distance=0.02, id="a")
    contacts = (
        touch,
        replace(touch, id="b", distance=0.04),
        replace(touch, id="c", distance=None),
        replace(touch, id="d", distance=0.9, state="rejected"),
    )
    assert score(true, scene.observations, load_body_once(None), contacts).contact == 30.0


def test_the_energy_does_not_ask_what_a_take_was_expected_to_be(scene, true):
    body = load_body_once(None)

    def energy(fitted: FittedMotion, prior: JointPrior | None = None) -> float:
        return fit(fitted, scene.observations, body, FitTargets(prior=prior), FitSchedule(()), SilentReporter()).energy

    joints = pose_motion(body, true.motion_incam).joints[:, :, :22].numpy()
    near = JointPrior(joints, *[np.full(joints.shape[:3], 0.1, np.float32)] * 2)
    drift = np.linspace(0, 1, FRAMES, dtype=np.float32)[:, None, None]
    far = replace(near, joints_incam=near.joints_incam + drift)
    assert energy(true, near) == energy(true, far) == energy(true)
    assert energy(moved(true, np.array([0.2, 0, 0])), far) > 1.2 * energy(true, near)
