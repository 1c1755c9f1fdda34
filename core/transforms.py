"""Rigid transforms between frames of reference, as 4x4 matrices `T_ba` that take points of frame a to frame b.

All functions work on numpy arrays and on tensors, with any leading dimensions of the points or rotations.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def transform_points(T_ba: Array, points_ina: Array) -> Array:
    """Points [...,3] of frame a in frame b."""
    return points_ina @ T_ba[:3, :3].T + T_ba[:3, 3]


def inverse_transform_points(T_ba: Array, points_inb: Array) -> Array:
    """Points [...,3] of frame b in frame a."""
    return (points_inb - T_ba[:3, 3]) @ T_ba[:3, :3]


def transform_rotations(T_ba: Array, rotations_ina: Array) -> Array:
    """Rotations [...,3,3] into axes of frame a as rotations into axes of frame b."""
    return T_ba[:3, :3] @ rotations_ina


def inverse_transform_rotations(T_ba: Array, rotations_inb: Array) -> Array:
    """Rotations [...,3,3] into axes of frame b as rotations into axes of frame a."""
    return T_ba[:3, :3].T @ rotations_inb


def transform_vectors(T_ba: Array, vectors_ina: Array) -> Array:
    """Directions or offsets [...,3] of frame a in axes of frame b."""
    return vectors_ina @ T_ba[:3, :3].T


def inverse_transform_vectors(T_ba: Array, vectors_inb: Array) -> Array:
    """Directions or offsets [...,3] of frame b in axes of frame a."""
    return vectors_inb @ T_ba[:3, :3]


def origin_of(T_ba: Any) -> Any:
    """[3] where the origin of frame b lies in frame a: a camera's centre in the world for `T_cw`."""
    return -T_ba[:3, :3].T @ T_ba[:3, 3]
