"""The conditions that make errors of the 2D networks more or less likely: occlusion, truncation and closeness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from ..benchmark_clip import OCCLUDED, TRUNCATED
from ..occlusion.projection import ProjectedClip
from .landmark_groups import BODY, LIMB_ENDS, TRUNK
from .states import (
    CLEAR,
    CLOSENESS_BINS,
    HAND_BINS,
    LIMB_BINS,
    LIMB_DISTANCE_EDGES,
    OCCLUDED_BY_OTHER,
    OTHER_PERSON,
    OUTSIDE_IMAGE,
    SELF_OCCLUDED,
    SIDES_SWAPPED,
    UNRELIABLE,
)

_OCCLUDED_EDGES = (0.15, 0.45)
"""Share of a person's landmarks that the other person occludes: some from the first on, much from the second on."""
_CLOSE, _OVERLAPPING = 0.45, 0.25
"""In body heights: distance in the image between two trunks, below which people are close, and below which they overlap."""
_HAND_NEAR = 0.08
"""In body heights: distance of two wrists in the image, below which hands are often confused."""
_SMALL_PERSON = 230.0
"""px of body height, below which the hand network is not run."""


@dataclass(frozen=True)
class NoiseConditions:
    """P = 2 people, T frames; the bins of `states.py`."""

    landmark_state: Int[np.ndarray, "P T 33"]
    """CLEAR, SELF_OCCLUDED, OCCLUDED_BY_OTHER or OUTSIDE_IMAGE."""
    closeness_bin: Int[np.ndarray, "P T"]
    limb_bin: Int[np.ndarray, "P T 4"]
    hand_bin: Int[np.ndarray, "P T 2"]


def noise_conditions(projected: ProjectedClip) -> NoiseConditions:
    """The conditions of every landmark, person, limb and hand in every frame."""
    occluded = projected.landmark_visibility == OCCLUDED
    state = np.where(occluded, OCCLUDED_BY_OTHER, np.where(projected.self_occluded, SELF_OCCLUDED, CLEAR))
    state = np.where(projected.landmark_visibility == TRUNCATED, OUTSIDE_IMAGE, state)
    limb_bin, end_distance = _limb_bins(projected, occluded)
    wrist = state[:, :, LIMB_ENDS[:2]]
    hand = np.where((wrist == CLEAR) & (end_distance[:, :, :2] < _HAND_NEAR), 4, wrist)
    hand = np.where(projected.height_px[..., None] < _SMALL_PERSON, HAND_BINS - 1, hand)
    return NoiseConditions(state, _closeness_bins(projected, occluded), limb_bin, hand)


def condition_bins(closeness_bin: Int[np.ndarray, "P T"], skeleton_kind: Int[np.ndarray, "P T"]) -> np.ndarray:
    """int [P,T] below CONDITION_BINS: the closeness, or the kind of failure of the skeleton."""
    failures = (skeleton_kind == UNRELIABLE, skeleton_kind == SIDES_SWAPPED, skeleton_kind == OTHER_PERSON)
    return np.select(failures, [CLOSENESS_BINS, CLOSENESS_BINS + 1, CLOSENESS_BINS + 2], closeness_bin)


def _closeness_bins(projected: ProjectedClip, occluded: np.ndarray) -> np.ndarray:
    trunk = projected.landmarks_px[:, :, TRUNK].mean(2)
    distance = np.linalg.norm(trunk[0] - trunk[1], axis=-1) / projected.height_px.max(0)
    closeness = np.where(distance < _OVERLAPPING, 2, np.where(distance < _CLOSE, 1, 0))
    occlusion = np.digitize(occluded[:, :, BODY].mean(2), _OCCLUDED_EDGES)
    return np.where(occlusion > 0, 2 + occlusion, closeness)


def _limb_bins(projected: ProjectedClip, occluded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bins [P,T,4], and the distance [P,T,4] of each limb's end from the other person's nearest end of the same kind."""
    ends = projected.landmarks_px[:, :, LIMB_ENDS]
    distance = np.linalg.norm(ends[0][:, :, None] - ends[1][:, None], axis=-1)
    distance = distance / projected.height_px.max(0)[:, None, None]
    is_leg = np.array([0, 0, 1, 1])
    distance = np.where(is_leg[:, None] == is_leg, distance, np.inf)
    nearest = np.stack([distance.min(2), distance.min(1)])
    bins = np.digitize(nearest, LIMB_DISTANCE_EDGES)
    return bins + LIMB_BINS // 4 * occluded[:, :, LIMB_ENDS] + LIMB_BINS // 2 * is_leg, nearest
