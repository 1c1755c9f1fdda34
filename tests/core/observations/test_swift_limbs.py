"""Tests of which limbs move so fast in the picture that nothing may slow them down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from core.contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from core.observations.observe import Observations
from core.observations.swift_limbs import swift_limbs
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic

STRUCK = 20
"""The frame in which the hand is fastest."""
ARM = [JOINT_INDEX[f"right_{joint}"] for joint in ("shoulder", "elbow", "wrist")]


@pytest.fixture(scope="module")
def observations() -> Observations:
    return synthetic.scene(load_body_once(None)).observations


def punched(observations: Observations, metres: float, confidence: float = 0.95) -> Observations:
    """The first person's right wrist goes so many metres to the side within about a tenth of a second and stays there."""
    wrist = LANDMARK_INDEX["right_wrist"]
    seconds = torch.from_numpy(observations.time - observations.time[STRUCK]).float()
    keypoints, certain = observations.keypoints.clone(), observations.confidence.clone()
    keypoints[0, :, wrist] = keypoints[0, 0, wrist]
    keypoints[0, :, wrist, 0] += metres * observations.K[0, 0] / 3.5 * torch.sigmoid(seconds / 0.03)
    certain[0, :, wrist] = confidence
    return replace(observations, keypoints=keypoints, confidence=certain)


def bouncing(observations: Observations, metres: float, hertz: float) -> Observations:
    """The first person's right wrist goes so many metres up and down about its place, so many times a second."""
    wrist = LANDMARK_INDEX["right_wrist"]
    seconds = torch.from_numpy(observations.time).float()
    keypoints, certain = observations.keypoints.clone(), observations.confidence.clone()
    keypoints[0, :, wrist] = keypoints[0, 0, wrist]
    keypoints[0, :, wrist, 1] += metres * observations.K[0, 0] / 3.5 * torch.sin(2 * torch.pi * hertz * seconds)
    certain[0, :, wrist] = 0.95
    return replace(observations, keypoints=keypoints, confidence=certain)


def swiftness(observations: Observations) -> Tensor:
    return swift_limbs(observations, torch.full(observations.found.shape, 3.5))


def test_the_arm_of_a_punch_is_swift_while_it_strikes_and_nothing_else_is(observations: Observations) -> None:
    swift = swiftness(punched(observations, 0.5))
    assert float(swift[0, STRUCK, ARM].min()) > 0.7
    assert float(swift[0, : STRUCK - 6].max()) == 0 and float(swift[0, STRUCK + 7 :].max()) == 0
    others = [joint for joint in range(22) if joint not in ARM]
    assert float(swift[0, :, others].max()) == 0 and float(swift[1].max()) == 0


def test_a_hand_that_dribbles_a_ball_is_swift_also_where_it_turns_round(observations: Observations) -> None:
    assert float(swiftness(bouncing(observations, 0.2, 3.0))[0, 3:-3, ARM].min()) > 0.6
    assert float(swiftness(bouncing(observations, 0.2, 1.2))[0, :, ARM].max()) == 0


def test_a_gesture_and_an_unsure_hand_are_not_swift(observations: Observations) -> None:
    assert float(swiftness(punched(observations, 0.12))[0, :, ARM].max()) == 0
    assert float(swiftness(punched(observations, 0.5, confidence=0.2))[0, :, ARM].max()) == 0


def test_what_the_uncertainty_of_the_keypoints_explains_is_not_swift(observations: Observations) -> None:
    unsure = replace(observations, covariance=observations.covariance * 40**2)
    assert float(swiftness(punched(unsure, 0.5)).max()) == 0


def test_frames_that_lie_far_apart_say_nothing_of_speed(observations: Observations) -> None:
    spread = punched(observations, 0.5).frames(np.arange(0, 40, 8))
    assert float(swiftness(spread).max()) == 0
