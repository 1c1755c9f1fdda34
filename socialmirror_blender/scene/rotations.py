"""Rotations in numpy: axis-angle (radians), unit quaternions (w first) and matrices, with any leading shape."""

from __future__ import annotations

import numpy as np


def quaternion_from_axis_angle(axis_angle: np.ndarray) -> np.ndarray:
    """[...,3] radians -> [...,4]."""
    axis_angle = np.asarray(axis_angle, dtype=np.float64)
    half = np.linalg.norm(axis_angle, axis=-1, keepdims=True) / 2
    # sin(x)/x is 1 at 0, which numpy's sinc (of pi x) knows
    return np.concatenate([np.cos(half), axis_angle / 2 * np.sinc(half / np.pi)], -1)


def axis_angle_from_quaternion(quaternion: np.ndarray) -> np.ndarray:
    """[...,4] -> [...,3] radians, angle in 0-pi."""
    quaternion = np.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    vector = quaternion[..., 1:]
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, quaternion[..., :1])
    return vector * np.divide(angle, length, out=np.full_like(angle, 2.0), where=length > 1e-9)


def matrix_from_quaternion(quaternion: np.ndarray) -> np.ndarray:
    """[...,4] -> [...,3,3]."""
    w, x, y, z = np.moveaxis(quaternion, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def quaternion_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """[...,3,3] -> [...,4], w not negative. Starts from the largest of |w|, |x|, |y|, |z|, so it is exact everywhere."""
    m = np.asarray(matrix, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    # row i is 4 q[i] q
    rows = np.stack(
        [
            np.stack([1 + xx + yy + zz, wx, wy, wz], -1),
            np.stack([wx, 1 + xx - yy - zz, xy, xz], -1),
            np.stack([wy, xy, 1 - xx + yy - zz, yz], -1),
            np.stack([wz, xz, yz, 1 - xx - yy + zz], -1),
        ],
        -2,
    )
    largest = np.diagonal(rows, axis1=-2, axis2=-1).argmax(-1)
    quaternion = np.take_along_axis(rows, largest[..., None, None], -2)[..., 0, :]
    quaternion = quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True)
    return np.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def slerp(start: np.ndarray, end: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """The shorter way from `start` to `end` [...,4]; `fraction` in 0-1 broadcasts against [...]."""
    cosine = (start * end).sum(-1)
    end = np.where(cosine[..., None] < 0, -end, end)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    near = angle < 1e-6
    sine = np.where(near, 1, np.sin(angle))
    weight_start = np.where(near, 1 - fraction, np.sin((1 - fraction) * angle) / sine)
    weight_end = np.where(near, fraction, np.sin(fraction * angle) / sine)
    between = weight_start[..., None] * start + weight_end[..., None] * end
    return between / np.linalg.norm(between, axis=-1, keepdims=True)


def sign_continuous(quaternions: np.ndarray) -> np.ndarray:
    """[T,...,4] -> the same rotations, each on the side of its predecessor, so that curves never jump."""
    steps = np.where((quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    signs = np.concatenate([np.ones_like(quaternions[:1, ..., :1]), np.cumprod(steps, axis=0)])
    return quaternions * signs
