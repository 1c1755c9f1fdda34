"""One person's 33 landmarks and mask in a crop of the picture.

The network and its decoding are BlazePose's (Bazarevsky et al., 2020) as MediaPipe uses them: coordinates refined by
the heat map around them, two auxiliary points that give the crop for the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from ..contract.skeleton import LANDMARK_INDEX, LANDMARKS, mirrored
from .backends import Network
from .crops import BODY_CROP_SCALE, Crop, crop_from_axis, cut_out, put_back, rotation, to_picture
from .uncertainty import covariance_of_confidence

_REFINE_RADIUS = 4
"""Cells of the heat map around a landmark that refine it."""
_REFINE_LEAST = 0.5
"""Heat maps whose peak among these is lower do not move the landmark."""
MIRROR = np.array([LANDMARK_INDEX[mirrored(name)] for name in LANDMARKS])
"""For each landmark the one on the other side."""
TORSO = tuple(LANDMARK_INDEX[n] for n in ("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
HEIGHT_IN_TORSOS = 3.3
"""A person's height over the distance from the middle of the shoulders to that of the hips."""
LIMBS = [
    LANDMARK_INDEX[f"{side}_{part}"]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
"""Shoulders to wrists and hips to ankles."""
BODY = slice(LANDMARK_INDEX["left_shoulder"], LANDMARK_INDEX["right_ankle"] + 1)


@dataclass(frozen=True)
class Pose:
    """What the network sees in one crop."""

    crop: Crop
    """Where it looked."""
    next_crop: Crop
    """Where it would look for the same person now: smaller error, and the start for the next frame."""
    score: float
    """Probability that somebody is there."""
    points: np.ndarray
    """float32 [33,2] px."""
    visibility: np.ndarray
    """float32 [33] 0-1, seen rather than hidden."""
    presence: np.ndarray
    """float32 [33] 0-1, inside the crop."""
    heat: np.ndarray
    """float32 [33] 0-1, peak of the heat map."""
    world: np.ndarray
    """float32 [33,3] metres about the hips' middle, camera axes (x right, y down, z forward)."""
    mask: np.ndarray
    """uint8 [256,256] 0-255, the person's mask within the crop."""
    covariance: np.ndarray
    """float32 [33,2,2] px², of each landmark's error."""

    def without_mask(self) -> Pose:
        """The same pose, small enough to keep for every frame."""
        return replace(self, mask=np.zeros((0, 0), np.uint8))

    @property
    def torso_middle(self) -> np.ndarray:
        """float32 [2] px"""
        return self.points[list(TORSO)].mean(0)

    @property
    def torso_length(self) -> float:
        """px, from the middle of the shoulders to that of the hips."""
        torso = self.points[list(TORSO)]
        return float(np.linalg.norm(torso[:2].mean(0) - torso[2:].mean(0)))

    @property
    def scale(self) -> float:
        """A length in px that grows with the person: the torso's, or a fraction of the whole if that is more."""
        return float(max(self.torso_length, 0.25 * np.linalg.norm(np.ptp(self.points, 0)), 1.0))

    @property
    def quality(self) -> float:
        """0-1, how clear the body's joints are."""
        return self.score * float(self.heat[BODY].mean())


class LandmarkNetwork:
    """BlazePose, which answers for one person in each crop."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def predict(self, image: np.ndarray, crops: Sequence[Crop]) -> list[Pose]:
        """What is seen in each crop of image uint8 [H,W,3]; one Pose for each, however low its score."""
        if not crops:
            return []
        crops = [crop.snapped() for crop in crops]
        patches = np.stack([cut_out(image, crop, self._network.size, replicate=True) for crop in crops])
        outputs = self._network.run(patches.astype(np.float32) / 255)
        return [self._decode(crop, *arrays) for crop, *arrays in zip(crops, *outputs)]

    def _decode(
        self,
        crop: Crop,
        raw: np.ndarray,
        score: np.ndarray,
        mask: np.ndarray,
        heat_maps: np.ndarray,
        world: np.ndarray,
    ) -> Pose:
        count = len(LANDMARKS)
        values = raw.reshape(-1, 5)
        points = to_picture(crop, _refined(values[:, :2] / self._network.size, heat_maps))
        visibility, presence = expit(values[:, 3]), expit(values[:, 4])
        metric = world.reshape(-1, 3)[:count].copy()
        metric[:, :2] = metric[:, :2] @ rotation(crop.angle).T
        return Pose(
            crop,
            crop_from_axis(points[count], points[count + 1], BODY_CROP_SCALE),
            float(score[0]),
            points[:count].astype(np.float32),
            visibility[:count],
            presence[:count],
            expit(heat_maps[..., :count].max((0, 1))),
            metric.astype(np.float32),
            (expit(mask[..., 0]) * 255).astype(np.uint8),
            covariance_of_confidence((visibility * presence)[:count], crop.size),
        )


def mask_in_picture(pose: Pose, picture_size: tuple[int, int], width: int) -> np.ndarray:
    """uint8 [h,width] 0-255, the pose's mask in the whole picture of (width, height) px, shrunk to `width`."""
    return put_back(pose.mask, pose.crop, picture_size, width)


def _refined(points: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Move points [N,2] (0-1) to the centre of mass of their heat map, of which the logits [h,w,N] are given, in a window around
    them."""
    height, width, count = logits.shape
    radius = _REFINE_RADIUS
    column, row = np.trunc(points * (width, height)).astype(int).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    padded = np.pad(logits, ((radius, radius), (radius, radius), (0, 0)), constant_values=-np.inf)
    offset = np.arange(2 * radius + 1)
    rows = np.where(inside, row, 0)[:, None] + offset
    columns = np.where(inside, column, 0)[:, None] + offset
    window = expit(padded[rows[:, :, None], columns[:, None, :], np.arange(count)[:, None, None]])
    total = window.sum((1, 2))
    centre = np.stack(
        [
            (window.sum(1) * (columns - radius)).sum(1) / (width * np.maximum(total, 1e-9)),
            (window.sum(2) * (rows - radius)).sum(1) / (height * np.maximum(total, 1e-9)),
        ],
        1,
    )
    sure = inside & (window.max((1, 2)) >= _REFINE_LEAST)
    return np.where(sure[:, None], centre, points)
