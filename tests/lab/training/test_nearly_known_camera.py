"""Tests of cameras that are drawn about the true one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from core.fitting.camera import extrinsics, intrinsics
from core.motion import Camera
from lab.training.nearly_known_camera import CameraErrors, field_of_view, nearly_known_camera

SIZE = np.array([960, 540])
CAMERA = Camera(
    intrinsics(960, 540, 50.0), extrinsics(*torch.tensor([math.radians(12), math.radians(-4), 1.7]).double()).numpy()
)


def test_without_errors_it_is_the_true_camera_with_its_height_left_open():
    known = nearly_known_camera(CAMERA, SIZE, np.random.default_rng(0), CameraErrors(0, 0, 0))
    assert (known.fov, known.pitch, known.roll) == (pytest.approx(50), pytest.approx(12), pytest.approx(-4))
    assert known.height is None


def test_errors_have_the_size_that_is_asked_for():
    drawn = [nearly_known_camera(CAMERA, SIZE, np.random.default_rng(seed)) for seed in range(300)]
    fov, pitch, roll = (np.array([getattr(each, name) for each in drawn], float) for name in ("fov", "pitch", "roll"))
    assert pitch.std() == pytest.approx(CameraErrors().pitch, rel=0.15) and abs(roll.mean() + 4) < 1
    assert field_of_view(CAMERA, SIZE, 2.0) < np.median(fov) < field_of_view(CAMERA, SIZE, 0.5)
