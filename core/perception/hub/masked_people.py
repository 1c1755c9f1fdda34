"""What a person's mask says of them in a frame: where to look for their keypoints, and which pixels are the other's."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from ..crops import mask_height
from ..detections import MASK_WIDTH
from ..movenet import FoundPerson

_IN = 127
_SPECK = 0.1
"""Fraction of the largest piece of a mask below which a piece is a speck."""
_LEAST_PIXELS = 24
"""Of a mask of 256 x 256 for a whole picture: less is nobody."""


def box_of_mask(mask: UInt8[np.ndarray, "S S"], picture_size: tuple[int, int]) -> Float32[np.ndarray, " 4"] | None:
    """Left, top, right, bottom in px of what is visible of a person; None where that is nothing."""
    count, _, stats, _ = cv2.connectedComponentsWithStats((mask > _IN).astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    if areas.max() < _LEAST_PIXELS:
        return None
    large = stats[1:][areas >= _SPECK * areas.max()]
    low = large[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    high = low + large[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    cell = np.array(picture_size) / np.array(mask.shape[::-1])
    return np.concatenate([low.min(0) * cell, high.max(0) * cell]).astype(np.float32)


def whole_box(
    seen: Float32[np.ndarray, " 4"],
    expected: FoundPerson | None,
    masks: UInt8[np.ndarray, "2 S S"],
    person: int,
    picture_size: tuple[int, int],
) -> Float32[np.ndarray, " 4"]:
    """The box of all of a person, of whom the other may hide a part: what is seen, with where the first pass has them.

    `expected` may be somebody else's skeleton where people overlap: it counts only where it lies more on this person's mask than
    on the other's. `picture_size` is (width, height) in px.
    """
    if expected is None:
        return seen
    places = np.floor(expected.points * (masks.shape[2] / np.array(picture_size))).astype(int)
    inside = ((places >= 0) & (places < masks.shape[2])).all(1)
    x, y = places[inside].T
    on = (masks[:, y, x] > _IN).sum(1)
    if on[person] <= on[1 - person]:
        return seen
    points = expected.points
    low, high = np.minimum(seen[:2], points.min(0)), np.maximum(seen[2:], points.max(0))
    return np.concatenate([low, high]).astype(np.float32)


def mask_for_detections(mask: UInt8[np.ndarray, "S S"], picture_size: tuple[int, int]) -> UInt8[np.ndarray, "h w"]:
    """The mask at the size in which the detections keep it."""
    size = (MASK_WIDTH, mask_height(picture_size, MASK_WIDTH))
    return cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
