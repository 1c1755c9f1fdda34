"""Observations under the camera that is assumed where nothing is estimated: for simple baselines and for training."""

from __future__ import annotations

import torch

from core.fitting.camera import intrinsics
from core.observations.observe import Observations, observe
from core.perception.detections import Detections


def usual_observations(detections: Detections, device: torch.device, fov: float | None = None) -> Observations:
    """`fov`: horizontal field of view in degrees; None for a focal length of the picture's diagonal."""
    width, height = (int(size) for size in detections.image_size)
    return observe(detections, intrinsics(width, height, fov), device)
