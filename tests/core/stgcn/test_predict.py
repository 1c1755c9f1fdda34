"""What is expected against what was seen: told apart where it cannot be right, put right where that is plain, else doubted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.skeleton import JOINT_INDEX
from core.fitting.prior import JointPrior
from core.motion import pose_motion
from core.stgcn import predict as expect
from core.stgcn.predict import keypoint_residual, lateral_offset
from lab.evaluation.shot import Shot
from tests.lab.evaluation.made_up import shot as made_up_shot


@pytest.fixture(scope="module")
def shot() -> Shot:
    return made_up_shot(load_body(None))


def expected_of(shot: Shot) -> JointPrior:
    """The truth, in the camera's frame."""
    camera = shot.truth.camera
    joints = pose_motion(load_body(None), shot.truth.motion).joints.numpy()[:, :, :22]
    place = (joints @ camera.T_cw[:3, :3].T + camera.T_cw[:3, 3]).astype(np.float32)
    return JointPrior(place, np.full(place.shape[:3], 0.1, np.float32))


def test_people_are_set_where_they_are_seen(shot: Shot) -> None:
    right = expected_of(shot)
    moved = replace(right, joints=right.joints + np.array([0.3, -0.2, 0], np.float32))
    before, now = (lateral_offset(prior, shot.detections, shot.truth.camera.K) for prior in (right, moved))
    np.testing.assert_allclose(now - before, np.broadcast_to([-0.3, 0.2, 0], now.shape), atol=0.05)


def test_a_limb_that_is_plainly_seen_is_followed_and_one_near_somebody_is_doubted(
    shot: Shot, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, K, wrist = expected_of(shot), shot.truth.camera.K, JOINT_INDEX["left_wrist"]
    wrong = replace(right, joints=right.joints.copy())
    wrong.joints[0, :, wrist, 1] += 0.4

    def off(near: float) -> tuple[float, float]:
        """metres from the truth across the picture, and how much larger sigma became."""
        monkeypatch.setattr(expect, "_NEAR", near)
        monkeypatch.setattr(expect, "_FAR", near + 0.1)
        made, _ = expect.snap_to_keypoints(wrong, shot.detections, K)
        apart = np.linalg.norm((made.joints - right.joints)[0, :, wrist, :2], axis=-1)
        return float(apart.mean()), float((made.sigma / wrong.sigma)[0, :, wrist].mean())

    alone, beset = off(0.0), off(9.0)
    assert alone[0] < 0.12 and beset[0] == pytest.approx(0.4, abs=0.01)
    assert alone[1] > 2 and beset[1] > 2
    _, aside = expect.snap_to_keypoints(right, shot.detections, K)
    assert np.abs(aside).max() < 0.1


def test_disagreement_is_the_way_in_the_picture_over_the_persons_height(shot: Shot) -> None:
    camera, right = shot.truth.camera, expected_of(shot)
    assert keypoint_residual(right, shot.detections, camera.K) < 0.05
    # half a metre across the picture, of people who are about 1.7 m tall
    aside = replace(right, joints=right.joints + np.array([0.5, 0, 0], np.float32))
    assert keypoint_residual(aside, shot.detections, camera.K) == pytest.approx(0.5 / 1.7, rel=0.25)
    unseen = replace(shot.detections, keypoints=shot.detections.keypoints * np.array([1, 1, 0], np.float32))
    assert keypoint_residual(aside, unseen, camera.K) == 0.0
