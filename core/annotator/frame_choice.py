"""Chooses the frames of a clip that are worth looking at: where the two people are near each other and something changes."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Bool, Float, Int

from ..motion import median_time_step
from ..perception.detections import Detections

CONFIDENT = 0.3
"""Confidence above which a keypoint belongs to what is shown."""
_NEAR = 0.25
"""Heights of a person; the gap over which nearness falls to a third."""
_BASE = 0.15
"""Importance of a frame in which nothing happens, so that no stretch is without pictures."""
_LARGE_GAP = 3.0
"""Heights; of frames in which somebody is not seen."""


def cut_stretches(detections: Detections, seconds: float, most: int) -> list[slice]:
    """Positions of the clip's frames in stretches of about `seconds`, cut where the two are farthest from each other."""
    time = np.asarray(detections.time)
    count = min(most, max(1, math.ceil((float(time[-1] - time[0]) + median_time_step(time)) / seconds)), len(time))
    length, gap = len(time) / count, pair_gap(detections)
    cuts = [0]
    for number in range(1, count):
        middle, margin = round(number * length), int(length / 4)
        around = np.arange(max(cuts[-1] + 1, middle - margin), min(len(time) - 1, middle + margin) + 1)
        off_centre = np.abs(around - middle) / max(margin, 1)
        cuts.append(int(around[np.argmax(gap[around] - 0.01 * off_centre)]))  # the middle one of equals
    return [slice(first, last) for first, last in zip(cuts, [*cuts[1:], len(time)])]


def choose_frames(detections: Detections, stretch: slice, count: int) -> Int[np.ndarray, " K"]:
    """Positions of at most `count` frames of a stretch, in order, denser where more happens; frames that repeat others never.

    Frames in which both people are found are preferred to those in which one is.
    """
    usable = _usable(detections, stretch)
    if len(usable) <= count:
        return usable
    total = np.cumsum(importance(detections)[usable])
    quantiles = (np.arange(count) + 0.5) / count * total[-1]
    positions = np.searchsorted(total, quantiles).clip(max=len(usable) - 1)
    for rank in range(1, count):  # each frame once, in order
        positions[rank] = max(positions[rank], positions[rank - 1] + 1)
    for rank in range(count - 1, -1, -1):
        positions[rank] = min(positions[rank], len(usable) - count + rank)
    return usable[positions]


def importance(detections: Detections) -> Float[np.ndarray, " T"]:
    """How much each frame is worth being looked at: nearness of the two, more so while they move."""
    nearness, change = np.exp(-pair_gap(detections) / _NEAR), _change(detections)
    return _BASE + nearness * (0.5 + 0.5 * change) + 0.3 * change


def pair_gap(detections: Detections) -> Float[np.ndarray, " T"]:
    """The smallest distance in the picture between confident landmarks of the two people, in heights of a person."""
    gap = np.full(len(detections.time), _LARGE_GAP)
    height = _height(detections)
    seen = _seen(detections)
    for frame in np.flatnonzero(seen.any(-1).all(0)):
        first, second = (detections.keypoints[person, frame, seen[person, frame], :2] for person in (0, 1))
        apart = np.linalg.norm(first[:, None] - second[None], axis=-1).min() / height
        gap[frame] = min(float(apart), _LARGE_GAP)
    return gap


def _usable(detections: Detections, stretch: slice) -> Int[np.ndarray, " K"]:
    inside = np.arange(len(detections.time))[stretch]
    if detections.duplicate is not None and not detections.duplicate[inside].all():
        inside = inside[~detections.duplicate[inside]]
    for wanted in (detections.found[:, inside].all(0), detections.found[:, inside].any(0)):
        if wanted.any():
            return inside[wanted]
    return inside


def _change(detections: Detections) -> Float[np.ndarray, " T"]:
    """Mean speed of confident landmarks in 0-1, where 1 is what the fastest tenth of the frames exceeds."""
    points, seen = detections.keypoints[..., :2].astype(np.float64), _seen(detections)
    if len(detections.time) < 2:
        return np.zeros(len(detections.time))
    step = np.maximum(np.diff(detections.time), 1e-3)
    moved = np.linalg.norm(np.diff(points, axis=1), axis=-1) / step[None, :, None]
    both = seen[:, 1:] & seen[:, :-1]
    speed = (moved * both).sum((0, 2)) / np.maximum(both.sum((0, 2)), 1) / _height(detections)
    speed = np.concatenate([speed[:1], speed])
    window = np.ones(min(5, len(speed)))
    smoothed = np.convolve(speed, window / window.sum(), mode="same")
    return (smoothed / max(float(np.quantile(smoothed, 0.9)), 1e-6)).clip(0, 1)


def _height(detections: Detections) -> float:
    """Pixels that a person is high in the picture: the median over both people and all frames; at least one."""
    seen = _seen(detections)
    y = np.where(seen, detections.keypoints[..., 1], np.nan)
    enough = seen.sum(-1) >= 5
    if not enough.any():
        return float(detections.image_size[1])
    extent = np.nanmax(y[enough], axis=-1) - np.nanmin(y[enough], axis=-1)
    return max(float(np.median(extent)), 1.0)


def _seen(detections: Detections) -> Bool[np.ndarray, "2 T 33"]:
    return (detections.keypoints[..., 2] > CONFIDENT) & detections.found[..., None]
