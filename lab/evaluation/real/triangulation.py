"""Robust triangulation of points from several calibrated cameras."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float

from .calibration import CalibratedCamera

_INLIER = 25.0
"""px of reprojection error within which a camera agrees with a point."""
_LEAST_SINE = 0.35
"""Of the angle between the rays of a pair of cameras that proposes a point: opposite cameras determine no depth."""

_LEAST_CONFIDENCE = 0.5
"""Of a keypoint that takes part."""


class Triangulated(NamedTuple):
    """Points seen by several calibrated cameras."""

    points: Float[np.ndarray, "*batch 3"]
    """World, metres; NaN where fewer than two cameras agree."""
    error: Float[np.ndarray, "*batch"]
    """px, mean reprojection error over the cameras that agree; NaN where fewer than two do."""
    score: Float[np.ndarray, "*batch"]
    """Sum of the confidence of the cameras that agree, less for larger errors."""


def triangulate(cameras: list[CalibratedCamera], keypoints: Float[np.ndarray, "C *batch 3"]) -> Triangulated:
    """Points from keypoints (px and confidence) in C cameras, without the cameras that disagree with the others.

    Every pair of cameras proposes a point, and the cameras that agree with the best proposal take part in a weighted linear
    triangulation (Hartley and Zisserman, 12.2).
    """
    count, shape = len(cameras), keypoints.shape[1:-1]
    pixels = keypoints[..., :2].reshape(count, -1, 2).astype(np.float64)
    weight = np.where(keypoints[..., 2] >= _LEAST_CONFIDENCE, keypoints[..., 2], 0).reshape(count, -1)
    rays = np.stack([cv2.undistortPoints(px[:, None], c.K, c.distortion)[:, 0] for c, px in zip(cameras, pixels)])
    projections = np.stack([camera.T_cw[:3] for camera in cameras])
    focal = np.array([camera.K[0, 0] for camera in cameras])[:, None]

    best, inliers = np.zeros(pixels.shape[1]), np.zeros_like(weight)
    for pair in combinations(range(count), 2):
        pair_weight = np.zeros_like(weight)
        pair_weight[list(pair)] = weight[list(pair)] * (weight[list(pair)] > 0).all(0)
        error = _ray_distance(_solve(projections, rays, pair_weight), projections, rays) * focal
        agreeing = np.where(error < _INLIER, weight, 0)
        is_valid = (
            (pair_weight > 0).any(0)
            & (_sine_between(projections, rays, pair) > _LEAST_SINE)
            & (agreeing > 0)[list(pair)].all(0)
        )
        score = np.where(is_valid, (agreeing / (1 + (error / _INLIER) ** 2)).sum(0), 0)
        is_better = score > best
        best[is_better] = score[is_better]
        inliers[:, is_better] = agreeing[:, is_better]
    points = _solve(projections, rays, inliers)
    error = _ray_distance(points, projections, rays) * focal
    used = inliers > 0
    is_enough = used.sum(0) >= 2
    error = np.where(is_enough, np.where(used, error, 0).sum(0) / np.maximum(used.sum(0), 1), np.nan)
    points[~is_enough] = np.nan
    return Triangulated(points.reshape(*shape, 3), error.reshape(shape), best.reshape(shape))


def _solve(projections: np.ndarray, rays: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Linear triangulation [N,3] of rays [C,N,2] (x/z, y/z) with weights [C,N]; meaningless where all weights are 0."""
    rows = (rays[..., None] * projections[:, None, 2:3] - projections[:, None, :2]) * weight[..., None, None]
    solution = np.linalg.svd(rows.transpose(1, 0, 2, 3).reshape(rays.shape[1], -1, 4))[2][:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return solution[:, :3] / solution[:, 3:]


def _sine_between(projections: np.ndarray, rays: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    """[N] sine of the angle between the rays of two cameras."""
    first, second = (
        np.concatenate([rays[view], np.ones_like(rays[view][:, :1])], 1) @ projections[view, :, :3] for view in pair
    )
    cross = np.linalg.norm(np.cross(first, second), axis=1)
    return cross / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def _ray_distance(points: np.ndarray, projections: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """[C,N] distance of points from rays in the plane z = 1; infinite for points behind the camera."""
    incam = np.einsum("cij,nj->cni", projections[:, :, :3], points) + projections[:, None, :, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.linalg.norm(incam[..., :2] / incam[..., 2:] - rays, axis=-1)
    return np.where(np.isfinite(distance) & (incam[..., 2] > 0), distance, np.inf)
