"""33 landmarks, mask and metric landmarks of the person whose joints are meant, where another person is near or in front.

BlazePose's landmark network answers for whoever is in front. This one takes the same crop, and prompts: where the limb joints of
the person meant, and those of the other person, are thought to be. A prompt may be wrong in places, or missing: with the other
person's alone, the answer is whoever is not that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from scipy.special import expit

from ..contract.skeleton import LANDMARK_INDEX, LANDMARKS
from .backends import Network
from .crops import BODY_CROP_SCALE, Crop, crop_from_axis, cut_out, rotation, to_picture
from .movenet import KEYPOINTS, KeypointMaps
from .prompted_graph import LIMB_JOINTS, SIDE

PROMPT_JOINTS = np.array([LANDMARK_INDEX[name] for name in KEYPOINTS[-LIMB_JOINTS:]])
"""The landmarks that prompts are given for: shoulders, elbows, wrists, hips, knees, ankles, left before right, as MoveNet's."""
PROMPT_SPREAD = 1.6
"""Least standard deviation in cells of the Gaussians that show a prompt."""
TARGET_SPREAD = 1.5
"""Standard deviation in cells of the heat maps that the network was trained on."""
_LOGIT_RANGE = (-8.0, 4.0)
_FEATURE_SCALE = 4.0
_MAP_SCALE = 2.0
_WINDOW = 3
"""Cells around the maximum, on either side, whose centre of mass is the landmark."""
_LEAST_CONFIDENCE = 0.1
"""Joints of a prompt with less confidence do not decide about the crop."""
ASKED_SCALE = 1.15
"""How much larger the crop is where only the other person is known."""
_BEYOND_JOINTS = 1.1
"""How far head and feet reach beyond the limb joints."""
_COARSE = 16
"""Cells along a side of the maps of metric positions and visibility."""
_COUNT = len(LANDMARKS)
_HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
_SHOULDERS, _HIP_JOINTS = slice(0, 2), slice(6, 8)


@dataclass(frozen=True)
class JointPrompt:
    """Where a person's limb joints are thought to be, in the order of PROMPT_JOINTS."""

    points: Float[np.ndarray, "12 2"]
    """px"""
    confidence: Float[np.ndarray, " 12"]
    """0-1; joints with 0 are not given."""
    sigma: Float[np.ndarray, " 12"]
    """px; standard deviation of each coordinate, 0 where it is not known."""

    @classmethod
    def of_keypoints(cls, points: Float[np.ndarray, "17 2"], confidence: Float[np.ndarray, " 17"]) -> JointPrompt:
        """MoveNet's keypoints of a person."""
        return cls(points[-LIMB_JOINTS:], np.clip(confidence[-LIMB_JOINTS:], 0, 1), np.zeros(LIMB_JOINTS))


@dataclass(frozen=True)
class Query:
    """Whose landmarks are asked for, and where to look."""

    crop: Crop
    own: JointPrompt | None = None
    other: JointPrompt | None = None
    """Without `own`: whoever is not that one. Without either: whoever the picture shows most clearly."""
    keypoint_maps: KeypointMaps | None = None
    """MoveNet's, of a square that holds the crop."""


@dataclass(frozen=True)
class PromptedPose:
    """The answer for one query."""

    crop: Crop
    points: Float32[np.ndarray, "33 2"]
    """px"""
    confidence: Float32[np.ndarray, " 33"]
    """0-1: the probability mass of the heat map around the maximum, about the probability that the landmark is there."""
    covariance: Float32[np.ndarray, "33 2 2"]
    """px², of the whole heat map about the landmark: large where there are several places where it may be."""
    visibility: Float32[np.ndarray, " 33"]
    """0-1, the probability that nobody hides the landmark and that it is inside the picture."""
    metric: Float32[np.ndarray, "33 3"]
    """metres about the hips' middle, camera axes (x right, y down, z forward along the line of sight)."""
    mask: UInt8[np.ndarray, "64 64"]
    """0-255, what is visible of the person within the crop."""
    front: float
    """0-1, the probability that the person is in front of the other one where both overlap."""

    def prompt(self) -> JointPrompt:
        """The answer as a prompt, for the next look or the next frame."""
        sigma = np.sqrt(np.trace(self.covariance[PROMPT_JOINTS], axis1=1, axis2=2) / 2)
        limit = PROMPT_SPREAD * 4 * self.crop.size / SIDE
        return JointPrompt(
            self.points[PROMPT_JOINTS], np.clip(0.2 + self.confidence[PROMPT_JOINTS], 0, 1), np.minimum(sigma, limit)
        )

    def without_mask(self) -> PromptedPose:
        """The same pose, small enough to keep for every frame."""
        return replace(self, mask=np.zeros((0, 0), np.uint8))


