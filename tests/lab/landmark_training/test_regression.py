"""Learning the landmark regressor finds what the landmarks were made of, whatever some pictures say."""

from __future__ import annotations

import numpy as np
import pytest

from core.body.files import DEFAULT_BODY, load_body
from core.contract.skeleton import JOINT_INDEX, JOINTS, LANDMARK_INDEX, LANDMARKS, mirrored
from lab.face_landmarks import face_landmarks
from lab.landmark_training.anatomical_prior import SkinPoints, prior_weights, skin_points
from lab.landmark_training.regression import LandmarkObservations, column_mirror, fit_landmark_weights, residuals
from lab.landmark_training.synthetic_people import person_scene
from lab.landmark_training.train_landmarks import to_camera


@pytest.fixture(scope="module")
def points() -> SkinPoints:
    return skin_points(load_body(None), face_landmarks(DEFAULT_BODY))


@pytest.fixture(scope="module")
def columns(points: SkinPoints) -> np.ndarray:
    """Joints and skin points [F,C,3] of two people in many poses, in the frames of their cameras."""
    body, face = load_body(None), face_landmarks(DEFAULT_BODY)
    scenes = [person_scene(body, face, np.random.default_rng(seed), 2) for seed in (0, 1)]
    return np.concatenate(
        [
            to_camera(np.concatenate([scene["joints"], scene["skin"][:, points.vertices]], 1), scene["camera_world"])
            for scene in scenes
        ]
    )


def test_anatomy_is_the_same_on_both_sides_and_its_weights_sum_to_one(points):
    weights, mirror = prior_weights(points), column_mirror(points)
    assert weights.sum(1) == pytest.approx(np.ones(len(LANDMARKS)))
    twins = [LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS]
    assert np.array_equal(weights[twins][:, mirror], weights)


def test_learning_finds_what_the_landmarks_are_made_of(points, columns):
    prior = prior_weights(points)
    true = prior.copy()
    for side in ("left", "right"):  # hips that are a little nearer to the spine, shoulders on the joint itself
        hip, shoulder = LANDMARK_INDEX[f"{side}_hip"], LANDMARK_INDEX[f"{side}_shoulder"]
        true[hip] = 0
        true[hip, [JOINT_INDEX[f"{side}_hip"], JOINT_INDEX["pelvis"]]] = 0.7, 0.3
        true[shoulder] = 0
        true[shoulder, JOINT_INDEX[f"{side}_shoulder"]] = 1
    place = true @ columns
    rays = place[..., :2] / place[..., 2:]
    rng = np.random.default_rng(0)
    wrong = rng.random(rays.shape[:2]) < 0.1
    rays[wrong] += rng.normal(0, 0.1, (wrong.sum(), 2))
    sight = LandmarkObservations(columns, rays, np.ones(rays.shape[:2], bool))
    body = load_body(None)
    rest = np.concatenate([body.J_template.numpy(), body.v_template.numpy()[points.vertices]]).astype(float)

    learned = fit_landmark_weights(sight, prior, rest, points, ridge=0.003)
    assert learned.sum(1) == pytest.approx(np.ones(len(LANDMARKS)))
    twins = [LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS]
    assert np.allclose(learned[twins][:, column_mirror(points)], learned)
    before, after = (np.median(residuals(sight, weights)[:, :], axis=0) for weights in (prior, learned))
    hips = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
    assert before[hips].min() > 0.01
    assert after.max() < 0.003
    assert len(JOINTS) + len(points.names) == learned.shape[1] <= 55 + 120
