"""A clip as the 2D stage really saw it, beside what was there to see, and the kinds of errors told apart."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from core.motion import Camera
from core.perception.ambiguity import CONTESTED_TRUST
from core.perception.assignment import LIMBS as LIMB_JOINTS
from core.perception.detections import Detections
from core.perception.landmarks import MIRROR

from ..evaluation.detection_noise.model import (
    BODY,
    LIMB_ENDS,
    NO_HAND,
    NOT_FOUND,
    OTHER_PERSON,
    OTHER_SIDE,
    OWN_HAND,
    OWN_LIMB,
    OWN_SKELETON,
    SIDES_SWAPPED,
    UNRELIABLE,
    WRONG_HAND,
    NoiseConditions,
    noise_conditions,
)
from ..evaluation.detection_noise.simulate import SAME_PLACE, landmarks_about_hips, project_hands
from ..evaluation.occlusion.projection import ProjectedClip

_FAR, _OTHERS_LIKELY, _EXCHANGED_LIKELY = 0.06, 0.6, 0.6
"""Heights of the person from which a skeleton or limb is not one's own; how much nearer it must be to what it is then."""
_POOR = 0.5
"""Share of the body's landmarks that are far off, from which the whole skeleton is poor."""
_TURNED = np.radians(100)
_STOLEN = 0.06
"""Heights of the person within which a limb's end has to lie at the end that it is said to be."""


@dataclass(frozen=True)
class MatchedClip:
    """One clip; P = 2 people in the truth's order, T frames of the tracks."""

    name: str
    projected: ProjectedClip
    camera: Camera
    rate: float
    detections: Detections
    conditions: NoiseConditions
    skeleton_kind: np.ndarray
    """int [P,T]"""
    limb_kind: np.ndarray
    """int [P,T,4]"""
    hand_kind: np.ndarray
    """int [P,T,2]"""

    @property
    def confidence(self) -> np.ndarray:
        """[P,T,33] as the networks gave it, before contested landmarks were lowered."""
        return self.detections.keypoints[..., 2] / np.where(self.detections.ambiguous, CONTESTED_TRUST, 1)


def match_detections(
    name: str, sight: ProjectedClip, camera: Camera, rate: float, detections: Detections
) -> MatchedClip:
    sight = _of_frames(sight, detections.frame_index)
    detections = _in_order(detections, sight)
    whose = _whose(sight, camera, detections)
    now = noise_conditions(sight)
    return MatchedClip(
        name,
        sight,
        camera,
        rate,
        detections,
        now,
        whose,
        _limbs(sight, detections, whose),
        _hands(sight, camera, detections),
    )


def _of_frames(sight: ProjectedClip, frames: np.ndarray) -> ProjectedClip:
    return ProjectedClip(**{item.name: getattr(sight, item.name)[:, frames] for item in fields(ProjectedClip)})


def _in_order(detections: Detections, sight: ProjectedClip) -> Detections:
    """The tracks with the truth's person first who is nearest to the first track over the clip."""
    distance = [
        np.linalg.norm(detections.keypoints[list(order), ..., :2] - sight.landmarks_px, axis=-1)[
            detections.found[list(order)]
        ].mean()
        for order in ((0, 1), (1, 0))
    ]
    if distance[0] <= distance[1]:
        return detections
    by_person = ("keypoints", "ambiguous", "world_landmarks", "found", "hands", "hand_landmarks", "masks", "track_ids")
    return replace(detections, **{name: np.ascontiguousarray(getattr(detections, name)[::-1]) for name in by_person})


def _whose(sight: ProjectedClip, camera: Camera, detections: Detections) -> np.ndarray:
    points, true = detections.keypoints[:, :, LIMB_JOINTS, :2], sight.landmarks_px

    def median(target: np.ndarray) -> np.ndarray:
        return np.median(np.linalg.norm(points - target[:, :, LIMB_JOINTS], axis=-1), -1) / sight.height_px

    own, exchanged = median(true), median(true[:, :, MIRROR])
    others = np.minimum(median(true[::-1]), median(true[::-1][:, :, MIRROR]))
    turned = np.abs(_yaw(landmarks_about_hips(sight, camera), detections.world_landmarks)) > _TURNED
    sides = (exchanged < _EXCHANGED_LIKELY * own) & (own > _FAR / 2) | turned & (exchanged < 1.3 * own + 0.01)
    whose = np.where(sides, SIDES_SWAPPED, OWN_SKELETON)
    astray = (
        np.linalg.norm(detections.keypoints[..., :2] - true, axis=-1)[:, :, BODY] > _FAR * sight.height_px[..., None]
    )
    whose = np.where((whose == OWN_SKELETON) & (astray.mean(-1) > _POOR), UNRELIABLE, whose)
    whose = np.where((others < _OTHERS_LIKELY * np.minimum(own, exchanged)) & (own > _FAR), OTHER_PERSON, whose)
    return np.where(detections.found, whose, NOT_FOUND)


def _yaw(true: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """[P,T] radians about the vertical of the picture that best take the true landmarks to the seen ones."""
    across = (true[..., 0] * seen[..., 0] + true[..., 2] * seen[..., 2]).sum(-1)
    along = (true[..., 2] * seen[..., 0] - true[..., 0] * seen[..., 2]).sum(-1)
    return np.arctan2(along, across)


def _limbs(sight: ProjectedClip, detections: Detections, whose: np.ndarray) -> np.ndarray:
    size = sight.height_px[..., None]
    ends, true = detections.keypoints[:, :, LIMB_ENDS, :2], sight.landmarks_px[:, :, LIMB_ENDS]
    own = np.linalg.norm(ends - true, axis=-1) / size
    exchanged = np.linalg.norm(ends - true[:, :, list(OTHER_SIDE)], axis=-1) / size
    same = np.linalg.norm(ends - true[::-1], axis=-1) / size
    across = np.linalg.norm(ends - true[::-1][:, :, list(OTHER_SIDE)], axis=-1) / size
    away = np.stack([own, same, across, exchanged], -1)  # in the order of the kinds
    nearest = away.argmin(-1)
    wrong = (own > _FAR) & (away.min(-1) < np.minimum(0.5 * own, _STOLEN)) & (whose == OWN_SKELETON)[..., None]
    return np.where(wrong, nearest, OWN_LIMB)


def _hands(sight: ProjectedClip, camera: Camera, detections: Detections) -> np.ndarray:
    assigned = detections.hands[..., 0, 2] > 0
    true = project_hands(sight.hand_landmarks_incam.astype(float), camera)
    size = sight.height_px[..., None]
    away = np.stack(
        [
            np.linalg.norm(detections.hands[..., :2] - true[person, None, :, side, None], axis=-1).mean(-1)
            for person in (0, 1)
            for side in (0, 1)
        ],
        -1,
    )
    away = away / size[..., None]
    people, sides = np.indices((2, 2))
    own = np.take_along_axis(away, (2 * people + sides)[:, None, :, None], -1)[..., 0]
    wrong = (own > SAME_PLACE) & (away.min(-1) < 0.6 * own)
    return np.where(assigned, np.where(wrong, WRONG_HAND, OWN_HAND), NO_HAND)
