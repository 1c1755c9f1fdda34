"""What a person looks like: colours of hair and clothes, to tell people apart after they met."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from .crops import crop_from_axis, cut_out, to_crop
from .movenet import KEYPOINTS, TRUNK, FoundPerson

_SIDE = 64
_REACH = 1.4
"""Half of the crop's side in trunk lengths to each side of the trunk's middle."""
_WIDTH = 0.22
"""Width of a limb in trunk lengths."""
_GREY_BINS, _COLOUR_BINS = 8, 5
_LEAST_PIXELS = 20
_INDEX = {name: index for index, name in enumerate(KEYPOINTS)}
_BANDS = (
    (("left_ear", "right_ear"), ("left_ear", "nose"), ("right_ear", "nose")),
    (("left_shoulder", "right_hip"), ("right_shoulder", "left_hip"), ("left_shoulder", "right_shoulder")),
    (
        ("left_hip", "left_knee"),
        ("right_hip", "right_knee"),
        ("left_knee", "left_ankle"),
        ("right_knee", "right_ankle"),
    ),
)
"""Strips over head, trunk and legs, from keypoint to keypoint."""


def appearance_embedding(image: UInt8[np.ndarray, "H W 3"], person: FoundPerson) -> Float32[np.ndarray, "3 33"]:
    """Histograms of lightness (8 bins) and colour (5 x 5) of strips over the head, trunk and legs.

    Lightness and colour each sum to one half; a band with too few pixels in the picture is all zeros.
    """
    shoulders, hips = person.points[TRUNK[:2]].mean(0), person.points[TRUNK[2:]].mean(0)
    middle = (shoulders + hips) / 2
    length = max(float(np.linalg.norm(shoulders - hips)), 0.5 * person.scale)
    crop = crop_from_axis(middle, middle + [0.0, -_REACH * length], 1.0)
    lab = cv2.cvtColor(cut_out(image, crop, _SIDE, replicate=False), cv2.COLOR_RGB2LAB)
    places = (to_crop(crop, person.points) * _SIDE).round().astype(int)
    width = max(1, round(_WIDTH * length / crop.size * _SIDE))
    rows = []
    for strips in _BANDS:
        inside = np.zeros((_SIDE, _SIDE), np.uint8)
        for a, b in strips:
            cv2.line(inside, places[_INDEX[a]].tolist(), places[_INDEX[b]].tolist(), 255, width)
        pixels = lab[inside > 0].astype(np.int32)
        rows.append(_histogram(pixels) if len(pixels) >= _LEAST_PIXELS else np.zeros(_GREY_BINS + _COLOUR_BINS**2))
    return np.stack(rows).astype(np.float32)


def appearance_similarity(a: Float32[np.ndarray, "3 33"], b: Float32[np.ndarray, "3 33"]) -> float:
    """0-1, mean Bhattacharyya coefficient over the bands that both embeddings have; 0.5 where they share none."""
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
