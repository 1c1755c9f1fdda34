"""Palms as boxes with key points, by a single-shot detector.

Decoding as in MediaPipe (Zhang et al., "MediaPipe Hands", 2020): fixed anchors, scores as logits, boxes and points relative to
their anchor, overlapping detections averaged by score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from .backends import Network
from .boxes import box_iou
from .crops import Crop, cut_out

_ANCHORS_PER_CELL = 2
_OVERLAP = 0.3
"""Boxes that overlap by more (intersection over union) are the same find."""


_STRIDES = (8, 16, 16, 16)
_POINTS = 7


@dataclass(frozen=True)
class Detection:
    """A palm."""

    score: float
    box: np.ndarray
    """float64 [4], left, top, right, bottom in px."""
    points: np.ndarray
    """float64 [7,2] px: wrist, knuckles and thumb."""


class PalmDetector:
    """MediaPipe's palm detector."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._anchors = _anchor_centres(network.size, _STRIDES)

    def detect(self, image: np.ndarray, windows: Sequence[Crop], threshold: float) -> list[Detection]:
        """Everything found in any of the upright square windows of image uint8 [H,W,3], best first."""
        if not windows:
            return []
        patches = np.stack([cut_out(image, window, self._network.size, replicate=False) for window in windows])
        pictures = patches.astype(np.float32) / 255
        boxes, logits = self._network.run(pictures)
        rows = [
            self._decode(box, expit(logit[:, 0].astype(np.float64)), window, threshold)
            for box, logit, window in zip(boxes, logits, windows)
        ]
        return _merged(np.concatenate(rows))

    def _decode(self, raw: np.ndarray, scores: np.ndarray, window: Crop, threshold: float) -> np.ndarray:
        """One window's finds as rows of score, box [4] and points [2K], in px of the picture."""
        sure = scores >= threshold
        raw, anchors = raw[sure].astype(np.float64) / self._network.size, self._anchors[sure]
        centre, extent = raw[:, :2] + anchors, raw[:, 2:4]
        points = raw[:, 4:].reshape(len(raw), _POINTS, 2) + anchors[:, None]
        places = np.concatenate([centre - extent / 2, centre + extent / 2, points.reshape(-1, 2 * _POINTS)], 1)
        corner = np.array([window.x, window.y]) - window.size / 2
        return np.column_stack([scores[sure], places * window.size + np.tile(corner, 2 + _POINTS)])


def _anchor_centres(size: int, strides: tuple[int, ...]) -> np.ndarray:
    """float64 [N,2], 0-1. Layers of equal stride share their cells."""
    centres = []
    for stride in dict.fromkeys(strides):
        cells = size // stride
        y, x = np.mgrid[:cells, :cells]
        grid = np.stack([(x.ravel() + 0.5) / cells, (y.ravel() + 0.5) / cells], 1)
        centres.append(np.repeat(grid, _ANCHORS_PER_CELL * strides.count(stride), 0))
    return np.concatenate(centres)


def _merged(rows: np.ndarray) -> list[Detection]:
    """Non-maximum suppression that averages what overlaps, weighted by score; the score stays that of the best."""
    found = []
    rows = rows[np.argsort(-rows[:, 0])]
    while len(rows):
        same = box_iou(rows[:1, 1:5], rows[:, 1:5])[0] > _OVERLAP
        same[0] = True
        weights = rows[same, 0]
        mean = (rows[same, 1:] * weights[:, None]).sum(0) / weights.sum()
        found.append(Detection(float(rows[0, 0]), mean[:4], mean[4:].reshape(_POINTS, 2)))
        rows = rows[~same]
    return found
