"""A camera that turns is taken out of detections: they are as the camera of the middle frame would have made them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.body.rotations import axis_angle_to_matrix
from core.observations.line_of_sight import line_of_sight_rotation
from core.observations.observe import observe
from core.observations.stabilisation import TRUNK, estimate_camera_rotation, stabilised
from core.perception.background import displacement
from core.perception.detections import Detections
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic
from tests.core.fitting.synthetic import HEIGHT, WIDTH, Scene

FRAMES = 9


@pytest.fixture(scope="module")
def scene() -> Scene:
    return synthetic.scene(load_body_once(None), FRAMES)


def rotations() -> np.ndarray:
    """From each frame's camera to the middle frame's: panning by 4 degrees a frame and nodding a little."""
    step = torch.arange(FRAMES).double() - FRAMES // 2
    angles = torch.stack([0.3 * torch.sin(step), step * 4, 0 * step], -1) * math.pi / 180
    return axis_angle_to_matrix(angles).numpy()


def turned(detections: Detections, K: np.ndarray, R: np.ndarray) -> Detections:
    """What a camera that turns would have detected of what a still one did."""
    homogeneous = np.concatenate([detections.keypoints[..., :2], np.ones((2, FRAMES, 33, 1))], -1)
    rays = np.einsum("tji,ptnj->ptni", R, homogeneous @ np.linalg.inv(K).T)
    keypoints = detections.keypoints.copy()
    keypoints[..., :2] = (rays / rays[..., 2:] @ K.T)[..., :2]
    before, after = (
        line_of_sight_rotation(torch.from_numpy(k[:, :, TRUNK, :2].mean(2)).double(), torch.from_numpy(K)).numpy()
        for k in (detections.keypoints, keypoints)
    )
    crop = np.swapaxes(after, -1, -2) @ R.swapaxes(1, 2) @ before
    to_widths = np.diag([1 / WIDTH, 1 / WIDTH, 1.0]) @ K
    background = to_widths @ R @ np.linalg.inv(to_widths)
    return replace(
        detections,
        keypoints=keypoints,
        world_landmarks=np.einsum("ptij,ptnj->ptni", crop, detections.world_landmarks).astype(np.float32),
        background=background / background[:, 2:, 2:],
        camera_motion=np.array([displacement(each, HEIGHT / WIDTH) for each in background], np.float32),
    )


def test_turning_is_found_and_taken_out(scene: Scene) -> None:
    K, R = scene.camera.K, rotations()
    seen = turned(scene.detections, K, R)
    rotation = estimate_camera_rotation(seen, K)
    assert rotation.unexplained < 1e-6 and not rotation.is_still
    np.testing.assert_allclose(rotation.rotations, R, atol=1e-6)
    assert np.abs(seen.keypoints - scene.detections.keypoints).max() > 100
    still = observe(scene.detections, K)
    again = observe(seen, K)
    np.testing.assert_allclose(again.keypoints, still.keypoints, atol=0.05)
    np.testing.assert_allclose(again.landmarks_incam, still.landmarks_incam, atol=2e-3)
    np.testing.assert_allclose(again.box_height, still.box_height, rtol=1e-3)


def test_covariances_turn_with_the_picture(scene: Scene) -> None:
    """What is uncertain along a line stays so along the line that it has become: compared with points that are moved alike."""
    K, R = scene.camera.K, rotations()
    seen = turned(scene.detections, K, R)
    step = np.array([0.3, 0.1], np.float32)  # px
    moved = seen.keypoints.copy()
    moved[..., :2] += step
    rotation = estimate_camera_rotation(seen, K)
    still = stabilised(replace(seen, covariance=np.tile(np.outer(step, step), (2, FRAMES, 33, 1, 1))), K, rotation)
    difference = (stabilised(replace(seen, keypoints=moved), K, rotation).keypoints - still.keypoints)[..., :2]
    expected = difference[..., :, None] * difference[..., None, :]
    np.testing.assert_allclose(still.covariance, expected, rtol=0.05, atol=2e-3)


def test_a_camera_that_travels_is_not_explained(scene: Scene) -> None:
    shift = np.tile(np.eye(3), (FRAMES, 1, 1))
    shift[:, 0, 0] = shift[:, 1, 1] = 1 + 0.04 * (np.arange(FRAMES) - FRAMES // 2)  # coming nearer
    moved = np.array([displacement(each, HEIGHT / WIDTH) for each in shift], np.float32)
    rotation = estimate_camera_rotation(
        replace(scene.detections, background=shift, camera_motion=moved), scene.camera.K
    )
    assert rotation.unexplained > 0.03


def test_what_stood_still_stays_as_it_is(scene: Scene) -> None:
    rotation = estimate_camera_rotation(scene.detections, scene.camera.K)
    assert rotation.is_still and stabilised(scene.detections, scene.camera.K, rotation) is scene.detections
