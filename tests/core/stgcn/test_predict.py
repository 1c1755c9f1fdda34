"""Predictions against keypoints: people and limbs are snapped to confident keypoints, sigmas grow where they disagree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.skeleton import JOINT_INDEX
from core.fitting.prior import JointPrior
from core.motion import MotionEstimate, pose_motion
from core.observations.observe import Observations, observe
from core.stgcn.predict import (
    JointPrediction,
    SnapSettings,
    keep_seen_limbs,
    lateral_offset,
    snap_to_keypoints,
    with_initial,
)
from lab.evaluation.benchmark_clip import BenchmarkClip
from tests.lab.evaluation.synthetic import synthetic_clip as made_up_shot


@pytest.fixture(scope="module")
def shot() -> BenchmarkClip:
    return made_up_shot(load_body(None))


@pytest.fixture(scope="module")
def observations(shot: BenchmarkClip) -> Observations:
    return observe(shot.detections, shot.truth.camera.K)


@pytest.fixture(scope="module")
def right(shot: BenchmarkClip) -> JointPrior:
    """The ground truth."""
    motion_incam = shot.truth.motion.transformed(shot.truth.camera.T_cw)
    joints = pose_motion(load_body(None), motion_incam).joints.numpy()[:, :, :22]
    return JointPrior(joints, *[np.full(joints.shape[:3], 0.1, np.float32)] * 2)


def moved(prior: JointPrior, offset: tuple[float, float, float]) -> JointPrior:
    return replace(prior, joints_incam=prior.joints_incam + np.array(offset, np.float32))


def test_people_are_moved_to_their_keypoints(observations: Observations, right: JointPrior) -> None:
    before, after = (
        lateral_offset(prior, observations, SnapSettings()) for prior in (right, moved(right, (0.3, -0.2, 0)))
    )
    np.testing.assert_allclose(after - before, np.broadcast_to([-0.3, 0.2, 0], after.shape), atol=0.05)


def test_a_limb_apart_from_the_partner_follows_its_keypoint_and_one_near_the_partner_becomes_uncertain(
    observations: Observations, right: JointPrior
) -> None:
    wrist = JOINT_INDEX["left_wrist"]
    wrong = replace(right, joints_incam=right.joints_incam.copy())
    wrong.joints_incam[0, :, wrist, 1] += 0.4

    def error_and_growth(near: float) -> tuple[float, float]:
        """metres from the truth across the picture, and how much sigma has grown."""
        snapped, _ = snap_to_keypoints(wrong, observations, SnapSettings(near=near, far=near + 0.1))
        error = np.linalg.norm((snapped.joints_incam - right.joints_incam)[0, :, wrist, :2], axis=-1)
        return float(error.mean()), float((snapped.sigma / wrong.sigma)[0, :, wrist].mean())

    apart, near = error_and_growth(0.0), error_and_growth(9.0)
    assert apart[0] < 0.12 and near[0] == pytest.approx(0.4, abs=0.01)
    assert apart[1] > 2 and near[1] > 2
    _, offset = snap_to_keypoints(right, observations)
    assert np.abs(offset).max() < 0.1


def test_a_limb_that_only_the_network_puts_beside_its_keypoints_is_that_of_the_initial_motion(
    observations: Observations, right: JointPrior
) -> None:
    leg, others = [JOINT_INDEX[f"left_{name}"] for name in ("knee", "ankle", "foot")], [JOINT_INDEX["right_knee"], 0]
    wrong = replace(right, joints_incam=right.joints_incam.copy())
    wrong.joints_incam[0, :, leg, 1] += 0.4
    wrong.joints_incam[0, :, leg, 2] += 0.3
    kept = keep_seen_limbs(wrong, right.joints_incam, observations)
    error = np.linalg.norm(kept.joints_incam - right.joints_incam, axis=-1)[0]
    assert error[:, leg].mean() < 0.1
    assert error[:, others].max() < 0.02
    # where both lie beside the keypoints, the picture speaks for neither
    assert keep_seen_limbs(wrong, wrong.joints_incam, observations).joints_incam == pytest.approx(wrong.joints_incam)
    trusted = keep_seen_limbs(right, wrong.joints_incam, observations)
    assert np.abs(trusted.joints_incam - right.joints_incam).max() < 0.03


def test_a_prediction_meets_an_initial_motion_where_the_surer_one_is(
    shot: BenchmarkClip, observations: Observations, right: JointPrior
) -> None:
    """The initial motion knows the arms, the prediction all else; hands and twists are the initial motion's.

    Where the people are across the picture, their keypoints know.
    """
    body, truth = load_body(None), shot.truth
    motion = truth.motion.transformed(truth.camera.T_cw)
    motion = replace(motion, left_hand_pose=motion.left_hand_pose + 0.3)
    arms = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("elbow", "wrist")]
    others = [joint for joint in range(1, 22) if joint not in arms]
    sure, unsure = 0.01, 0.3
    own, prediction, aside = (moved(right, (0.3, 0, 0)) for _ in range(3))
    own.joints_incam[:, :, others, 1] += 0.2
    prediction.joints_incam[:, :, arms, 1] += 0.2

    def with_sigma(prior: JointPrior, known: list[int]) -> JointPrior:
        sigma = np.full(prior.sigma_along.shape, unsure, np.float32)
        sigma[:, :, known] = sure
        return replace(prior, sigma_along=sigma, sigma_across=sigma)

    initial = MotionEstimate(motion, truth.camera, np.zeros((*motion.pelvis.shape[:2], 2), np.float32))
    predicted = JointPrediction(motion, with_sigma(prediction, others))
    both = with_initial(predicted, initial, with_sigma(own, arms), observations, body)
    assert both.prior is not None
    assert both.prior.joints_incam == pytest.approx(aside.joints_incam, abs=0.01)
    joints = pose_motion(body, both.motion_incam).joints.numpy()[:, :, :22]
    offset = lateral_offset(aside, observations, SnapSettings())
    assert joints == pytest.approx(aside.joints_incam + offset[:, :, None], abs=0.02)
    assert np.abs(joints - right.joints_incam).max() < 0.06
    assert both.motion_incam.left_hand_pose == pytest.approx(motion.left_hand_pose, abs=1e-4)
