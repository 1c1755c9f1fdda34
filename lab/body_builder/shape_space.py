"""A linear shape space of unit-variance coefficients, and joints from vertices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import KDTree

from core.contract.skeleton import JOINT_INDEX, JOINTS, PARENTS, mirrored

_FLIP = np.array([-1.0, 1.0, 1.0])
_MIRRORED_JOINTS = np.array([JOINT_INDEX[mirrored(name)] for name in JOINTS])


@dataclass(frozen=True)
class ShapeSpace:
    """Principal components of people's bodies in the rest pose: V vertices in metres, K components, N people."""

    mean: np.ndarray
    """[V,3], symmetric"""
    directions: np.ndarray
    """[V,3,K], metres per standard deviation of the population, the greatest first"""
    mirror: np.ndarray
    """[V] the vertex on the other side"""
    explained: np.ndarray
    """[K] share of the variance that the first 1, 2, … directions carry"""
    scores: np.ndarray
    """[N,K] of the people it was fitted to"""


def fit_shape_space(people: np.ndarray, faces: np.ndarray, count: int) -> ShapeSpace:
    """Principal directions of people [N,V,3] in the rest pose, made symmetric; +1 on the first is taller."""
    mean = people.mean(0, dtype=np.float64)
    mirror = np.asarray(KDTree(mean).query(mean * _FLIP)[1])
    mean = (mean + mean[mirror] * _FLIP) / 2
    offsets = people - mean.astype(people.dtype)
    offsets = ((offsets + offsets[:, mirror] * _FLIP.astype(people.dtype)) / 2).reshape(len(people), -1)
    # vertices are dense in the face and the hands: weigh each by its area, so that the space spans the body
    root_area = np.repeat(np.sqrt(_vertex_areas(mean, faces) + 1e-7), 3).astype(people.dtype)
    weighted = offsets * root_area
    variances, basis = np.linalg.eigh((weighted @ weighted.T).astype(np.float64))
    order = np.argsort(variances)[::-1]
    variances, basis = variances[order], basis[:, order[:count]]
    scores = basis * np.sqrt(len(people) - 1)
    directions = (scores.T @ offsets / (len(people) - 1)).reshape(count, -1, 3)
    taller = directions[:, mean[:, 1].argmax(), 1] - directions[:, mean[:, 1].argmin(), 1]
    sign = np.where(taller < 0, -1.0, 1.0)
    return ShapeSpace(
        mean=mean,
        directions=(directions * sign[:, None, None]).transpose(1, 2, 0),
        mirror=mirror,
        explained=np.cumsum(variances[:count]) / variances.sum(),
        scores=scores * sign,
    )


def _vertex_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    corners = vertices[faces]
    by_face = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    areas = np.zeros(len(vertices))
    for corner in range(3):
        np.add.at(areas, faces[:, corner], by_face / 3)
    return areas


_RADIUS = {
    "pelvis": 0.16, "left_hip": 0.16, "spine1": 0.16, "spine2": 0.16, "spine3": 0.16, "neck": 0.11, "head": 0.13,
    "jaw": 0.13, "left_shoulder": 0.14, "left_collar": 0.16, "left_knee": 0.09, "left_elbow": 0.10,
}  # fmt: skip
"""Metres around a joint in which vertices may define it."""
_FINGER_RADIUS, _OTHER_RADIUS = 0.03, 0.09
_CANDIDATES = 400
_FITTED_PEOPLE = 160
_FAR_FROM_TRUNK = ("left_elbow", "right_elbow", "jaw")


def fit_joint_regressor(
    space: ShapeSpace,
    people: np.ndarray,
    joints: np.ndarray,
    weights: np.ndarray,
    eyeballs: dict[str, np.ndarray],
    moving: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Joints as weighted means of vertices: the regressor [55,V] (not negative, rows sum to one) and its mean error
    [55] in metres on people that it was not fitted to.

    From people [N,V,3] and their joints [N,55,3]; `moving` [V] are vertices of facial expressions, which move no joint.
    """
    people = (people + people[:, space.mirror] * _FLIP.astype(people.dtype)) / 2
    joints = (joints + joints[:, _MIRRORED_JOINTS] * _FLIP) / 2
    order = np.random.default_rng(1).permutation(len(people))
    fitted, held_out = order[:_FITTED_PEOPLE], order[_FITTED_PEOPLE : _FITTED_PEOPLE + 200]
    either_eye = np.concatenate(list(eyeballs.values()))
    regressor, error = np.zeros((len(JOINTS), len(space.mean))), np.zeros(len(JOINTS))
    for index, name in enumerate(JOINTS):
        if name.startswith("right"):
            continue
        if name == "left_eye_smplhf":
            candidates = eyeballs["left"]
        else:
            near = _near_joint(name, space.mean, joints[:, index].mean(0), weights) & ~moving
            near[either_eye] = False
            candidates = _thinned(np.flatnonzero(near), index, space.mirror, name.startswith("left"))
        rows = people[fitted][:, candidates].transpose(0, 2, 1).reshape(-1, len(candidates)).astype(np.float64)
        sum_to_one = 30.0 * np.ones((1, len(candidates)))
        solution, _ = nnls(np.r_[rows, sum_to_one], np.r_[joints[fitted, index].reshape(-1), 30.0])
        solution[solution < 1e-4] = 0
        regressor[index, candidates] = solution / solution.sum()
        if name.startswith("left"):
            regressor[_MIRRORED_JOINTS[index], space.mirror[candidates]] = regressor[index, candidates]
        else:
            regressor[index] = (regressor[index] + regressor[index, space.mirror]) / 2
        found = people[held_out][:, candidates].transpose(0, 2, 1) @ regressor[index, candidates]
        error[index] = np.linalg.norm(found - joints[held_out, index], axis=1).mean()
        error[_MIRRORED_JOINTS[index]] = error[index]
    return regressor, error


def _near_joint(name: str, mean: np.ndarray, place: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """bool [V]: vertices near a joint that move with it, its parent or its children."""
    index = JOINT_INDEX[name]
    is_finger = index >= JOINT_INDEX["left_index1"]
    radius = _RADIUS.get(name, _FINGER_RADIUS if is_finger else _OTHER_RADIUS)
    family = [index, PARENTS[index], *(child for child, parent in enumerate(PARENTS) if parent == index)]
    family = [member for member in family if member >= 0]
    near = (np.linalg.norm(mean - place, axis=1) < radius) & (weights[:, family].sum(1) > 0.2)
    if name in ("pelvis", "left_hip", "spine1", "spine2", "spine3", "neck"):
        near &= weights[:, [JOINT_INDEX[other] for other in _FAR_FROM_TRUNK]].sum(1) < 0.1
    return near


def _thinned(candidates: np.ndarray, seed: int, mirror: np.ndarray, sided: bool) -> np.ndarray:
    """At most some hundred of the candidates, and for a joint of the midline the same on both sides."""
    if len(candidates) > _CANDIDATES:
        candidates = np.random.default_rng(seed).choice(candidates, _CANDIDATES, replace=False)
    return candidates if sided else np.union1d(candidates, mirror[candidates])
