"""How far from the truth a landmark may lie in the picture, where no network says it: from its confidence."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

_CONFIDENCES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
_SIGMAS = (0.14, 0.075, 0.045, 0.03, 0.024, 0.015, 0.012)
"""Standard deviation along each axis of a landmark's error, in sizes of the crop that was looked at: measured with BlazePose's
landmarks on rendered clips of the training split."""


def covariance_of_confidence(confidence: Float[np.ndarray, " n"], crop_size: float) -> Float32[np.ndarray, "n 2 2"]:
    """px²: isotropic, for landmarks of a network that gives a confidence only; `crop_size` in px."""
    sigma = np.interp(confidence, _CONFIDENCES, _SIGMAS) * crop_size
    return (sigma[:, None, None] ** 2 * np.eye(2)).astype(np.float32)
