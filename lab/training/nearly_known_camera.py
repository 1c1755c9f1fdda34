"""Cameras for training examples that are as far from the true ones as estimated cameras are, for a seventh of the time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from core.fitting.camera import KnownCamera, floor_from_extrinsics
from core.motion import Camera


@dataclass(frozen=True)
class CameraErrors:
    """Standard deviations of what is estimated from the truth; as on 21 choreographed clips (docs/benchmarks.md, Camera)."""

    pitch: float = 6.0
    """degrees"""
    roll: float = 3.6
    """degrees"""
    log_focal_length: float = 0.25


def field_of_view(camera: Camera, image_size: np.ndarray, factor: float = 1.0) -> float:
    """Horizontal, degrees, of a camera with so many times the focal length."""
    return 2 * math.degrees(math.atan(float(image_size[0]) / 2 / (factor * float(camera.K[0, 0]))))


def nearly_known_camera(
    camera: Camera, image_size: np.ndarray, rng: np.random.Generator, errors: CameraErrors | None = None
) -> KnownCamera:
    """A camera with drawn errors; its height is left to be estimated, so that it agrees with the rest."""
    errors = errors or CameraErrors()
    pitch, roll, _ = (math.degrees(float(value)) for value in floor_from_extrinsics(torch.from_numpy(camera.T_cw)))
    factor = math.exp(rng.normal(0, errors.log_focal_length))
    return KnownCamera(
        fov=field_of_view(camera, image_size, factor),
        pitch=pitch + rng.normal(0, errors.pitch),
        roll=roll + rng.normal(0, errors.roll),
    )
