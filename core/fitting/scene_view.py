"""What metric point maps of a clip's frames say of its camera: the vertical, height over the floor, focal length, depths.

The vertical is where the floor's normals point and what walls are at right angles to. Each number comes with a sigma: a stated
one for the model, widened by how much the frames differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..contract.skeleton import LANDMARK_INDEX
from ..hub.moge import PointMap
from ..perception.detections import Detections
from ..records import Record
from .energies import student_t

_FEET = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("ankle", "heel") for side in ("left", "right")]
_MOST_MOTION = 0.02
"""Displacement of the background, in picture widths, up to which a frame's vertical is that of the middle frame."""
_UP_CONE, _FLOOR_CONE, _WALL_BAND = np.cos(np.radians(55)), np.cos(np.radians(12)), np.sin(np.radians(12))
_LEAST_FLOOR = 0.01
"""Fraction of the picture that a floor takes at least."""
_LIKELY_HEIGHTS = (0.2, 12.0)
"""metres between which a camera over the floor is believed."""


@dataclass(frozen=True)
class SceneViewSettings:
    """The model's own errors, one sigma: angles in radians, the others of logarithms."""

    up_sigma: float = 0.035
    height_sigma: float = 0.15
    focal_sigma: float = 0.10
    depth_sigma: float = 0.15
    order_sigma: float = 0.06
    """Of the ratio of both people's depths, in which the scale's error drops out."""


_SETTINGS = SceneViewSettings()


@dataclass(frozen=True)
class SceneView(Record):
    """P people; S frames that were looked at."""

    up: Float[np.ndarray, " 3"]
    """float64, unit, in the camera's frame."""
    up_sigma: float
    height: float
    """metres of the camera over the floor."""
    height_sigma: float
    focal: float
    """Picture diagonals."""
    focal_sigma: float
    """A sigma of zero stands for a value that is not known."""
    positions: Int[np.ndarray, " S"]
    """Of the frames in the detections."""
    feet_depth: Float[np.ndarray, "P S"]
    """metres along the optical axis; 0 where it is not known."""

    @property
    def is_constrained(self) -> bool:
        return self.focal_sigma > 0


def nothing_seen(people: int) -> SceneView:
    """The view of a clip that the model can make nothing of."""
    return SceneView(np.zeros(3), 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros(0, np.int64), np.zeros((people, 0)))


@dataclass(frozen=True)
class FrameView:
    """The same of one frame; None or zeros where it is not seen."""

    up: Float[np.ndarray, " 3"] | None
    height: float | None
    focal: float
    feet_depth: Float[np.ndarray, " P"]


