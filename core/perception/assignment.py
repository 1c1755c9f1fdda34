"""Which skeleton belongs to whom: people and candidate skeletons matched together, with a price on sharing one."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..contract.skeleton import LANDMARK_INDEX
from .landmarks import TORSO

LIMBS = [
    LANDMARK_INDEX[f"{side}_{part}"]
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
"""Shoulders to wrists and hips to ankles."""
_TOLERANCE = 0.25
"""Distance, in body scales, at which the agreement of two joints has fallen to exp(-1/2)."""
_TORSO_TOLERANCE = 0.15
_COLLAPSE_PRICE = 3.0
_COLLAPSE_FREE = 0.25
"""Skeletons less similar than this are different people's, however close."""
NOBODY = -1


def similarity(a: np.ndarray, b: np.ndarray, scale_a: np.ndarray, scale_b: np.ndarray) -> np.ndarray:
    """How alike skeletons are: [N,33,2] and [M,33,2] px, their scales [N] and [M] -> [N,M] in 0-1.

    Object keypoint similarity over the twelve limb joints, with the larger scale of the two.
    """
    return _agreement(a, b, scale_a, scale_b, LIMBS, _TOLERANCE)


def collapse(a: np.ndarray, b: np.ndarray, scale_a: np.ndarray, scale_b: np.ndarray) -> np.ndarray:
    """How surely two skeletons are of one body, in 0-1; arguments as for `similarity`.

    Either all limbs coincide or, more tightly, the four corners of the torsos: a skeleton that borrows another's torso
    often invents limbs of its own.
    """
    return np.maximum(
        similarity(a, b, scale_a, scale_b), _agreement(a, b, scale_a, scale_b, list(TORSO), _TORSO_TOLERANCE)
    )


def _agreement(
    a: np.ndarray, b: np.ndarray, scale_a: np.ndarray, scale_b: np.ndarray, joints: list[int], tolerance: float
) -> np.ndarray:
    scale = np.maximum(scale_a[:, None], scale_b[None]) * tolerance
    distance = ((a[:, None, joints] - b[None, :, joints]) ** 2).sum(-1)
    return np.exp(-distance / (2 * scale[..., None] ** 2)).mean(-1)


def assign(value: np.ndarray, alike: np.ndarray, nobody: float) -> list[int]:
    """For each person the candidate that it takes, or NOBODY.

    value [P,C] is what a candidate is worth to a person (-inf: impossible), alike [C,C] how much candidates coincide
    (0-1), `nobody` the worth of taking none. Two people never take one candidate, and pay when theirs coincide. Found by
    improving all pairs of people in turn until nothing changes: exact for two people.
    """
    people, count = value.shape
    worth = np.concatenate([value, np.full((people, 1), nobody)], 1)
    price = np.zeros((count + 1, count + 1))
    price[:count, :count] = _COLLAPSE_PRICE * np.clip(alike - _COLLAPSE_FREE, 0, None)
    price[range(count), range(count)] = np.inf
    if people == 1:
        return _named([int(worth[0].argmax())], count)
    chosen = [count] * people
    for _ in range(2 * people):
        before = list(chosen)
        for a, b in combinations(range(people), 2):
            others = [chosen[k] for k in range(people) if k not in (a, b)]
            extra = price[:, others].sum(1)
            total = (worth[a] - extra)[:, None] + (worth[b] - extra)[None] - price
            chosen[a], chosen[b] = (int(i) for i in np.unravel_index(np.argmax(total), total.shape))
        if chosen == before:
            break
    return _named(chosen, count)


def _named(chosen: list[int], count: int) -> list[int]:
    return [choice if choice < count else NOBODY for choice in chosen]