class PromptedLandmarks:
    """Both parts of the network, on a backend."""

    def __init__(self, trunk: Network, head: Network) -> None:
        self._trunk, self._head = trunk, head

    def predict(self, image: UInt8[np.ndarray, "H W 3"], queries: Sequence[Query]) -> list[PromptedPose]:
        """The poses that are asked for; ask for both people at once."""
        if not queries:
            return []
        queries = [replace(query, crop=query.crop.snapped()) for query in queries]
        patches = np.stack([cut_out(image, query.crop, self._trunk.size, replicate=True) for query in queries])
        features, heat, *coarse = self._trunk.run(patches.astype(np.float32) / 255)
        inputs = np.stack([head_input(query, *arrays) for query, *arrays in zip(queries, features, heat)])
        return [decode(query.crop, *outputs) for query, *outputs in zip(queries, *self._head.run(inputs, *coarse))]


def crop_of_joints(points: Float[np.ndarray, "12 2"], confidence: Float[np.ndarray, " 12"]) -> Crop:
    """Where to look for a person whose limb joints are about known: as BlazePose's crops lie, around the hips' middle, upright
    along the trunk."""
    hips, shoulders = points[_HIP_JOINTS].mean(0), points[_SHOULDERS].mean(0)
    used = confidence > _LEAST_CONFIDENCE
    used[_SHOULDERS] = used[_HIP_JOINTS] = True
    radius = float(np.linalg.norm(points[used] - hips, axis=-1).max()) * _BEYOND_JOINTS
    axis = shoulders - hips
    length = float(np.linalg.norm(axis))
    up = axis / length if length > 1e-6 else np.array([0.0, -1.0])
    return crop_from_axis(hips, hips + up * radius, BODY_CROP_SCALE)


