"""People found bottom-up: MoveNet MultiPose's centres, boxes and 17 keypoints of up to six people in a square of the picture.

A top-down network answers for whoever is in front of a crop; this one sees joints first and asks whose they are, so it finds both
of two people who overlap more often. Decoding follows the published TensorFlow.js model (see `movenet_graph`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from scipy.special import expit

from .backends import NetworkBackend
from .crops import Crop, cut_out, rotation
from .movenet_graph import STRIDE, movenet_graph

INPUT_SIZE = 384
SMALL_INPUT_SIZE = 256
"""Enough for windows that hold a single person."""
KEYPOINTS = (
    "nose",
    *("left_eye", "right_eye", "left_ear", "right_ear"),
    *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
)
"""COCO's order."""
LIMBS = slice(5, 17)
"""Shoulders to wrists and hips to ankles."""
TRUNK = [5, 6, 11, 12]
CERTAIN_SCORE = 0.6
"""Score from which somebody is there, however few of their limbs are seen: half of them, where legs are outside the picture."""
_MOST_PEOPLE = 6
"""In one window."""
_PEAK_WINDOW = np.ones((5, 5), np.uint8)
_SPREAD = 0.3
"""Twice the variance of a keypoint about its regressed position, in cells² per cell of the map's side."""
_GUESS_TOLERANCE = 0.25
"""Standard deviation of a keypoint about a guess of it, in scales of the person."""
_LEAST_SCORE = 0.01
"""Of a centre, below which there is nobody."""


@dataclass(frozen=True, eq=False)  # arrays have no truth value to compare by
class FoundPerson:
    """Somebody whom MoveNet found."""

    score: float
    """0-1, of the centre."""
    box: Float32[np.ndarray, " 4"]
    """Left, top, right, bottom in px."""
    points: Float32[np.ndarray, "17 2"]
    """px, in the order of KEYPOINTS."""
    confidence: Float32[np.ndarray, " 17"]
    """0-1."""

    @property
    def scale(self) -> float:
        """A length in px that grows with the person: the trunk's, or a quarter of the limbs' extent if that is more."""
        trunk = self.points[[5, 6]].mean(0) - self.points[[11, 12]].mean(0)
        return float(max(np.linalg.norm(trunk), 0.25 * np.linalg.norm(np.ptp(self.points[LIMBS], axis=0)), 1.0))

    @property
    def middle(self) -> Float32[np.ndarray, " 2"]:
        """px, of the trunk."""
        return self.points[TRUNK].mean(0)

    @property
    def quality(self) -> float:
        """0-1, how clearly the limbs are seen."""
        return float(self.confidence[LIMBS].mean())

    def distance_to(self, other: FoundPerson) -> float:
        """Of the trunks' middles, in scales of the larger person."""
        return float(np.linalg.norm(self.middle - other.middle)) / max(self.scale, other.scale)


@dataclass(frozen=True)
class KeypointMaps:
    """Where each kind of keypoint is, of anybody, in a part of the picture."""

    origin: tuple[float, float]
    """px in the picture of the first cell."""
    cell: float
    """Side of a cell in px."""
    values: Float32[np.ndarray, "h w 17"]
    """0-1, in the order of KEYPOINTS."""
    offsets: Float32[np.ndarray, "h w 34"]
    """Cells from each cell's index to the keypoint that its value is of, y before x."""

    def nearest_keypoints(self, expected: Float[np.ndarray, "17 2"], scale: float) -> FoundPerson:
        """Somebody whose centre was not found, from a guess of their keypoints in px: the maxima of the maps around it.

        `scale` in px is how large the person is: see `FoundPerson.scale`. The score is 0.
        """
        places = ((expected - self.origin) / self.cell)[:, ::-1]
        reach = 2 * scale / self.cell
        box = np.clip(np.stack([places.min(0) - reach, places.max(0) + reach]), 0, self.values.shape[:2])
        variance = 2 * (_GUESS_TOLERANCE * scale / self.cell) ** 2
        points, confidence = _keypoints(self.values, self.offsets, box, places, variance)
        points = points[:, ::-1] * self.cell + self.origin
        low, high = points.min(0), points.max(0)
        return FoundPerson(0.0, np.concatenate([low, high]).astype(np.float32), points.astype(np.float32), confidence)

    def resampled(self, crop: Crop, side: int) -> Float32[np.ndarray, "S S 17"]:
        """The maps in a crop of the picture, zeros where they do not reach; S = `side`."""
        to_map = rotation(crop.angle) * (crop.size / self.cell / side)
        middle = (np.array([crop.x, crop.y]) - self.origin) / self.cell
        matrix = np.column_stack([to_map, middle - to_map @ (side / 2, side / 2)])
        parts = [
            # OpenCV remaps at most four channels at a time.
            cv2.warpAffine(part, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP).reshape(
                side, side, -1
            )
            for part in np.split(self.values, range(4, self.values.shape[2], 4), 2)
        ]
        return np.concatenate(parts, 2)


