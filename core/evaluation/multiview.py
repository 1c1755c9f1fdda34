"""Truth from several calibrated views: the Qualisys calibration file, triangulation, and how far one view's result is off."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

from ..contract.errors import UserError

_SUBPIXELS = 64
"""Qualisys writes focal lengths and principal points in 64ths of a pixel."""


@dataclass(frozen=True)
class View:
    """One calibrated camera. Camera frame: x right, y down, z forward; world in metres, Z up."""

    K: np.ndarray
    """float64 [3,3] px."""
    distortion: np.ndarray
    """float64 [4] k1, k2, p1, p2 (OpenCV's model)."""
    world: np.ndarray
    """float64 [4,4] world -> camera."""


def read_qualisys(path: Path) -> list[View]:
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


def _view(camera: ElementTree.Element) -> View:
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
    return View(K, np.array([float(lens.attrib[name]) for name in names]), world)


def triangulate(
    views: list[View], keypoints: np.ndarray, *, good: float = 0.5, rounds: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Points from their pixels in several views, by weighted linear triangulation with outlying views let go.

    keypoints [C,...,3] px and confidence in the order of `views`. Returns points [...,3] world metres and the mean
    reprojection error [...] px; NaN where fewer than two views saw a point with confidence `good`.
    """
    count, shape = len(views), keypoints.shape[1:-1]
    pixels = keypoints[..., :2].reshape(count, -1, 2)
    weight = np.where(keypoints[..., 2] >= good, keypoints[..., 2], 0).reshape(count, -1)
    rays = np.stack(
        [
            cv2.undistortPoints(px[:, None].astype(np.float64), view.K, view.distortion)[:, 0]
            for view, px in zip(views, pixels)
        ]
    )
    projections = np.stack([view.world[:3] for view in views])
    focal = np.array([view.K[0, 0] for view in views])
    point = np.full((pixels.shape[1], 3), np.nan)
    error = np.full(pixels.shape[1], np.nan)
    for _ in range(rounds):
        enough = (weight > 0).sum(0) >= 2
        rows = rays[..., None] * projections[:, None, 2:3] - projections[:, None, :2]
        rows = (rows * weight[..., None, None])[:, enough].transpose(1, 0, 2, 3).reshape(int(enough.sum()), -1, 4)
        solution = np.linalg.svd(rows)[2][:, -1]
        point[:], error[:] = np.nan, np.nan
        point[enough] = solution[:, :3] / solution[:, 3:]
        seen = np.einsum("cij,nj->cni", projections[:, :, :3], point) + projections[:, None, :, 3]
        off = np.linalg.norm(seen[..., :2] / seen[..., 2:] - rays, axis=-1) * focal[:, None]
        used = weight > 0
        error = np.where(enough, np.where(used, off, 0).sum(0) / np.maximum(used.sum(0), 1), np.nan)
        robust = np.where(np.isfinite(off), 1 / (1 + (off / 15) ** 2), 1)
        weight = np.where(used & ((off < 60) | ~np.isfinite(off) | (used.sum(0) <= 2)), weight * robust, 0)
    return point.reshape(*shape, 3), error.reshape(shape)
