"""Scores of made-up detections of two people, whose errors are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from core.body.files import load_body
from core.contract.skeleton import LANDMARK_INDEX
from core.perception.detections import Detections
from core.perception.landmarks import LIMBS
from lab.evaluation.benchmark_clip import OCCLUDED, TRUNCATED, VISIBLE
from lab.evaluation.detection_noise.geometry import landmarks_about_hips
from lab.evaluation.occlusion.projection import ProjectedClip, project_clip
from lab.evaluation.tracking_errors import TrackingErrors, scores, tracking_errors
from tests.lab.evaluation.synthetic import synthetic_clip

_WRIST = LANDMARK_INDEX["left_wrist"]


@pytest.fixture(scope="module")
def scene() -> tuple[ProjectedClip, np.ndarray, Detections]:
    """Projected truth, true metric landmarks, and perfect detections."""
    clip = synthetic_clip(load_body(None))
    truth = clip.truth
    projected = project_clip(truth.motion, truth.bodies, truth.camera, clip.detections.image_size.tolist())
    visible = np.full_like(projected.landmark_visibility, VISIBLE)
    visible[1, 2:5, _WRIST] = OCCLUDED
    projected = replace(projected, landmark_visibility=visible)
    metric = landmarks_about_hips(projected, truth.camera)
    keypoints = np.concatenate([projected.landmarks_px, np.ones_like(projected.landmarks_px[..., :1])], -1)
    perfect = replace(
        clip.detections,
        keypoints=keypoints.astype(np.float32),
        world_landmarks=metric.astype(np.float32),
        found=np.ones(keypoints.shape[:2], bool),
    )
    return projected, metric, perfect


def _scores(*clips: TrackingErrors) -> dict[str, float]:
    return dict(scores(clips))


def test_perfect_tracks_score_a_hundred_in_either_order(scene: tuple[ProjectedClip, np.ndarray, Detections]) -> None:
    truth, metric, perfect = scene
    exchanged = replace(
        perfect, keypoints=perfect.keypoints[::-1].copy(), world_landmarks=perfect.world_landmarks[::-1].copy()
    )
    for detections in (perfect, exchanged):
        found = _scores(tracking_errors(detections, truth, metric))
        assert [found[name] for name in ("both", "PCK.05H", "hidden .05H")] == [100, 100, 100]
        assert found["PA"] == pytest.approx(0, abs=0.1)


def test_a_track_that_goes_over_to_the_other_person_is_wrong_from_then_on(
    scene: tuple[ProjectedClip, np.ndarray, Detections],
) -> None:
    truth, metric, perfect = scene
    frames = perfect.keypoints.shape[1]
    keypoints = perfect.keypoints.copy()
    late = slice(frames * 3 // 4, frames)
    keypoints[:, late] = keypoints[::-1, late]
    result = tracking_errors(replace(perfect, keypoints=keypoints), truth, metric)
    assert result.both.mean() == pytest.approx(late.start / frames)


def test_one_wrong_joint_counts_where_it_is_hidden_and_not_beyond_the_picture(
    scene: tuple[ProjectedClip, np.ndarray, Detections],
) -> None:
    truth, metric, perfect = scene
    keypoints = perfect.keypoints.copy()
    keypoints[1, :, _WRIST, 0] += 0.07 * truth.height_px[1]
    moved = replace(perfect, keypoints=keypoints)
    found = _scores(tracking_errors(moved, truth, metric))
    assert found["hidden .05H"] == 0 and found["hidden .1H"] == 100 and found["both"] == 100
    assert found["PCK.05H"] == pytest.approx(100 * (1 - 1 / (2 * len(LIMBS))))
    outside = truth.landmark_visibility.copy()
    outside[1, :, _WRIST] = TRUNCATED
    found = _scores(tracking_errors(moved, replace(truth, landmark_visibility=outside), metric))
    assert found["PCK.05H"] == 100 and np.isnan(found["hidden .05H"])


def test_a_refused_clip_counts_as_wrong(scene: tuple[ProjectedClip, np.ndarray, Detections]) -> None:
    truth, metric, perfect = scene
    refused, found = tracking_errors(None, truth, metric), tracking_errors(perfect, truth, metric)
    assert _scores(refused)["both"] == _scores(refused)["PCK.1H"] == 0
    assert _scores(refused, found)["both"] == 50
