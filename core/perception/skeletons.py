"""MoveNet's 17 keypoints beside BlazePose's 33 landmarks: which are the same, crops around them, poses made of them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from ..contract.skeleton import LANDMARK_INDEX, LANDMARKS
from .crops import BODY_CROP_SCALE, Crop, crop_from_axis, to_crop
from .landmarks import Pose
from .movenet import KEYPOINTS, LIMBS, TRUNK, FoundPerson
from .uncertainty import covariance_of_confidence

SHARED = np.array([LANDMARK_INDEX[name] for name in KEYPOINTS])
"""For each keypoint the landmark that is the same point of the body."""
ATTACHED = {
    LANDMARK_INDEX[f"{side}_{joint}"]: [LANDMARK_INDEX[f"{side}_{name}"] for name in names]
    for side in ("left", "right")
    for joint, names in (("wrist", ("pinky", "index", "thumb")), ("ankle", ("heel", "foot_index")))
} | {LANDMARK_INDEX["nose"]: [LANDMARK_INDEX[f"{part}_{side}"] for part in ("mouth",) for side in ("left", "right")]}
"""Landmarks without a keypoint, by the one that they move with."""
_BEYOND_KEYPOINTS = 1.1
"""Crown and toes lie beyond the nose and the ankles."""
_CLEAR = 0.1
"""Confidence from which a keypoint is to lie within the crop."""
_MASK_SIDE = 256
"""px, as of the landmark network's masks."""
_LIMB_WIDTH = 0.28
"""Width of a limb in scales, for a mask that is made of limbs."""
_BONES = [
    (KEYPOINTS.index(f"{s}_{a}"), KEYPOINTS.index(f"{s}_{b}"))
    for s in ("left", "right")
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"), ("shoulder", "ear"))
]


def person_of_pose(pose: Pose) -> FoundPerson:
    """The keypoints of a pose."""
    points = pose.points[SHARED]
    box = np.concatenate([points.min(0), points.max(0)])
    confidence = (pose.visibility * pose.presence)[SHARED]
    return FoundPerson(pose.score, box.astype(np.float32), points.astype(np.float32), confidence.astype(np.float32))


def body_crop(person: FoundPerson) -> Crop:
    """Where the landmark network should look for the person: around the hips, as far as the farthest clear keypoint."""
    shoulders, hips = person.points[TRUNK[:2]].mean(0), person.points[TRUNK[2:]].mean(0)
    clear = person.points[(person.confidence > _CLEAR) | np.isin(np.arange(len(KEYPOINTS)), TRUNK)]
    reach = max(float(np.linalg.norm(clear - hips, axis=1).max()) * _BEYOND_KEYPOINTS, person.scale)
    up = shoulders - hips
    length = float(np.linalg.norm(up))
    direction = up / length if length > 1e-3 else np.array([0.0, -1.0])
    return crop_from_axis(hips, hips + direction * reach, BODY_CROP_SCALE)


def pose_of_person(
    person: FoundPerson, confidence: Float[np.ndarray, " 17"], world: Float32[np.ndarray, "33 3"]
) -> Pose:
    """A pose of a person whom the landmark network does not see, with the `confidence` in its keypoints.

    Landmarks that are no keypoints lie where the keypoint lies with which they move, without confidence. `world` are metric
    landmarks from elsewhere.
    """
    crop = body_crop(person)
    points, visibility = np.zeros((len(LANDMARKS), 2), np.float32), np.zeros(len(LANDMARKS), np.float32)
    points[SHARED], visibility[SHARED] = person.points, confidence
    for joint, others in ATTACHED.items():
        points[others] = points[joint]
    for side in ("left", "right"):
        for part in ("inner", "outer"):
            points[LANDMARK_INDEX[f"{side}_eye_{part}"]] = points[LANDMARK_INDEX[f"{side}_eye"]]
    mask, covariance = _limb_mask(person, crop), covariance_of_confidence(visibility, crop.size)
    return Pose(crop, crop, 0.0, points, visibility, np.ones_like(visibility), visibility, world, mask, covariance)


def with_keypoints(
    pose: Pose,
    person: FoundPerson,
    replaced: np.ndarray,
    confidence: Float[np.ndarray, " 17"],
) -> Pose:
    """The pose with some keypoints (bool [17]) of the person instead of its own; what moves with them moves too, unseen.

    `confidence` is that of all 17 afterwards.
    """
    points, visibility, covariance = pose.points.copy(), pose.visibility.copy(), pose.covariance.copy()
    uncertain = covariance_of_confidence(np.append(confidence, 0.0), pose.crop.size)
    for number in np.flatnonzero(replaced):
        landmark = SHARED[number]
        moved = person.points[number] - points[landmark]
        for other in (landmark, *ATTACHED.get(int(landmark), ())):
            points[other] += moved
            visibility[other] = 0.0
            covariance[other] = uncertain[-1]
        covariance[landmark] = uncertain[number]
    visibility[SHARED] = np.where(
        replaced | (confidence < visibility[SHARED] * pose.presence[SHARED]),
        confidence / np.maximum(pose.presence[SHARED], 1e-3),
        visibility[SHARED],
    ).clip(0, 1)
    return replace(pose, points=points, visibility=visibility, covariance=covariance)


def _limb_mask(person: FoundPerson, crop: Crop) -> UInt8[np.ndarray, "256 256"]:
    """0-255, trunk and limbs as thick lines in the crop."""
    places = (to_crop(crop, person.points) * _MASK_SIDE).round().astype(int)
    width = max(1, round(_LIMB_WIDTH * person.scale / crop.size * _MASK_SIDE))
    mask = np.zeros((_MASK_SIDE, _MASK_SIDE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(places[TRUNK]), 255)
    for a, b in _BONES:
        cv2.line(mask, places[a].tolist(), places[b].tolist(), 255, width)
    head = places[:5].mean(0).round().astype(int)
    cv2.circle(mask, head.tolist(), width, 255, -1)
    return mask


def limbs_extent(person: FoundPerson) -> float:
    """px, the diagonal of the box around the limbs."""
    return float(np.linalg.norm(np.ptp(person.points[LIMBS], axis=0)))