class MoveNet:
    """Finds people in the whole picture and in squares of it."""

    def __init__(self, backend: NetworkBackend, picture_size: tuple[int, int], input_size: int = INPUT_SIZE) -> None:
        """For pictures of (width, height) px. UserError `weights-missing` or `weights-wrong`."""
        self._input_size, self.at_once = input_size, backend.at_once
        scale = input_size / max(picture_size)
        width, height = (-(-round(side * scale) // 32) * 32 for side in picture_size)
        self._square = backend.load(movenet_graph(input_size, input_size))
        self._small_square = backend.load(movenet_graph(SMALL_INPUT_SIZE, SMALL_INPUT_SIZE))
        # Most pictures are far from square: a network of their shape takes little more than half of the time.
        self._whole = self._square if width == height else backend.load(movenet_graph(height, width))

    def find_everywhere(self, images: Sequence[UInt8[np.ndarray, "H W 3"]]) -> list[list[FoundPerson]]:
        """Up to six people in each of some whole pictures of one size, best first; `at_once` pictures are a good number."""
        if not images:
            return []
        scale = self._input_size / max(images[0].shape[:2])
        height, width = (round(side * scale) for side in images[0].shape[:2])
        padded = np.zeros((len(images), *self._whole.shape, 3), np.uint8)
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        for each, image in zip(padded, images):
            each[:height, :width] = cv2.resize(image, (width, height), interpolation=interpolation)
        outputs = self._whole.run(_normalized(padded))
        return [_decode((0.0, 0.0), STRIDE / scale, *arrays)[0] for arrays in zip(*outputs)]

    def find(
        self, image: UInt8[np.ndarray, "H W 3"], windows: Sequence[Crop], side: int = INPUT_SIZE
    ) -> list[tuple[list[FoundPerson], KeypointMaps]]:
        """Up to six people in each upright window, best first, and the window's keypoint maps.

        The network sees each window with `side` x `side` px: INPUT_SIZE or SMALL_INPUT_SIZE.
        """
        if not windows:
            return []
        network = self._small_square if side == SMALL_INPUT_SIZE else self._square
        patches = np.stack([_cut_out_shrunk(image, window, network.size) for window in windows])
        outputs = network.run(_normalized(patches))
        return [
            _decode(
                (window.x - window.size / 2, window.y - window.size / 2),
                window.size / network.size * STRIDE,
                *arrays,
            )
            for window, *arrays in zip(windows, *outputs)
        ]


def _normalized(pictures: UInt8[np.ndarray, "B H W 3"]) -> Float32[np.ndarray, "B H W 3"]:
    return pictures.astype(np.float32) / np.float32(127.5) - 1


def _cut_out_shrunk(image: np.ndarray, window: Crop, side: int) -> np.ndarray:
    """The window resampled to side x side pixels, black outside the picture, without aliasing where it shrinks a lot."""
    factor = int(window.size / side)
    if factor > 1:
        height, width = image.shape[:2]
        image = cv2.resize(image, (-(-width // factor), -(-height // factor)), interpolation=cv2.INTER_AREA)
        scale = image.shape[1] / width
        window = Crop(window.x * scale, window.y * scale, window.size * scale)
    return cut_out(image, window, side, replicate=False)


def _decode(
    origin: tuple[float, float],
    cell: float,
    centers: Float[np.ndarray, "h w 1"],
    box_sizes: Float[np.ndarray, "h w 2"],
    box_offsets: Float[np.ndarray, "h w 2"],
    maps: Float[np.ndarray, "h w 17"],
    regressions: Float[np.ndarray, "h w 34"],
    offsets: Float[np.ndarray, "h w 34"],
) -> tuple[list[FoundPerson], KeypointMaps]:
    """The people around the centres' local maxima. Each keypoint is the maximum of its map, weighted with a Gaussian around the
    position that the centre regresses, inside the person's box. `origin` and `cell` are those of `KeypointMaps`."""
    heat = expit(maps)
    scores = expit(centers[..., 0])
    peaks = np.where(scores == cv2.dilate(scores, _PEAK_WINDOW), scores, 0)
    best = np.argsort(-peaks, axis=None, kind="stable")[:_MOST_PEOPLE]
    people = []
    for row, column in zip(*np.unravel_index(best, peaks.shape)):
        if peaks[row, column] < _LEAST_SCORE:
            break
        center = np.array([row, column]) + box_offsets[row, column]
        half = np.maximum(box_sizes[row, column], 0) / 2
        box = np.clip([center - half, center + half], 0, scores.shape)
        expected = (row, column) + regressions[row, column].reshape(-1, 2)
        points, confidence = _keypoints(heat, offsets, box, expected, _SPREAD * min(scores.shape))
        people.append(
            FoundPerson(
                float(peaks[row, column]),
                (box[:, ::-1] * cell + origin).ravel().astype(np.float32),
                (points[:, ::-1] * cell + origin).astype(np.float32),
                confidence,
            )
        )
    return people, KeypointMaps(origin, cell, heat, offsets)


def _keypoints(
    heat: np.ndarray, offsets: np.ndarray, box: np.ndarray, expected: np.ndarray, variance: float
) -> tuple[np.ndarray, np.ndarray]:
    """One person's keypoints [17,2] in cells, y before x, and their confidences [17].

    They are the maxima in the box [2,2] of each map times exp(-d² / variance) with the distance d from the `expected` place.
    """
    count = heat.shape[2]
    # A cell belongs to the box where its index is at least the box's start and less than its end.
    (top, left), (bottom, right) = np.ceil(box).astype(int)
    inside = heat[top:bottom, left:right]
    if not inside.size:
        return expected, np.zeros(count, np.float32)
    vertical = np.exp(-((np.arange(top, bottom)[:, None] - expected[:, 0]) ** 2) / variance)
    horizontal = np.exp(-((np.arange(left, right)[:, None] - expected[:, 1]) ** 2) / variance)
    weighted = inside * vertical[:, None] * horizontal[None]
    place = weighted.reshape(-1, count).argmax(0)
    rows, columns = np.unravel_index(place, inside.shape[:2])
    rows, columns = rows + top, columns + left
    keypoints = np.arange(count)
    refined = offsets[rows, columns].reshape(count, count, 2)[keypoints, keypoints]
    return np.column_stack([rows, columns]) + refined, weighted.max((0, 1)).astype(np.float32)
