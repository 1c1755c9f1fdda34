"""Cameras as they are drawn: where they stand, how large people are in them, what of people they leave out."""

from __future__ import annotations

import numpy as np
import pytest

from core.motion import Camera
from lab.evaluation.camera_sampling import LANDSCAPE, PORTRAIT, sample_camera


@pytest.fixture(scope="module")
def joints() -> np.ndarray:
    """Two people 0.8 m apart along X, 22 joints each on a stick of 1.55 m over ankles at 9 cm."""
    out = np.zeros((2, 10, 22, 3))
    out[..., 2] = np.linspace(0.09, 1.55, 22)
    out[..., 15, 2] = 1.55  # the head
    out[..., 7, 2] = 0.09  # an ankle
    out[0, ..., 0], out[1, ..., 0] = -0.4, 0.4
    return out


@pytest.fixture(scope="module")
def cameras(joints: np.ndarray) -> list[tuple[Camera, tuple[int, int]]]:
    return [sample_camera(joints, np.random.default_rng(seed)) for seed in range(200)]


def pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    seen = np.einsum("ij,...j->...i", camera.T_cw[:3, :3], points) + camera.T_cw[:3, 3]
    return seen[..., :2] / seen[..., 2:] * camera.K[0, 0] + camera.K[:2, 2]


def place(camera: Camera) -> np.ndarray:
    return -camera.T_cw[:3, :3].T @ camera.T_cw[:3, 3]


def test_cameras_are_cameras(cameras: list[tuple[Camera, tuple[int, int]]]) -> None:
    for camera, size in cameras:
        turn = camera.T_cw[:3, :3]
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(turn) > 0
        assert turn[1] @ (0, 0, -1) > 0.75, "the picture's down is nearly the world's"
        assert 0.8 <= place(camera)[2] <= 2.2
        assert 27.9 <= camera.K[0, 0] / max(size) * 36 <= 70.1


def test_people_fill_the_picture_as_asked(cameras: list[tuple[Camera, tuple[int, int]]], joints: np.ndarray) -> None:
    fills, out = [], []
    for camera, size in cameras:
        at = pixels(camera, joints)
        fills.append(np.ptp(at[..., 1]) / size[1])
        out.append(((at < 0) | (at >= size)).any(-1).mean())
    fills, out = np.array(fills), np.array(out)
    assert (fills < 1.35).all() and (fills > 0.2).all()
    assert np.percentile(fills, 90) > 0.7 and np.percentile(fills, 10) < 0.5
    assert 0.05 < (out > 0.02).mean() < 0.35, "some leave feet or heads out of the picture, most do not"
    assert (out < 0.4).all()


def test_both_formats_and_all_sides_occur_and_looking_along_the_pair_is_common(
    cameras: list[tuple[Camera, tuple[int, int]]],
) -> None:
    sizes = [size for _, size in cameras]
    assert 0.2 < sizes.count(PORTRAIT) / len(sizes) < 0.4
    assert set(sizes) == {LANDSCAPE, PORTRAIT}
    angle = np.degrees([np.arctan2(place(camera)[1], place(camera)[0]) for camera, _ in cameras])
    assert (np.histogram(angle, 8, (-180, 180))[0] > 4).all()
    off = np.abs((angle + 90) % 180 - 90)  # from the line between the two
    assert 0.5 < (off < 35).mean() < 0.8


def test_the_same_seed_draws_the_same_camera(joints: np.ndarray) -> None:
    first, again, other = (sample_camera(joints, np.random.default_rng(seed))[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.T_cw, again.T_cw)
    assert not np.allclose(first.T_cw, other.T_cw)
