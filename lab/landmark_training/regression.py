"""The weights that best put the body's landmarks where the detector sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.contract.skeleton import JOINT_INDEX, JOINTS, LANDMARK_INDEX, LANDMARKS, mirrored

from .anatomical_prior import SkinPoints

_REACH = 0.24
"""metres from a landmark (mean shape, rest pose) within which joints and skin may be part of it."""
_OUTLIER = 0.03
"""metres; residuals well beyond are the detector's mistakes (Geman-McClure)."""
_ROUNDS = 12


@dataclass(frozen=True)
class LandmarkObservations:
    """F pictures of single people and what the detector saw."""

    columns: np.ndarray
    """float64 [F,C,3] joints, then skin points, camera frame, metres."""
    rays: np.ndarray
    """float64 [F,33,2] where the detector saw the landmarks, (x, y) at depth 1."""
    trusted: np.ndarray
    """bool [F,33] neither hidden nor unsure."""

    def part(self, frames: np.ndarray) -> LandmarkObservations:
        return LandmarkObservations(self.columns[frames], self.rays[frames], self.trusted[frames])


def column_mirror(points: SkinPoints) -> np.ndarray:
    """int64 [C]: the column on the other side of the body."""
    joints = [JOINT_INDEX[mirrored(name)] for name in JOINTS]
    return np.concatenate([joints, len(JOINTS) + points.mirror()])


def fit_landmark_weights(
    sight: LandmarkObservations, prior: np.ndarray, rest: np.ndarray, points: SkinPoints, ridge: float
) -> np.ndarray:
    """Weights [33,C] near the prior, each row summing to one, left and right the same.

    rest [C,3] are the columns on the mean shape at rest. `ridge` in metres: how much a landmark may move for a weight of
    one to change, as strong as one picture's residual of that size in every picture.
    """
    mirror = column_mirror(points)
    weights = np.zeros_like(prior)
    for name in LANDMARKS:
        index, twin = LANDMARK_INDEX[name], LANDMARK_INDEX[mirrored(name)]
        if twin < index:
            continue
        near = np.flatnonzero((np.linalg.norm(rest - prior[index] @ rest, axis=1) < _REACH) | (prior[index] != 0))
        equations = [_equations(sight, index, near), _equations(sight, twin, mirror[near])]
        weights[index] = prior[index]
        weights[index, near] += _descend(np.concatenate(equations), prior[index, near], ridge)
        weights[twin, mirror] = weights[index]
        if twin == index:
            weights[index] = (weights[index] + weights[index, mirror]) / 2
    return weights


def residuals(sight: LandmarkObservations, weights: np.ndarray) -> np.ndarray:
    """float64 [F,33] metres beside the detector's ray, at the landmark's depth; nan where not trusted."""
    place = weights @ sight.columns
    off = place[..., :2] - sight.rays * place[..., 2:]
    return np.where(sight.trusted, np.linalg.norm(off, axis=-1), np.nan)


def _equations(sight: LandmarkObservations, landmark: int, columns: np.ndarray) -> np.ndarray:
    """[N,2,C]: what weights turn into the distance beside the ray, in metres."""
    seen = sight.trusted[:, landmark]
    place = sight.columns[seen][:, columns]
    return (place[..., :2] - sight.rays[seen, landmark][:, None] * place[..., 2:]).transpose(0, 2, 1)


def _descend(equations: np.ndarray, prior: np.ndarray, ridge: float) -> np.ndarray:
    """Change of the weights [C] that sums to zero: least squares, reweighted against outliers."""
    count = len(prior)
    change = np.zeros(count)
    for _ in range(_ROUNDS):
        off = equations @ (prior + change)
        trust = (1 / (1 + (off**2).sum(1) / _OUTLIER**2)) ** 2
        weighted = equations * trust[:, None, None]
        normal = np.einsum("nic,nid->cd", weighted, equations) + ridge**2 * trust.sum() * np.eye(count)
        right = -np.einsum("nic,ni->c", weighted, equations @ prior)
        # the sum stays: one Lagrange multiplier
        system = np.block([[normal, np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]])
        change = np.linalg.solve(system, np.append(right, 0.0))[:count]
    return change
