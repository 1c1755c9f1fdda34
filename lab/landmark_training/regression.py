"""Fits the landmark regressor to detected landmarks, by robust least squares on their rays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from core.contract.skeleton import JOINT_INDEX, JOINTS, LANDMARK_INDEX, LANDMARKS, mirrored

from .anatomical_prior import SkinPoints

_REACH = 0.24
"""metres from a landmark (mean shape, rest pose) within which joints and skin points may have a weight."""
_OUTLIER = 0.03
"""metres; larger residuals are mistakes of the detector (Geman-McClure)."""
_ITERATIONS = 12


@dataclass(frozen=True)
class LandmarkObservations:
    """F images of single people, and what the detector found in them. C columns: joints, then skin points."""

    columns: Float[np.ndarray, "F C 3"]
    """float64, camera frame, metres."""
    rays: Float[np.ndarray, "F 33 2"]
    """float64, detected landmarks as (x, y) at depth 1."""
    is_reliable: Bool[np.ndarray, "F 33"]
    """Neither occluded nor uncertain."""

    def select(self, images: np.ndarray) -> LandmarkObservations:
        return LandmarkObservations(self.columns[images], self.rays[images], self.is_reliable[images])


def column_mirror(points: SkinPoints) -> Int[np.ndarray, " C"]:
    """The column of each column's counterpart on the other side of the body."""
    joints = [JOINT_INDEX[mirrored(name)] for name in JOINTS]
    return np.concatenate([joints, len(JOINTS) + points.mirror()])


def fit_landmark_weights(
    observations: LandmarkObservations,
    prior: Float[np.ndarray, "33 C"],
    rest: Float[np.ndarray, "C 3"],
    points: SkinPoints,
    ridge: float,
) -> Float[np.ndarray, "33 C"]:
    """Weights near the prior; each row sums to one, and left and right are the same.

    `rest` are the columns on the mean shape in the rest pose. `ridge` in metres: a change of a weight by one costs as much as a
    residual of this size in every image.
    """
    mirror = column_mirror(points)
    weights = np.zeros_like(prior)
    for name in LANDMARKS:
        index, counterpart = LANDMARK_INDEX[name], LANDMARK_INDEX[mirrored(name)]
        if counterpart < index:
            continue
        near = np.flatnonzero((np.linalg.norm(rest - prior[index] @ rest, axis=1) < _REACH) | (prior[index] != 0))
        equations = [_equations(observations, index, near), _equations(observations, counterpart, mirror[near])]
        weights[index] = prior[index]
        weights[index, near] += _solve(np.concatenate(equations), prior[index, near], ridge)
        weights[counterpart, mirror] = weights[index]
        if counterpart == index:
            weights[index] = (weights[index] + weights[index, mirror]) / 2
    return weights


def residuals(observations: LandmarkObservations, weights: Float[np.ndarray, "33 C"]) -> Float[np.ndarray, "F 33"]:
    """metres from the detector's ray, at the landmark's depth; NaN where not reliable."""
    points = weights @ observations.columns
    offset = points[..., :2] - observations.rays * points[..., 2:]
    return np.where(observations.is_reliable, np.linalg.norm(offset, axis=-1), np.nan)


def _equations(observations: LandmarkObservations, landmark: int, columns: np.ndarray) -> np.ndarray:
    """[N,2,C]: takes weights to the offset from the ray, metres."""
    chosen = observations.is_reliable[:, landmark]
    points = observations.columns[chosen][:, columns]
    return (points[..., :2] - observations.rays[chosen, landmark][:, None] * points[..., 2:]).transpose(0, 2, 1)


def _solve(equations: np.ndarray, prior: np.ndarray, ridge: float) -> np.ndarray:
    """Change of the weights [C], which sums to zero: iteratively reweighted least squares."""
    count = len(prior)
    change = np.zeros(count)
    for _ in range(_ITERATIONS):
        offset = equations @ (prior + change)
        reliability = (1 / (1 + (offset**2).sum(1) / _OUTLIER**2)) ** 2
        weighted = equations * reliability[:, None, None]
        normal = np.einsum("nic,nid->cd", weighted, equations) + ridge**2 * reliability.sum() * np.eye(count)
        right = -np.einsum("nic,ni->c", weighted, equations @ prior)
        # one Lagrange multiplier keeps the sum
        system = np.block([[normal, np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]])
        change = np.linalg.solve(system, np.append(right, 0.0))[:count]
    return change
