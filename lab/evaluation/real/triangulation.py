"""Truth from several calibrated views: the Qualisys calibration file, triangulation, and how far one view's result is off."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from core.contract.errors import UserError

_SUBPIXELS = 64
"""Qualisys writes focal lengths and principal points in 64ths of a pixel."""

_AGREE = 25.0
"""px within which a view agrees with a proposed point."""
_LEAST_SINE = 0.35


@dataclass(frozen=True)
class CalibratedCamera:
    """One calibrated camera. Camera frame: x right, y down, z forward; world in metres, Z up."""

    K: np.ndarray
    """float64 [3,3] px."""
    distortion: np.ndarray
    """float64 [4] k1, k2, p1, p2 (OpenCV's model)."""
    T_cw: np.ndarray
    """float64 [4,4] world -> camera."""


def read_qualisys(path: Path) -> list[CalibratedCamera]:
    """The cameras of a Qualisys Track Manager calibration (`*.qca.txt`, XML), in the file's order."""
    try:
        cameras = ElementTree.parse(path).getroot().find("cameras")
    except (OSError, ElementTree.ParseError) as error:
        raise UserError(
            "bad-calibration", f"{path} is no Qualisys calibration: {error}.", "Give its .qca.txt file."
        ) from error
    if cameras is None:
        raise UserError("bad-calibration", f"{path} holds no cameras.", "Give a .qca.txt file of Qualisys.")
    return [_view(camera) for camera in cameras]


def _view(camera: ElementTree.Element) -> CalibratedCamera:
    place, lens = camera.find("transform"), camera.find("intrinsic")
    if place is None or lens is None:
        raise UserError(
            "bad-calibration", "A camera of the calibration lacks its transform or lens.", "Export it again."
        )
    rotation = np.array([[float(place.attrib[f"r{row}{column}"]) for column in (1, 2, 3)] for row in (1, 2, 3)])
    position = np.array([float(place.attrib[axis]) for axis in "xyz"]) / 1000
    # Qualisys' cameras look along -z with y up; ours along +z with y down
    world = np.eye(4)
    world[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ rotation
    world[:3, 3] = -world[:3, :3] @ position

    def pixels(name: str) -> float:
        return float(lens.attrib[name]) / _SUBPIXELS

    K = np.array(
        [
            [pixels("focalLengthU"), 0, pixels("centerPointU")],
            [0, pixels("focalLengthV"), pixels("centerPointV")],
            [0, 0, 1],
        ]
    )
    names = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
    return CalibratedCamera(K, np.array([float(lens.attrib[name]) for name in names]), world)


def triangulate(
    views: list[CalibratedCamera], keypoints: np.ndarray, *, good: float = 0.5
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points from their pixels in several views, the views that disagree with the rest let go.

    keypoints [C,...,3] px and confidence in the order of `views`. Every pair of views proposes a point; the proposal that most
    views agree with decides who takes part in the weighted linear solution (Hartley and Zisserman, 12.2). Returns points
    [...,3] world metres, their mean reprojection error [...] px and the summed confidence [...] of the views that agree; NaN
    points where fewer than two views with confidence `good` agree.
    """
    count, shape = len(views), keypoints.shape[1:-1]
    pixels = keypoints[..., :2].reshape(count, -1, 2).astype(np.float64)
    weight = np.where(keypoints[..., 2] >= good, keypoints[..., 2], 0).reshape(count, -1)
    rays = np.stack([cv2.undistortPoints(px[:, None], v.K, v.distortion)[:, 0] for v, px in zip(views, pixels)])
    projections = np.stack([view.T_cw[:3] for view in views])
    focal = np.array([view.K[0, 0] for view in views])[:, None]

    best, chosen = np.zeros(pixels.shape[1]), np.zeros_like(weight)
    for pair in combinations(range(count), 2):
        taking_part = np.zeros_like(weight)
        taking_part[list(pair)] = weight[list(pair)] * (weight[list(pair)] > 0).all(0)
        off = _distance_to_rays(_solve(projections, rays, taking_part), projections, rays) * focal
        agreeing = np.where(off < _AGREE, weight, 0)
        sound = (
            (taking_part > 0).any(0)
            & (_sine_between(projections, rays, pair) > _LEAST_SINE)
            & (agreeing > 0)[list(pair)].all(0)
        )
        score = np.where(sound, (agreeing / (1 + (off / _AGREE) ** 2)).sum(0), 0)
        better = score > best
        best[better] = score[better]
        chosen[:, better] = agreeing[:, better]
    point = _solve(projections, rays, chosen)
    off = _distance_to_rays(point, projections, rays) * focal
    used = chosen > 0
    enough = used.sum(0) >= 2
    error = np.where(enough, np.where(used, off, 0).sum(0) / np.maximum(used.sum(0), 1), np.nan)
    point[~enough] = np.nan
    return point.reshape(*shape, 3), error.reshape(shape), best.reshape(shape)


def _solve(projections: np.ndarray, rays: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Linear triangulation of rays [C,N,2] (x/z, y/z) with weights [C,N] -> points [N,3]; nonsense where all weights are 0."""
    rows = (rays[..., None] * projections[:, None, 2:3] - projections[:, None, :2]) * weight[..., None, None]
    solution = np.linalg.svd(rows.transpose(1, 0, 2, 3).reshape(rays.shape[1], -1, 4))[2][:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return solution[:, :3] / solution[:, 3:]


def _sine_between(projections: np.ndarray, rays: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    """[N] sine of the angle at which the rays of two views meet: cameras that face each other fix no depth."""
    first, second = (
        np.concatenate([rays[view], np.ones_like(rays[view][:, :1])], 1) @ projections[view, :, :3] for view in pair
    )
    across = np.linalg.norm(np.cross(first, second), axis=1)
    return across / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def _distance_to_rays(point: np.ndarray, projections: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """[C,N] distance in the plane z = 1 between points and rays; infinite where a point is not before the camera."""
    seen = np.einsum("cij,nj->cni", projections[:, :, :3], point) + projections[:, None, :, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.linalg.norm(seen[..., :2] / seen[..., 2:] - rays, axis=-1)
    return np.where(np.isfinite(off) & (seen[..., 2] > 0), off, np.inf)
