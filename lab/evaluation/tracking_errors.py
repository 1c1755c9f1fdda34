"""How well the 2D stage follows two people through rendered clips: whose limb is whose, frame by frame.

H is the height that a person would have in the picture, standing upright. A person who was not found counts as wrong, and so
does everybody in a clip that was refused. Landmarks beyond the edge of the picture do not count; hidden ones are covered by the
other person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float

from core.perception.detections import Detections
from core.perception.landmarks import LIMBS

from .benchmark_clip import OCCLUDED, TRUNCATED
from .metrics import procrustes
from .occlusion.projection import ProjectedClip

_FOUND_ERROR = 0.1
"""Largest median error, in heights, of a skeleton that counts as found."""
_WORST = 0.3
"""Errors are cut off here, in heights, when it is decided which track is which person."""
PERCENT: tuple[str, ...] = ("both", "PCK.1H", "PCK.05H", "hidden .1H", "hidden .05H")
MILLIMETRES: tuple[str, ...] = ("PA", "PA hidden")


@dataclass(frozen=True)
class TrackingErrors:
    """The errors of twelve limb joints of P = 2 people in T frames."""

    error: Float[np.ndarray, "P T 12"]
    """In heights; infinite where the person was not found."""
    metric_error: Float[np.ndarray, "P T 12"]
    """mm, of the metric landmarks after alignment to the true ones; not a number where the person was not found."""
    hidden: Bool[np.ndarray, "P T 12"]
    inside: Bool[np.ndarray, "P T 12"]
    both: Bool[np.ndarray, " T"]
    """Whether both are found: each with a median error under 0.1 H, and nearer to their own truth than to the other's."""


def tracking_errors(
    detections: Detections | None, truth: ProjectedClip, metric: Float[np.ndarray, "P T 33 3"]
) -> TrackingErrors:
    """The errors of a clip's detections, or of a clip that was refused (None).

    `metric` are the true landmarks about the hips' middle in metres. The tracks are given to the people in the order that fits
    the whole clip: a track that changes from one person to the other is wrong from then on.
    """
    visibility = truth.landmark_visibility[:, :, LIMBS]
    inside, hidden = visibility != TRUNCATED, visibility == OCCLUDED
    if detections is None:
        shape = visibility.shape
        return TrackingErrors(np.full(shape, np.inf), np.full(shape, np.nan), hidden, inside, np.zeros(shape[1], bool))
    orders = {order: _errors(detections, truth, order) for order in permutations((0, 1))}
    order = min(orders, key=lambda each: float(np.minimum(orders[each], _WORST)[inside].mean()))
    own, other = orders[order], _errors(detections, truth, order, of_other=True)
    both = np.array([all(_is_found(own, other, inside, p, t) for p in (0, 1)) for t in range(own.shape[1])])
    metric_error = np.full(own.shape, np.nan)
    for person, track in enumerate(order):
        for step in np.flatnonzero(detections.found[track]):
            target, found = (
                each[step, LIMBS].astype(float) for each in (metric[person], detections.world_landmarks[track])
            )
            metric_error[person, step] = 1000 * np.linalg.norm(procrustes(found, target) - target, axis=-1)
    return TrackingErrors(own, metric_error, hidden, inside, both)


def scores(clips: Sequence[TrackingErrors]) -> Mapping[str, float]:
    """Percent and mm over all frames of some clips; not a number where nothing counts."""
    error, metric, hidden, inside = (
        np.concatenate([getattr(clip, name).ravel() for clip in clips])
        for name in ("error", "metric_error", "hidden", "inside")
    )
    hidden = hidden & inside
    shares = (
        np.concatenate([clip.both for clip in clips]),
        *(error[counted] < limit for counted in (inside, hidden) for limit in (0.1, 0.05)),
    )
    millimetres = (metric[inside & ~hidden], metric[hidden])
    return dict(zip(PERCENT, (100 * _mean(each.astype(float)) for each in shares))) | dict(
        zip(MILLIMETRES, map(_mean, millimetres))
    )


def _errors(
    detections: Detections, truth: ProjectedClip, order: Sequence[int], *, of_other: bool = False
) -> Float[np.ndarray, "P T 12"]:
    """Distances in heights of the tracks in an `order` from the people, or from the respective other one."""
    points = detections.keypoints[list(order)][:, :, LIMBS, :2].astype(float)
    landmarks, height = truth.landmarks_px[:, :, LIMBS], truth.height_px
    if of_other:
        landmarks, height = landmarks[::-1], height[::-1]
    distance = np.linalg.norm(points - landmarks, axis=-1) / height[..., None]
    return np.where(detections.found[list(order)][..., None], distance, np.inf)


def _is_found(own: np.ndarray, other: np.ndarray, inside: np.ndarray, person: int, step: int) -> bool:
    mine, theirs = inside[person, step], inside[1 - person, step]
    if not mine.any():
        return False
    median = float(np.median(own[person, step, mine]))
    return median < _FOUND_ERROR and (not theirs.any() or median <= float(np.median(other[person, step, theirs])))


def _mean(values: np.ndarray) -> float:
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else float("nan")
