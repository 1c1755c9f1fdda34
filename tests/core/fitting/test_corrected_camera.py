"""A fitted motion under a corrected camera: the picture stays, people and floor part, and a new fit brings them together."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX
from core.fitting.camera import KnownCamera, floor_from_extrinsics, intrinsics
from core.fitting.corrected_camera import corrected_camera, under_camera
from core.fitting.prior import InitialMotion, JointPrior
from core.motion import pose_motion
from core.observations.observe import observe
from core.projection import project
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic

FEET = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body_once(None)


@pytest.fixture(scope="module")
def made(body: BodyModel) -> synthetic.Scene:
    return synthetic.scene(body, frames=20)


def stance(T_cw: np.ndarray) -> tuple[float, float, float]:
    pitch, roll, height = floor_from_extrinsics(torch.as_tensor(T_cw)).tolist()
    return math.degrees(pitch), math.degrees(roll), height


def test_only_what_is_known_of_a_camera_takes_the_place_of_its_own_values(made: synthetic.Scene):
    pitch, _, height = stance(made.camera.T_cw)
    rolled = corrected_camera(made.camera, KnownCamera(roll=-10))
    assert stance(rolled.T_cw) == pytest.approx((pitch, -10, height), abs=1e-4)
    np.testing.assert_array_equal(rolled.K, made.camera.K)
    longer = corrected_camera(made.camera, KnownCamera(fov=30, pitch=2, height=1.1))
    assert stance(longer.T_cw) == pytest.approx((2, 0, 1.1), abs=1e-4)
    np.testing.assert_allclose(longer.K, intrinsics(synthetic.WIDTH, synthetic.HEIGHT, 30))


def test_what_a_later_correction_does_not_say_stays_as_it_was():
    earlier = KnownCamera(fov=40, roll=3)
    assert KnownCamera(roll=0.0, height=1.2).over(earlier) == KnownCamera(fov=40, roll=0.0, height=1.2)
    assert not KnownCamera().is_constrained and KnownCamera(roll=0.0).is_constrained


def test_a_longer_lens_keeps_people_s_size_and_moves_the_prior_along(made: synthetic.Scene, body: BodyModel):
    truth = made.truth
    joints = pose_motion(body, truth.motion_incam).joints[:, :, :22].numpy()
    sigma = np.full(joints.shape[:3], 0.1, np.float32)
    initial = InitialMotion(truth.motion_incam, truth.camera, truth.foot_contact, JointPrior(joints, sigma, sigma))
    camera = corrected_camera(made.camera, KnownCamera(fov=27))
    observations = observe(made.detections, camera.K)
    moved = under_camera(initial, camera, observations, body, height_known=True)
    np.testing.assert_array_equal(moved.motion_incam.betas, truth.motion_incam.betas)
    pelvis = moved.motion_incam.pelvis - truth.motion_incam.pelvis
    assert np.ptp(pelvis, axis=(0, 1)).max() < 1e-5  # both in all frames alike
    after = pose_motion(body, moved.motion_incam).joints[:, :, :22]
    before, _ = project(torch.from_numpy(joints), torch.from_numpy(made.camera.K).float())
    pixels, _ = project(after, torch.from_numpy(camera.K).float())
    assert float((pixels - before).norm(dim=-1).mean()) < 20
    assert moved.prior is not None
    np.testing.assert_allclose(moved.prior.joints_incam, after.numpy(), atol=1e-4)


def test_feet_stand_again_under_the_right_camera(made: synthetic.Scene, body: BodyModel):
    """Where the floor leaned by ten degrees, only one of the feet seemed to stand."""
    observations = observe(made.detections, made.camera.K)
    leaning = replace(made.truth, camera=corrected_camera(made.camera, KnownCamera(roll=10)))
    again = under_camera(leaning, made.camera, observations, body, height_known=True)
    assert again.foot_contact.mean() > 0.6 and again.camera is made.camera and again.prior is None
    np.testing.assert_allclose(again.motion_incam.pelvis, made.truth.motion_incam.pelvis)


def test_a_camera_of_unknown_height_stands_over_the_feet(made: synthetic.Scene, body: BodyModel):
    camera = corrected_camera(made.camera, KnownCamera(height=3.0))
    moved = under_camera(made.truth, camera, observe(made.detections, camera.K), body, height_known=False)
    assert stance(moved.camera.T_cw)[2] == pytest.approx(1.5, abs=0.05)
