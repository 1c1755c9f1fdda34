"""Alignment of a recording's vertical, which is only an estimate in recordings from one camera, by people's balance."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial.transform import Rotation

from ..skeleton_motion import SkeletonMotion

_SEGMENTS = (
    (0.200, ("hip", "knee")),
    (0.122, ("knee", "ankle")),
    (0.578, ("hip", "shoulder")),
    (0.100, ("elbow", "elbow")),
)
"""Fractions of the body's mass, and the joints of both sides between which they lie (Winter, "Biomechanics", 2009, table 4.1)."""


@dataclass(frozen=True)
class VerticalSettings:
    """When and how far the vertical is corrected. Angles in radians."""

    max_speed: float = 0.15
    """Of the centre of mass up to which a standing person is in balance, metres per second."""
    min_seconds: float = 2.0
    """Standing that is needed to estimate the vertical."""
    min_tilt: float = math.radians(2.5)
    """Smaller tilts are within the error of the estimate."""
    max_tilt: float = math.radians(12)
    """Largest correction."""


_SETTINGS = VerticalSettings()


def align_vertical(motion: SkeletonMotion, is_still: Bool[np.ndarray, "T 2 2"]) -> SkeletonMotion:
    """The motion rotated so that the centre of mass is above the feet while both of them are still.

    `is_still` tells it of the ankle and the ball of the left and the right foot. The motion is returned unchanged where its
    vertical was measured, or where nobody stands long enough.
    """
    if motion.vertical_measured or "left_foot" not in motion.names or len(motion.positions) < 3:
        return motion
    centre_of_mass = np.asarray(
        sum(mass * (_middle(motion, first) + _middle(motion, second)) / 2 for mass, (first, second) in _SEGMENTS)
    )
    feet = (_middle(motion, "ankle") + _middle(motion, "foot")) / 2
    speed = np.linalg.norm(np.gradient(centre_of_mass, axis=0), axis=1) * motion.rate
    offset = centre_of_mass - feet
    is_upright = offset[:, 2] > 0.6 * np.quantile(offset[:, 2], 0.9)
    in_balance = is_still.all((1, 2)) & (speed < _SETTINGS.max_speed) & is_upright
    if in_balance.sum() < _SETTINGS.min_seconds * motion.rate:
        return motion
    x, y, z = np.median(offset[in_balance], 0)
    axis = np.array([y, -x, 0.0])
    tilt = math.atan2(float(np.linalg.norm(axis)), float(z))
    if tilt < _SETTINGS.min_tilt:
        return motion
    rotation = Rotation.from_rotvec(axis / np.linalg.norm(axis) * min(tilt, _SETTINGS.max_tilt)).as_matrix()
    rotation = rotation.astype(np.float32)
    rotations = motion.global_rotations
    return replace(
        motion,
        positions=motion.positions @ rotation.T,
        global_rotations=None if rotations is None else rotation @ rotations,
    )


def _middle(motion: SkeletonMotion, part: str) -> Float[np.ndarray, "T 3"]:
    """The middle between the left and the right joint."""
    left, right = (
        motion.positions[:, motion.names.index(f"{side}_{part}")].astype(float) for side in ("left", "right")
    )
    return (left + right) / 2
