"""Everyone in one picture: skeletons from detections and from regions where somebody is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..weights import HAND_LANDMARKS, PALM_DETECTOR, POSE_DETECTOR, POSE_LANDMARKS
from .backends import Network, NetworkBackend
from .detector import PALM, PERSON, Detector, body_region
from .landmarks import BODY, LandmarkNetwork, Pose, mirror_pose
from .regions import Region, mirror_region, similar

_DETECTION_THRESHOLD = 0.3
_MOST_DETECTIONS = 6
_LEAST_SCORE = 0.5
_SAME_REGION = 0.12
"""A second look at a region closer than this to one looked at shows nothing new."""


_MOST_GUESSED = 0.6
_GUESS_TRUST = 0.3
_PAINT_WIDTH = 80
_PAINT_SIGMAS = (1.0, 3.0, 9.0, 27.0)


@dataclass(frozen=True)
class Networks:
    """The four 2D networks, loaded by one backend."""

    people: Detector
    body: LandmarkNetwork
    palms: Detector
    hand: Network


def load_networks(files: dict[str, Path], backend: NetworkBackend) -> Networks:
    """Load the files that `weights.ensure(PERCEPTION_WEIGHTS, ...)` returned."""
    return Networks(
        Detector(backend.load(files[POSE_DETECTOR.name]), PERSON),
        LandmarkNetwork(backend.load(files[POSE_LANDMARKS.name])),
        Detector(backend.load(files[PALM_DETECTOR.name]), PALM),
        backend.load(files[HAND_LANDMARKS.name]),
    )


def look_past(networks: Networks, image: np.ndarray, hidden: np.ndarray, regions: Sequence[Region]) -> list[Pose]:
    """What is seen in the regions when the pixels of other people are painted over.

    image uint8 [H,W,3], hidden bool [H,W]. Somebody behind another person is found that way more often than not. Each
    region is looked at twice and once more in a mirror, whose errors are others.
    """
    painted = _without(image, hidden)
    poses = candidates_at(networks, painted, regions) + _in_mirror(networks, painted, regions)
    trusted = [_hidden_behind(pose, hidden) for pose in poses]
    return [pose for pose in trusted if pose is not None]


def _in_mirror(networks: Networks, image: np.ndarray, regions: Sequence[Region]) -> list[Pose]:
    width = image.shape[1]
    poses = networks.body.look(np.ascontiguousarray(image[:, ::-1]), [mirror_region(r, width) for r in regions])
    return [mirror_pose(pose, width) for pose in poses if pose.score >= _LEAST_SCORE]


def candidates(
    networks: Networks, image: np.ndarray, windows: Sequence[Region], expected: Sequence[Region]
) -> list[Pose]:
    """All skeletons seen when looking into `windows` for people and straight at the `expected` regions.

    image uint8 [H,W,3]. Each region is looked at twice, the second time where the first look says the person is; both
    results are kept, for either may be the better one. The same person is usually there several times.
    """
    regions = list(expected)
    for person in networks.people.detect(image, windows, _DETECTION_THRESHOLD)[:_MOST_DETECTIONS]:
        region = body_region(person)
        if not any(similar(region, known, _SAME_REGION) for known in regions):
            regions.append(region)
    return candidates_at(networks, image, regions)


def candidates_at(networks: Networks, image: np.ndarray, regions: Sequence[Region]) -> list[Pose]:
    """Skeletons in the regions and, where that is elsewhere, in the regions that the first look asks for."""
    first = networks.body.look(image, regions)
    better: list[Region] = []
    for pose in first:
        known = [*regions, *better]
        if pose.score >= _LEAST_SCORE and not any(similar(pose.next_region, r, _SAME_REGION) for r in known):
            better.append(pose.next_region)
    return [pose for pose in first + networks.body.look(image, better) if pose.score >= _LEAST_SCORE]


def _hidden_behind(pose: Pose, hidden: np.ndarray) -> Pose | None:
    """The pose with less trust in landmarks under the paint, which are guesses; None if most of the body is."""
    column, row = np.clip(pose.points.astype(int).T, 0, [[hidden.shape[1] - 1], [hidden.shape[0] - 1]])
    guessed = hidden[row, column]
    if guessed[BODY].mean() > _MOST_GUESSED:
        return None
    trust = np.where(guessed, _GUESS_TRUST, 1).astype(np.float32)
    return replace(pose, visibility=pose.visibility * trust)


def _without(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The image with the hidden pixels filled from around them, smoothly: a flat fill would keep a person's outline."""
    height, width = hidden.shape
    small = (_PAINT_WIDTH, max(1, round(height * _PAINT_WIDTH / width)))
    kept = cv2.resize((~hidden).astype(np.float32), small, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(image, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    kept = np.where(kept > 0.99, 1.0, 0.0).astype(np.float32)
    fill, weight = colours * kept[..., None], kept
    filled, total = np.zeros_like(colours), np.zeros_like(kept)
    for sigma in _PAINT_SIGMAS:  # the finest scale that reaches a pixel decides its colour
        blurred, reached = cv2.GaussianBlur(fill, (0, 0), sigma), cv2.GaussianBlur(weight, (0, 0), sigma)
        share = np.clip(reached, 0, 1) * (1 - total)
        filled += blurred / np.maximum(reached, 1e-6)[..., None] * share[..., None]
        total += share
    filled /= np.maximum(total, 1e-6)[..., None]
    paint = cv2.resize(np.clip(filled, 0, 255).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    painted = image.copy()
    cv2.copyTo(paint, hidden.astype(np.uint8), painted)
    return painted
