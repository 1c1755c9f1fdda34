"""What a person looks like: colours of clothes and hair, to tell people apart after they met."""

from __future__ import annotations

import cv2
import numpy as np

from .landmarks import Pose
from .regions import crop

_SIDE = 64
_BANDS = ((0.05, 0.27), (0.27, 0.5), (0.5, 0.95))
"""Head, torso and legs: shares of the region's height. The region is centred on the hips and stands with the body."""
_GREY_BINS, _COLOUR_BINS = 8, 5
_LEAST_PIXELS = 20


def describe(image: np.ndarray, pose: Pose) -> np.ndarray:
    """float32 [3,33], histograms of lightness (8) and colour (5 x 5) in the pose's mask, for head, torso and legs.

    Lightness and colour each sum to one half; a band with too little of the person in it is all zeros.
    """
    lab = cv2.cvtColor(crop(image, pose.region, _SIDE, replicate=True), cv2.COLOR_RGB2LAB)
    inside = cv2.resize(pose.mask, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) > 127
    rows = []
    for top, bottom in _BANDS:
        band = slice(round(top * _SIDE), round(bottom * _SIDE))
        pixels = lab[band][inside[band]].astype(np.int32)
        rows.append(_histogram(pixels) if len(pixels) >= _LEAST_PIXELS else np.zeros(_GREY_BINS + _COLOUR_BINS**2))
    return np.stack(rows).astype(np.float32)


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """0-1, mean Bhattacharyya coefficient over the bands that both descriptors have; 0.5 where they share none."""
    shared = (a.sum(1) > 0) & (b.sum(1) > 0)
    if not shared.any():
        return 0.5
    return float(np.sqrt(a[shared] * b[shared]).sum(1).mean())


def _histogram(lab: np.ndarray) -> np.ndarray:
    grey = np.bincount(lab[:, 0] * _GREY_BINS // 256, minlength=_GREY_BINS)
    # Most clothes have little colour: the bins are narrow (16 levels) about grey, and the outer ones take the rest.
    colour = np.clip((lab[:, 1:] - 128 + 8) // 16 + _COLOUR_BINS // 2, 0, _COLOUR_BINS - 1)
    hue = np.bincount(colour[:, 0] * _COLOUR_BINS + colour[:, 1], minlength=_COLOUR_BINS**2)
    return np.concatenate([grey, hue]) / (2 * len(lab))
