"""What is observed in a frame depends on the frames around it, not on which range of the clip was chosen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.fitting.initial import estimate_initial_motion
from core.observations.observe import observe
from core.perception.detections import Detections
from core.reporting import SilentReporter
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic


@pytest.fixture(scope="module")
def scene() -> synthetic.Scene:
    return synthetic.scene(load_body_once(None), 60)


def coming_nearer(detections: Detections) -> Detections:
    """Both grow to twice their size in the course of the clip."""
    grown = np.linspace(1, 2, detections.keypoints.shape[1])[:, None, None]
    return replace(
        detections,
        keypoints=np.concatenate([detections.keypoints[..., :2] * grown, detections.keypoints[..., 2:]], -1).astype(
            np.float32
        ),
    )


def test_how_large_people_are_is_the_same_in_any_range_and_known_where_they_are_hidden(scene: synthetic.Scene) -> None:
    K, detections = scene.camera.K, coming_nearer(scene.detections)
    whole = observe(detections, K).box_height
    part = observe(detections.frames(slice(10, 50)), K).box_height
    assert torch.equal(whole[:, 20:40], part[:, 10:30])  # within 0.4 s of 25 frames a second
    assert (whole[:, -1] / whole[:, 0] > 1.5).all()

    found = detections.found.copy()
    found[0, 20:50] = False
    hidden = observe(replace(detections, found=found), K).box_height
    assert hidden[0, 35] == pytest.approx(float(whole[0, 35]), rel=0.1)
    nobody = observe(replace(detections, found=np.zeros_like(found)), K).box_height
    assert (nobody > 0).all()


def test_hours_into_a_clip_times_are_as_exact_as_at_its_start(scene: synthetic.Scene) -> None:
    late = replace(scene.detections, time=scene.detections.time + 36_000.0)
    motions = []
    for detections in (scene.detections, late):
        observations = observe(detections, scene.camera.K)
        motions.append(estimate_initial_motion(observations, load_body_once(None), reporter=SilentReporter()))
    for name in ("pelvis", "body_pose", "left_hand_pose"):
        early, late = (getattr(motion.motion_incam, name) for motion in motions)
        np.testing.assert_allclose(late, early, atol=1e-4)
    np.testing.assert_allclose(motions[1].foot_contact, motions[0].foot_contact, atol=1e-3)
