"""Cameras that look at a point."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from core.contract.rotations import rigid_transform


def look_at(position: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "4 4"]:
    """World -> camera, float64, of a level camera at `position` (x right, y down, z towards the target); the world has Z up."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return rigid_transform(rotation, -rotation @ position)
