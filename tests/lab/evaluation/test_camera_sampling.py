"""Random cameras: where they are, how large people are in their images, and what they leave out."""

from __future__ import annotations

import numpy as np
import pytest

from core.contract.skeleton import JOINT_INDEX
from core.motion import Camera
from core.transforms import origin_of, transform_points
from lab.evaluation.camera_sampling import FREE_CAMERAS, LANDSCAPE, PORTRAIT, sample_camera

Cameras = list[tuple[Camera, tuple[int, int]]]


@pytest.fixture(scope="module")
def joints() -> np.ndarray:
    """Two people 0.8 m apart along X, with 22 joints each on a line from the ankles at 9 cm to the head at 1.55 m."""
    found = np.zeros((2, 10, 22, 3))
    found[..., 2] = np.linspace(0.09, 1.55, 22)
    found[..., JOINT_INDEX["head"], 2] = 1.55
    found[..., JOINT_INDEX["left_ankle"], 2] = 0.09
    found[0, ..., 0], found[1, ..., 0] = -0.4, 0.4
    return found


@pytest.fixture(scope="module")
def cameras(joints: np.ndarray) -> Cameras:
    return [sample_camera(joints, np.random.default_rng(seed)) for seed in range(200)]


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    incam = transform_points(camera.T_cw, points)
    return incam[..., :2] / incam[..., 2:] * camera.K[0, 0] + camera.K[:2, 2]


def test_cameras_are_nearly_level_at_the_heights_and_focal_lengths_of_the_distribution(cameras: Cameras):
    for camera, size in cameras:
        rotation = camera.T_cw[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(rotation) > 0
        assert rotation[1] @ (0, 0, -1) > 0.75
        assert 0.8 <= origin_of(camera.T_cw)[2] <= 2.2
        assert 27.9 <= camera.K[0, 0] / max(size) * 36 <= 70.1


def test_free_cameras_look_up_and_far_down_and_are_tilted(joints: np.ndarray):
    found = [sample_camera(joints, np.random.default_rng(seed), FREE_CAMERAS) for seed in range(150)]
    down = np.degrees([np.arcsin(-camera.T_cw[2, 2]) for camera, _ in found])
    roll = np.degrees([np.arctan2(camera.T_cw[0, 2], -camera.T_cw[1, 2]) for camera, _ in found])
    assert down.max() > 50 and down.min() < -3 and np.percentile(np.abs(roll), 95) > 20
    assert all(origin_of(camera.T_cw)[2] >= 0.149 for camera, _ in found)
    focal = [camera.K[0, 0] / max(size) * 36 for camera, size in found]
    assert min(focal) < 27 and max(focal) > 75


def test_people_fill_the_image(cameras: Cameras, joints: np.ndarray):
    fills, truncated = [], []
    for camera, size in cameras:
        pixels = project(camera, joints)
        fills.append(np.ptp(pixels[..., 1]) / size[1])
        truncated.append(((pixels < 0) | (pixels >= size)).any(-1).mean())
    fills, truncated = np.array(fills), np.array(truncated)
    assert (fills < 1.35).all() and (fills > 0.2).all()
    assert np.percentile(fills, 90) > 0.7 and np.percentile(fills, 10) < 0.5
    assert 0.05 < (truncated > 0.02).mean() < 0.35, "some cameras leave out feet or heads, most do not"
    assert (truncated < 0.4).all()


def test_all_formats_and_directions_occur_and_one_person_is_often_behind_the_other(cameras: Cameras):
    sizes = [size for _, size in cameras]
    assert 0.2 < sizes.count(PORTRAIT) / len(sizes) < 0.4
    assert set(sizes) == {LANDSCAPE, PORTRAIT}
    angle = np.degrees([np.arctan2(*origin_of(camera.T_cw)[[1, 0]]) for camera, _ in cameras])
    assert (np.histogram(angle, 8, (-180, 180))[0] > 4).all()
    from_line = np.abs((angle + 90) % 180 - 90)
    assert 0.5 < (from_line < 35).mean() < 0.8


def test_the_same_seed_gives_the_same_camera(joints: np.ndarray):
    first, again, other = (sample_camera(joints, np.random.default_rng(seed))[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.T_cw, again.T_cw)
    assert not np.allclose(first.T_cw, other.T_cw)
