"""Joins ViTPose's 17 keypoints of a person with the prompted network's 33 landmarks of the same person into one pose.

Both networks looked at the same pixels, and the second was told what the first had found: their errors are not independent. So
two that agree are joined by covariance intersection (Julier and Uhlmann, 1997), which stays right whatever their correlation.
Where they contradict each other the likelier one stands, and its covariance grows by the other's possibility.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Float32

from ..landmarks import Pose
from ..movenet import LIMBS
from ..skeletons import ATTACHED, SHARED
from .keypoints import HubKeypoints

_AGREE = 3.0
"""Standard deviations of their difference up to which two places may be of one keypoint."""
_APART = 0.15
"""Scales that two places have to be apart besides: within, even sure networks only define the joint differently."""
_MOST_CONTRADICTED = 0.35
"""Fraction of the limbs' joints from which on a pose is no longer the person's own."""
_LEAST_WEIGHT = 1e-3


def fused(pose: Pose, keypoints: HubKeypoints, scale: float) -> tuple[Pose, bool]:
    """The pose with both networks' knowledge of the shared landmarks, and whether it is the person's own.

    It is not where the landmark network answered for somebody else. `scale` in px is the person's, see `FoundPerson.scale`.
    """
    mine, spread = pose.points[SHARED].astype(float), pose.covariance[SHARED].astype(float)
    confidence = (pose.visibility * pose.presence)[SHARED].astype(float)
    weight = np.maximum(keypoints.confidence, _LEAST_WEIGHT) / (
        np.maximum(keypoints.confidence, _LEAST_WEIGHT) + np.maximum(confidence, _LEAST_WEIGHT)
    )
    agrees = agreeing(keypoints, mine, spread, scale)
    places, covariance = intersected(keypoints.points, keypoints.covariance, mine, spread, weight)
    likelier = weight >= 0.5
    difference = keypoints.points - mine
    other = difference[:, :, None] * difference[:, None, :]
    chosen_weight = np.where(likelier, weight, 1 - weight)
    chosen = np.where(likelier[:, None], keypoints.points, mine)
    wide = np.where(likelier[:, None, None], keypoints.covariance, spread) + (1 - chosen_weight)[:, None, None] * other
    points = np.where(agrees[:, None], places, chosen)
    covariance = np.where(agrees[:, None, None], covariance, wide)
    believed = np.where(
        agrees,
        np.maximum(keypoints.confidence, confidence),
        chosen_weight * np.where(likelier, keypoints.confidence, confidence),
    )
    own = float((~agrees & likelier)[LIMBS].mean()) < _MOST_CONTRADICTED
    return _with_shared(pose, points, covariance, believed), own


def agreeing(
    keypoints: HubKeypoints, points: Float[np.ndarray, "17 2"], covariance: Float[np.ndarray, "17 2 2"], scale: float
) -> Bool[np.ndarray, " 17"]:
    """Whether both networks may mean the same place."""
    difference = keypoints.points - points
    both = keypoints.covariance + covariance + 1e-6 * np.eye(2)
    mahalanobis = np.einsum("ni,ni->n", difference, np.linalg.solve(both, difference[..., None])[..., 0])
    return (mahalanobis < _AGREE**2) | (np.linalg.norm(difference, axis=1) < _APART * scale)


def intersected(
    points_a: Float[np.ndarray, "n 2"],
    covariance_a: Float[np.ndarray, "n 2 2"],
    points_b: Float[np.ndarray, "n 2"],
    covariance_b: Float[np.ndarray, "n 2 2"],
    weight: Float[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 2 2"]]:
    """Covariance intersection of two estimates, with the `weight` 0-1 of the first."""
    inverse_a = weight[:, None, None] * np.linalg.inv(covariance_a + 1e-6 * np.eye(2))
    inverse_b = (1 - weight)[:, None, None] * np.linalg.inv(covariance_b + 1e-6 * np.eye(2))
    covariance = np.linalg.inv(inverse_a + inverse_b)
    informed = np.einsum("nij,nj->ni", inverse_a, points_a) + np.einsum("nij,nj->ni", inverse_b, points_b)
    return np.einsum("nij,nj->ni", covariance, informed), covariance


def _with_shared(
    pose: Pose,
    points: Float[np.ndarray, "17 2"],
    covariance: Float[np.ndarray, "17 2 2"],
    confidence: Float[np.ndarray, " 17"],
) -> Pose:
    """The pose with other places of the shared landmarks; those without a keypoint of their own move along."""
    moved: Float32[np.ndarray, "33 2"] = pose.points.copy()
    spread, visibility, presence = pose.covariance.copy(), pose.visibility.copy(), pose.presence.copy()
    for number, landmark in enumerate(SHARED):
        shift = points[number] - pose.points[landmark]
        for attached in ATTACHED.get(int(landmark), ()):
            moved[attached] += shift.astype(np.float32)
        moved[landmark], spread[landmark] = points[number], covariance[number]
        visibility[landmark] = confidence[number]
        presence[landmark] = 1.0
    return replace(pose, points=moved, covariance=spread, visibility=visibility, presence=presence)