def to_cells(crop: Crop, points: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n 2"]:
    """Positions in the picture -> cells of the head's maps; whole numbers are the cells' edges."""
    return ((points - (crop.x, crop.y)) @ rotation(crop.angle) / crop.size + 0.5) * SIDE


def head_input(
    query: Query, features: Float[np.ndarray, "64 64 48"], heat: Float[np.ndarray, "64 64 39"]
) -> Float32[np.ndarray, "64 64 C"]:
    """What the head sees: the trunk's outputs for the query's crop, keypoint maps and prompts."""
    maps = query.keypoint_maps
    anybody = np.zeros((SIDE, SIDE, LIMB_JOINTS), np.float32)
    if maps is not None:
        anybody = _MAP_SCALE * maps.resampled(query.crop, SIDE)[..., -LIMB_JOINTS:]
    parts = [
        features / _FEATURE_SCALE,
        np.clip(heat[..., :_COUNT], *_LOGIT_RANGE) / _LOGIT_RANGE[1],
        anybody,
        _prompt_maps(query.crop, query.own),
        _prompt_maps(query.crop, query.other),
    ]
    return np.concatenate(parts, -1).astype(np.float32)


def gaussians(
    cells: Float[np.ndarray, "n 2"], weight: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> Float32[np.ndarray, "64 64 n"]:
    """A Gaussian of height `weight` and deviation `sigma` (cells) around each position."""
    middle = np.arange(SIDE) + 0.5
    horizontal = np.exp(-((middle[:, None] - cells[:, 0]) ** 2) / (2 * sigma**2))
    vertical = np.exp(-((middle[:, None] - cells[:, 1]) ** 2) / (2 * sigma**2))
    return (vertical[:, None] * horizontal[None] * weight).astype(np.float32)


def decode(
    crop: Crop,
    maps: Float[np.ndarray, "64 64 34"],
    locations: Float[np.ndarray, "16 16 132"],
    whole: Float[np.ndarray, "1 1 100"],
) -> PromptedPose:
    """The head's outputs for one query as a pose in the picture."""
    probability = _softmax(maps[..., :_COUNT])
    cells, confidence, covariance = _centres(probability)
    to_px = rotation(crop.angle) * (crop.size / SIDE)
    metric, visible = metric_and_visibility(probability, locations, whole[0, 0])
    metric[:, :2] = metric[:, :2] @ rotation(crop.angle).T
    return PromptedPose(
        crop=crop,
        points=to_picture(crop, cells / SIDE).astype(np.float32),
        confidence=confidence.astype(np.float32),
        covariance=(to_px @ covariance @ to_px.T).astype(np.float32),
        visibility=expit(visible).astype(np.float32),
        metric=metric.astype(np.float32),
        mask=(255 * expit(maps[..., _COUNT])).astype(np.uint8),
        front=float(expit(whole[0, 0, -1])),
    )


def metric_and_visibility(
    probability: Float[np.ndarray, "64 64 33"],
    locations: Float[np.ndarray, "16 16 132"],
    whole: Float[np.ndarray, " 100"],
) -> tuple[Float[np.ndarray, "33 3"], Float[np.ndarray, " 33"]]:
    """Metric positions in the crop's axes and logits of visibility: each landmark's maps, read where the landmark is."""
    coarse = cv2.resize(probability, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).reshape(-1, _COUNT)
    weight = coarse / np.maximum(coarse.sum(0), 1e-12)
    values = np.einsum("cn,cnk->nk", weight, locations.reshape(-1, _COUNT, 4))
    metric = values[:, :3] + whole[: 3 * _COUNT].reshape(_COUNT, 3)
    return metric - metric[_HIPS].mean(0), values[:, 3]


def _prompt_maps(crop: Crop, prompt: JointPrompt | None) -> np.ndarray:
    if prompt is None:
        return np.zeros((SIDE, SIDE, LIMB_JOINTS), np.float32)
    sigma = np.maximum(prompt.sigma / crop.size * SIDE, PROMPT_SPREAD)
    return gaussians(to_cells(crop, prompt.points), prompt.confidence, sigma)


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Over the cells, for each landmark."""
    power = np.exp(logits - logits.max((0, 1)))
    return (power / power.sum((0, 1))).astype(np.float32)


def _centres(
    probability: Float[np.ndarray, "64 64 n"],
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, " n"], Float[np.ndarray, "n 2 2"]]:
    """Each map's centre of mass around its maximum in cells, the mass there, and the whole map's covariance about it in cells².

    The covariance leaves out what the training targets' own width adds.
    """
    count = probability.shape[2]
    row, column = np.unravel_index(probability.reshape(-1, count).argmax(0), (SIDE, SIDE))
    mass, centre = _window_moments(probability, row, column)
    middle = np.arange(SIDE) + 0.5
    horizontal, vertical = probability.sum(0), probability.sum(1)
    dx, dy = middle[:, None] - centre[:, 0], middle[:, None] - centre[:, 1]
    xx, yy = (horizontal * dx**2).sum(0), (vertical * dy**2).sum(0)
    xy = np.einsum("yxn,yn,xn->n", probability, dy, dx)
    covariance = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2)
    values, vectors = np.linalg.eigh(covariance)
    narrower = np.maximum(values - TARGET_SPREAD**2, 0.25**2)
    return centre, mass, (vectors * narrower[:, None]) @ vectors.swapaxes(1, 2)


def _window_moments(
    probability: np.ndarray, row: Int[np.ndarray, " n"], column: Int[np.ndarray, " n"]
) -> tuple[np.ndarray, np.ndarray]:
    """Mass [n] and centre [n,2] (cells, x first) of each map in a window around a cell."""
    padded = np.pad(probability, ((_WINDOW, _WINDOW), (_WINDOW, _WINDOW), (0, 0)))
    offset = np.arange(2 * _WINDOW + 1)
    rows, columns = row[:, None] + offset, column[:, None] + offset
    window = padded[rows[:, :, None], columns[:, None, :], np.arange(len(row))[:, None, None]]
    mass = window.sum((1, 2))
    x = (window.sum(1) * (columns - _WINDOW + 0.5)).sum(1) / mass
    y = (window.sum(2) * (rows - _WINDOW + 0.5)).sum(1) / mass
    return mass, np.stack([x, y], 1)
