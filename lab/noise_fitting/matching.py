"""Detections matched with the projected ground truth of the same clip, and the kinds of failures in them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float, Int

from core.motion import Camera
from core.perception.detections import Detections
from core.perception.landmarks import LIMBS as LIMB_JOINTS
from core.perception.landmarks import MIRROR

from ..evaluation.detection_noise.conditions import NoiseConditions, noise_conditions
from ..evaluation.detection_noise.geometry import SAME_PLACE, landmarks_about_hips, project_hands
from ..evaluation.detection_noise.landmark_groups import BODY, LIMB_ENDS, OPPOSITE_LIMB
from ..evaluation.detection_noise.states import (
    NO_HAND,
    NOT_FOUND,
    OTHER_PERSON,
    OWN_HAND,
    OWN_LIMB,
    OWN_SKELETON,
    SIDES_SWAPPED,
    UNRELIABLE,
    WRONG_HAND,
)
from ..evaluation.occlusion.projection import ProjectedClip

_FAR = 0.06
"""In body heights: from this distance on, a skeleton or limb is not where it should be."""
_OTHER_NEARER, _SWAPPED_NEARER = 0.6, 0.6
"""A skeleton is the other person's, or has its sides swapped, if that explains it with this share of the distance."""
_UNRELIABLE_SHARE = 0.5
"""Share of the body's landmarks that are far off, from which the whole skeleton is unreliable."""
_TURNED = np.radians(100)
"""Heading error of the metric landmarks from which the sides may be swapped."""
_LIMB_NEAR = 0.06
"""In body heights: how near a limb's end must lie to the end that it is taken for."""
_HAND_NEARER = 0.6
"""A hand is a wrong one if another hand lies within this share of the distance."""


@dataclass(frozen=True)
class MatchedClip:
    """One clip; P = 2 people in the order of the ground truth, T frames of the detections."""

    name: str
    projected: ProjectedClip
    camera: Camera
    rate: float
    """Frames per second."""
    detections: Detections
    conditions: NoiseConditions
    skeleton_kind: Int[np.ndarray, "P T"]
    limb_kind: Int[np.ndarray, "P T 4"]
    hand_kind: Int[np.ndarray, "P T 2"]

    @property
    def confidence(self) -> Float[np.ndarray, "P T 33"]:
        return self.detections.keypoints[..., 2]

    @property
    def sigma(self) -> Float[np.ndarray, "P T 33"]:
        """Body heights, the standard deviation that the networks give the landmarks along an axis of the picture."""
        variance = np.trace(self.detections.covariance, axis1=-2, axis2=-1) / 2
        return np.sqrt(variance) / self.projected.height_px[..., None]


def match_detections(
    name: str, projected: ProjectedClip, camera: Camera, rate: float, detections: Detections
) -> MatchedClip:
    """Detections with people in the order of the ground truth, and the kind of every skeleton, limb and hand."""
    projected = _of_frames(projected, detections.frame_index)
    detections = _in_true_order(detections, projected)
    skeleton_kind = _skeleton_kinds(projected, camera, detections)
    return MatchedClip(
        name=name,
        projected=projected,
        camera=camera,
        rate=rate,
        detections=detections,
        conditions=noise_conditions(projected),
        skeleton_kind=skeleton_kind,
        limb_kind=_limb_kinds(projected, detections, skeleton_kind),
        hand_kind=_hand_kinds(projected, camera, detections),
    )


def _of_frames(projected: ProjectedClip, frames: np.ndarray) -> ProjectedClip:
    return ProjectedClip(**{item.name: getattr(projected, item.name)[:, frames] for item in fields(ProjectedClip)})


def _in_true_order(detections: Detections, projected: ProjectedClip) -> Detections:
    distance = [
        np.linalg.norm(detections.keypoints[list(order), ..., :2] - projected.landmarks_px, axis=-1)[
            detections.found[list(order)]
        ].mean()
        for order in ((0, 1), (1, 0))
    ]
    if distance[0] <= distance[1]:
        return detections
    by_person = ("keypoints", "covariance", "world_landmarks", "found", "hands", "hand_landmarks", "masks", "track_ids")
    return replace(detections, **{name: np.ascontiguousarray(getattr(detections, name)[::-1]) for name in by_person})