def frames_to_look_at(detections: Detections, most: int = 5) -> Int[np.ndarray, " S"]:
    """Positions of frames spread over the part of the clip in which the camera stands as in the middle frame."""
    still = np.flatnonzero(detections.camera_motion <= _MOST_MOTION)
    if not len(still):
        still = np.array([len(detections.time) // 2])
    return still[np.unique(np.linspace(0, len(still) - 1, min(most, len(still))).astype(int))]


def scene_view(detections: Detections, point_maps: Mapping[int, PointMap]) -> SceneView:
    """What the point maps of some frames, by their positions in the detections, say together."""
    seen = [(frame, view_of_frame(found, detections, frame)) for frame, found in sorted(point_maps.items())]
    if not seen:
        return nothing_seen(len(detections.track_ids))
    views = [view for _, view in seen]
    ups = np.array([view.up for view in views if view.up is not None])
    heights = np.array([view.height for view in views if view.height is not None])
    up, up_sigma = np.zeros(3), 0.0
    if len(ups):
        up = np.median(ups, axis=0)
        up = up / np.linalg.norm(up)
        up_sigma = _widened(_SETTINGS.up_sigma, np.arccos(np.clip(ups @ up, -1, 1)))
    focals = np.log([view.focal for view in views])
    return SceneView(
        up,
        up_sigma,
        float(np.median(heights)) if len(heights) else 0.0,
        _widened(_SETTINGS.height_sigma, np.log(heights) - np.median(np.log(heights))) if len(heights) else 0.0,
        float(np.exp(np.median(focals))),
        _widened(_SETTINGS.focal_sigma, focals - np.median(focals)),
        np.array([frame for frame, _ in seen]),
        np.stack([view.feet_depth for view in views], 1),
    )


def view_of_frame(found: PointMap, detections: Detections, frame: int) -> FrameView:
    """What one frame's point map says; people are left out of floor and walls."""
    height, width = found.valid.shape
    masks = [
        cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR) > 127 for mask in detections.masks[:, frame]
    ]
    scenery = found.valid & ~np.any(masks, axis=0)
    up = vertical(found.normals, scenery)
    camera_height = None if up is None else floor_distance(found, scenery, up)
    scale = np.array([width, height]) / detections.image_size
    depths = [
        _depth_at(found, detections.keypoints[person, frame, _FEET], scale, mask & found.valid)
        for person, mask in enumerate(masks)
    ]
    return FrameView(up, camera_height, found.focal, np.array(depths))


def vertical(normals: Float[np.ndarray, "H W 3"], scenery: Bool[np.ndarray, "H W"]) -> Float[np.ndarray, " 3"] | None:
    """The upward unit vector in the camera's frame; None where no floor is seen.

    It begins with the most frequent direction of normals within 55 degrees of the picture's vertical, and is then the one that
    floors point along and walls are at right angles to, in the sense of least squares.
    """
    seen = normals[scenery & (np.linalg.norm(normals, axis=-1) > 0.5)].astype(np.float64)
    if not len(seen):
        return None
    seen = seen[:: max(1, len(seen) // 20_000)]
    upward = seen[-seen[:, 1] > _UP_CONE]
    if len(upward) < _LEAST_FLOOR * len(seen):
        return None
    some = upward[:: max(1, len(upward) // 400)]
    up = some[int(((some @ upward.T) > _FLOOR_CONE).sum(1).argmax())]
    for _ in range(5):
        floor, walls = seen[seen @ up > _FLOOR_CONE], seen[np.abs(seen @ up) < _WALL_BAND]
        if len(floor) < _LEAST_FLOOR * len(seen):
            return None
        # the axis whose square is largest over the floor's normals and smallest over the walls'
        scatter = floor.T @ floor / len(floor) - 0.5 * (walls.T @ walls) / max(len(walls), len(seen) // 10, 1)
        axis = np.linalg.eigh(scatter)[1][:, -1]
        up = axis if axis @ up > 0 else -axis
    return up


def floor_distance(found: PointMap, scenery: Bool[np.ndarray, "H W"], up: Float[np.ndarray, " 3"]) -> float | None:
    """metres from the camera down to the lowest level that much of the picture lies on; None where there is none."""
    level = scenery & ((found.normals @ up) > _FLOOR_CONE)
    below = -(found.points[level] @ up)
    below = below[(below > _LIKELY_HEIGHTS[0]) & (below < _LIKELY_HEIGHTS[1])]
    if len(below) < _LEAST_FLOOR * scenery.size:
        return None
    counts, edges = np.histogram(np.log(below), bins=60)
    together = counts + np.append(counts[1:], 0) + np.append(0, counts[:-1])
    lowest = int(np.flatnonzero(together > 0.4 * together.max())[-1])  # tables and seats are higher
    inside = (np.log(below) >= edges[max(lowest - 1, 0)]) & (np.log(below) <= edges[min(lowest + 2, len(edges) - 1)])
    return float(np.median(below[inside]))


def scene_nats(
    view: SceneView,
    up: Float[Tensor, "H 3"],
    log_height: Float[Tensor, " H"],
    log_feet_depth: Float[Tensor, "H P S"],
    focal: Float[Tensor, " #H"],
) -> Float[Tensor, " H"]:
    """Negative log-likelihood of cameras under a scene's view, but for a constant. Everything counts as one observation.

    `log_feet_depth` is that of both people's soles in the view's frames, `focal` in picture diagonals.
    """
    total = torch.zeros_like(log_height)
    if view.up_sigma > 0:
        towards = torch.from_numpy(view.up).to(up)
        total = total + student_t(2 * (1 - up @ towards).clamp_min(0) / view.up_sigma**2)
    if view.height_sigma > 0:
        total = total + student_t(((log_height - float(np.log(view.height))) / view.height_sigma).square())
    if view.focal_sigma > 0:
        total = total + student_t((torch.log(focal / view.focal) / view.focal_sigma).square())
    known = torch.from_numpy(view.feet_depth > 0).to(up.device)
    measured = torch.from_numpy(np.log(np.maximum(view.feet_depth, 1e-3))).to(up)
    error = (log_feet_depth - measured) * known
    if bool(known.any()):
        mean = error.sum((-1, -2)) / known.sum()
        total = total + student_t((mean / _SETTINGS.depth_sigma).square())
    both = known.all(0)
    if len(known) == 2 and bool(both.any()):
        apart = ((error[:, 0] - error[:, 1]) * both).sum(-1) / both.sum()
        total = total + student_t((apart / _SETTINGS.order_sigma).square())
    return total


def _depth_at(
    found: PointMap, feet: Float[np.ndarray, "K 3"], scale: Float[np.ndarray, " 2"], mask: Bool[np.ndarray, "H W"]
) -> float:
    """Median depth of the person's pixels around confident ankles and heels; 0 where there are none."""
    height, width = found.valid.shape
    radius = max(2, round(0.015 * height))
    near = np.zeros((height, width), np.uint8)
    for x, y, confidence in feet:
        if confidence > 0.5 and 0 <= x * scale[0] < width and 0 <= y * scale[1] < height:
            cv2.circle(near, (int(x * scale[0]), int(y * scale[1])), radius, 1, -1)
    chosen = (near > 0) & mask
    return float(np.median(found.points[chosen][:, 2])) if chosen.sum() >= 5 else 0.0


def _widened(sigma: float, deviations: Float[np.ndarray, " N"]) -> float:
    """The model's own sigma and the scatter of the frames together."""
    return float(np.hypot(sigma, 1.4826 * np.median(np.abs(deviations))))
