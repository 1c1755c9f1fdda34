"""Assigns candidates to people: values of both matched together, with a penalty where two people take one body."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Protocol

import numpy as np
from jaxtyping import Float

from .movenet import LIMBS, TRUNK

_LIMB_TOLERANCE = 0.25
_TRUNK_TOLERANCE = 0.15
"""Distances, in scales, at which the agreement of two joints has fallen to exp(-1/2)."""
_SAME_BODY_PENALTY = 3.0
"""What two candidates on one body cost, times how much they are alike beyond what is free."""
_SAME_BODY_FREE = 0.25
"""Similarity of two bodies up to which there is no penalty: different people may well be this close."""
UNASSIGNED = -1
"""Stands for the candidate of a person who has none."""


class Skeleton(Protocol):
    """Anything with 17 keypoints."""

    @property
    def points(self) -> Float[np.ndarray, "17 2"]:
        """px, in the order of `movenet.KEYPOINTS`."""
        ...

    @property
    def scale(self) -> float:
        """A length in px that grows with the person."""
        ...


def similarity(a: Sequence[Skeleton], b: Sequence[Skeleton]) -> Float[np.ndarray, "A B"]:
    """Object keypoint similarity (0-1) over the twelve limb joints, with the larger scale of the two."""
    return _keypoint_similarity(a, b, np.arange(17)[LIMBS], _LIMB_TOLERANCE)


def limb_similarity(
    a: Float[np.ndarray, "*n 12 2"], b: Float[np.ndarray, "*n 12 2"], scale: Float[np.ndarray, "*n"]
) -> Float[np.ndarray, "*n"]:
    """The `similarity` of limb joints with those at the same place of another array."""
    return _agreement(a, b, scale * _LIMB_TOLERANCE)


def same_body(a: Sequence[Skeleton], b: Sequence[Skeleton]) -> Float[np.ndarray, "A B"]:
    """How likely two skeletons (0-1) are of one body: the similarity of all limbs or, more tightly, of the trunks.

    A skeleton on another person's trunk often has invented limbs, so the limbs alone do not tell.
    """
    return np.maximum(similarity(a, b), _keypoint_similarity(a, b, np.array(TRUNK), _TRUNK_TOLERANCE))


def _keypoint_similarity(
    a: Sequence[Skeleton], b: Sequence[Skeleton], joints: np.ndarray, tolerance: float
) -> np.ndarray:
    points_a, points_b = (np.array([s.points[joints] for s in each]).reshape(-1, len(joints), 2) for each in (a, b))
    scale = np.maximum.outer(np.array([s.scale for s in a]), np.array([s.scale for s in b]))
    return _agreement(points_a[:, None], points_b[None], scale * tolerance)


def _agreement(a: np.ndarray, b: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    distance = ((a - b) ** 2).sum(-1)
    return np.exp(-distance / (2 * deviation[..., None] ** 2)).mean(-1)


def assign(values: Float[np.ndarray, "P C"], same: Float[np.ndarray, "C C"], unassigned_value: float) -> list[int]:
    """For each of P people the candidate assigned to them, or UNASSIGNED.

    `values` are those of each candidate for each person (-inf: impossible), `same` is `same_body` of the candidates, and
    `unassigned_value` is the value of having no candidate. No candidate is assigned twice, and candidates of one body are
    penalised. Pairs of people are improved in turn until nothing changes: exact for two people.
    """
    people, count = values.shape
    total = np.concatenate([values, np.full((people, 1), unassigned_value)], 1)
    penalty = np.zeros((count + 1, count + 1))
    penalty[:count, :count] = _SAME_BODY_PENALTY * np.clip(same - _SAME_BODY_FREE, 0, None)
    penalty[range(count), range(count)] = np.inf
    if people == 1:
        return _with_unassigned([int(total[0].argmax())], count)
    chosen = [count] * people
    for _ in range(2 * people):
        before = list(chosen)
        for a, b in combinations(range(people), 2):
            others = [chosen[k] for k in range(people) if k not in (a, b)]
            fixed = penalty[:, others].sum(1)
            joint = (total[a] - fixed)[:, None] + (total[b] - fixed)[None] - penalty
            chosen[a], chosen[b] = (int(i) for i in np.unravel_index(np.argmax(joint), joint.shape))
        if chosen == before:
            break
    return _with_unassigned(chosen, count)


def _with_unassigned(chosen: list[int], count: int) -> list[int]:
    return [choice if choice < count else UNASSIGNED for choice in chosen]