def _skeleton_kinds(projected: ProjectedClip, camera: Camera, detections: Detections) -> np.ndarray:
    points, true = detections.keypoints[:, :, LIMB_JOINTS, :2], projected.landmarks_px

    def median_distance(target: np.ndarray) -> np.ndarray:
        return np.median(np.linalg.norm(points - target[:, :, LIMB_JOINTS], axis=-1), -1) / projected.height_px

    own, swapped = median_distance(true), median_distance(true[:, :, MIRROR])
    other = np.minimum(median_distance(true[::-1]), median_distance(true[::-1][:, :, MIRROR]))
    is_turned = np.abs(_heading_error(landmarks_about_hips(projected, camera), detections.world_landmarks)) > _TURNED
    is_swapped = (swapped < _SWAPPED_NEARER * own) & (own > _FAR / 2) | is_turned & (swapped < 1.3 * own + 0.01)
    kind = np.where(is_swapped, SIDES_SWAPPED, OWN_SKELETON)
    error = np.linalg.norm(detections.keypoints[..., :2] - true, axis=-1)[:, :, BODY]
    is_far = error > _FAR * projected.height_px[..., None]
    kind = np.where((kind == OWN_SKELETON) & (is_far.mean(-1) > _UNRELIABLE_SHARE), UNRELIABLE, kind)
    kind = np.where((other < _OTHER_NEARER * np.minimum(own, swapped)) & (own > _FAR), OTHER_PERSON, kind)
    return np.where(detections.found, kind, NOT_FOUND)


def _heading_error(true: np.ndarray, detected: np.ndarray) -> np.ndarray:
    """[P,T] radians about the image's vertical that best rotate true metric landmarks [P,T,33,3] onto detected ones."""
    cosine = (true[..., 0] * detected[..., 0] + true[..., 2] * detected[..., 2]).sum(-1)
    sine = (true[..., 2] * detected[..., 0] - true[..., 0] * detected[..., 2]).sum(-1)
    return np.arctan2(sine, cosine)


def _limb_kinds(projected: ProjectedClip, detections: Detections, skeleton_kind: np.ndarray) -> np.ndarray:
    ends, true = detections.keypoints[:, :, LIMB_ENDS, :2], projected.landmarks_px[:, :, LIMB_ENDS]
    opposite = list(OPPOSITE_LIMB)
    candidates = (true, true[::-1], true[::-1][:, :, opposite], true[:, :, opposite])  # in the order of the limb kinds
    distance = np.stack([np.linalg.norm(ends - target, axis=-1) for target in candidates], -1)
    distance = distance / projected.height_px[..., None, None]
    own, nearest = distance[..., OWN_LIMB], distance.min(-1)
    is_wrong = (own > _FAR) & (nearest < np.minimum(0.5 * own, _LIMB_NEAR))
    return np.where(is_wrong & (skeleton_kind == OWN_SKELETON)[..., None], distance.argmin(-1), OWN_LIMB)


def _hand_kinds(projected: ProjectedClip, camera: Camera, detections: Detections) -> np.ndarray:
    is_detected = detections.hands[..., 0, 2] > 0
    true = project_hands(projected.hand_landmarks_incam.astype(float), camera)
    distance = np.stack(
        [
            np.linalg.norm(detections.hands[..., :2] - true[person, None, :, side, None], axis=-1).mean(-1)
            for person in (0, 1)
            for side in (0, 1)
        ],
        -1,
    )
    distance = distance / projected.height_px[..., None, None]
    people, sides = np.indices((2, 2))
    own = np.take_along_axis(distance, (2 * people + sides)[:, None, :, None], -1)[..., 0]
    is_wrong = (own > SAME_PLACE) & (distance.min(-1) < _HAND_NEARER * own)
    return np.where(is_detected, np.where(is_wrong, WRONG_HAND, OWN_HAND), NO_HAND)
