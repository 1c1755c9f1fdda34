"""The pinhole camera: from points before it to pixels, and from pixels to the directions in which they look.

Both functions work on numpy arrays and on tensors.
"""

from __future__ import annotations

from typing import Any

from .transforms import Array, transform_points

LEAST_DEPTH = 0.1
"""metres: points that are nearer to the camera, or behind it, are projected as if they were as far away as this."""


def project(points: Array, K: Array, T_cw: Array | None = None) -> tuple[Array, Array]:
    """Points [...,3] of the camera frame, or of another one with `T_cw` [4,4], -> pixels [...,2] and depths [...].

    Depths are metres before the camera, kept at LEAST_DEPTH or more.
    """
    points_incam: Any = points if T_cw is None else transform_points(T_cw, points)
    depth = points_incam[..., 2].clip(LEAST_DEPTH)
    pixels = (points_incam[..., :2] / depth[..., None]) @ K[:2, :2].T + K[:2, 2]
    return pixels, depth


def normalized(pixels: Array, K: Array) -> Array:
    """Pixels [...,2] in normalized image coordinates: x/z and y/z of the points of the camera frame that they show."""
    return (pixels - K[:2, 2]) / K.diagonal()[:2]
