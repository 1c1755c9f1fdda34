"""A roll of the camera that only a leaning person suggests is taken back; a camera that is rolled stays so."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.fitting.camera import extrinsics, floor_from_extrinsics
from core.fitting.camera_hypotheses import choose_camera
from core.fitting.initial import estimate_initial_motion
from core.motion import Camera, MotionEstimate
from core.reporting import SilentReporter
from tests.core.fitting import synthetic


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


def roll_of(estimate: MotionEstimate) -> float:
    return math.degrees(floor_from_extrinsics(torch.from_numpy(estimate.camera.T_cw).float())[1])


@pytest.mark.slow
def test_a_wrong_roll_is_taken_back(body: BodyModel) -> None:
    observations = synthetic.scene(body, frames=16).observations
    right = estimate_initial_motion(observations, body, reporter=SilentReporter())
    tilted = extrinsics(torch.tensor(0.1), torch.tensor(math.radians(20)), torch.tensor(1.5)).double().numpy()
    wrong = replace(right, camera=Camera(right.camera.K, tilted))
    assert abs(roll_of(choose_camera(wrong, observations, body, SilentReporter()))) < 1


@pytest.mark.slow
def test_a_camera_that_is_rolled_stays_so(body: BodyModel) -> None:
    observations = synthetic.scene(body, frames=16, roll=math.radians(15)).observations
    estimate = estimate_initial_motion(observations, body, reporter=SilentReporter())
    assert abs(roll_of(estimate) - 15) < 4
    kept = choose_camera(estimate, observations, body, SilentReporter())
    assert roll_of(kept) == pytest.approx(roll_of(estimate))


def test_a_level_camera_costs_no_trial(body: BodyModel) -> None:
    observations = synthetic.scene(body, frames=16).observations
    estimate = estimate_initial_motion(observations, body, reporter=SilentReporter())
    assert abs(roll_of(estimate)) < 5
    assert choose_camera(estimate, observations, body, SilentReporter()) is estimate
