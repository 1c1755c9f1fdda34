"""Lifts metric landmarks to a posed body: joint rotations from the directions of bones, and a translation before the camera.

The frame of every bone is built twice from the same landmarks, once on the body in its rest pose and once as detected, so that a
different idea of where a shoulder or a hip lies (the detector's and SMPL-X's) cancels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ..body.rotations import (
    axis_angle_to_matrix,
    kabsch,
    matrix_to_axis_angle,
    orthonormal_frame,
    rotation_between_vectors,
    slerp,
)
from ..contract.skeleton import BODY_JOINTS, LANDMARK_INDEX, PARENTS
from ..projection import normalized

_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "mouth_left", "mouth_right")
_STRAIGHT, _BENT = 0.15, 0.45
"""Sines of the angle at an elbow or knee: below the first the landmarks do not show its hinge axis, above the second they do."""
_KNUCKLE_WEIGHT = 0.6
"""Fraction of the wrist's rotation that is taken from the body network's knuckles, which are coarse."""


class _Trunk(NamedTuple):
    """Global rotations of the trunk's ends and the head."""

    pelvis: Tensor
    chest: Tensor
    head: Tensor


def rotations_from_landmarks(
    landmarks: Float[Tensor, "*batch 33 3"],
    rest: Float[Tensor, "33 3"],
    hand_rotations: Float[Tensor, "*batch 2 3 3"] | None = None,
    hand_weight: Float[Tensor, "*batch 2"] | None = None,
) -> Float[Tensor, "*batch 22 3 3"]:
    """Rotations relative to the parent joint that bring a body in its rest pose into the pose of metric landmarks.

    `landmarks` may be in any right-handed frame; `rest` holds the same landmarks on the body in its rest pose. The pelvis'
    rotation leads from the rest frame to the landmarks' frame. `hand_rotations`, global rotations of the left and right hand from
    a hand detector, replace those from the body's landmarks in proportion to `hand_weight` in 0-1.
    """
    trunk = _trunk(landmarks, rest)
    rotations = {"pelvis": trunk.pelvis}
    for third, joint in enumerate(("spine1", "spine2", "spine3"), 1):
        rotations[joint] = slerp(trunk.pelvis, trunk.chest, third / 3)
    rotations["neck"] = slerp(trunk.chest, trunk.head, 0.5)
    rotations["head"] = trunk.head
    for index, side in enumerate(("left", "right")):
        rotations[f"{side}_collar"] = trunk.chest
        arm, hand = _arm(landmarks, rest, side, trunk.chest)
        if hand_rotations is not None and hand_weight is not None:
            hand = slerp(hand, hand_rotations[..., index, :, :], hand_weight[..., index])
        rotations |= _pronate(arm, hand, side, _vector(landmarks, f"{side}_elbow", f"{side}_wrist"))
        rotations |= _leg(landmarks, rest, side, trunk.pelvis)
    relative = [
        rotations[name] if parent < 0 else rotations[BODY_JOINTS[parent]].mT @ rotations[name]
        for name, parent in zip(BODY_JOINTS, PARENTS)
    ]
    return torch.stack(relative, -3)


def translation_from_keypoints(
    points: Float[Tensor, "*batch N 3"],
    pixels: Float[Tensor, "*batch N 2"],
    weight: Float[Tensor, "*batch N"],
    K: Float[Tensor, "3 3"],
) -> tuple[Float[Tensor, "*batch 3"], Float[Tensor, "*batch"]]:
    """The translations that project points onto pixels: weighted linear least squares, reweighted by depth.

    `points` are in the camera's axes, up to their translation, in metres; weights are not negative. Also returns how well each
    translation is determined: the sum of its weights.
    """
    rays = normalized(pixels, K)
    translation = torch.zeros_like(points[..., 0, :])
    depth = torch.ones_like(points[..., 0])
    identity = torch.eye(3, dtype=points.dtype, device=points.device)
    for _ in range(4):
        w = weight / depth
        # x + tx - r_x (z + tz) = 0 and the same for y: rows (1, 0, -r_x), (0, 1, -r_y)
        one, zero = torch.ones_like(rays[..., 0]), torch.zeros_like(rays[..., 0])
        rows = torch.stack(
            [torch.stack([one, zero, -rays[..., 0]], -1), torch.stack([zero, one, -rays[..., 1]], -1)], -2
        ) * w[..., None, None]  # fmt: skip
        target = (rays * points[..., 2:] - points[..., :2]) * w[..., None]
        rows, target = rows.flatten(-3, -2), target.flatten(-2)
        normal = rows.mT @ rows + 1e-6 * identity
        translation = torch.linalg.solve(normal, (rows.mT @ target[..., None])[..., 0])
        depth = (points[..., 2] + translation[..., None, 2]).clamp_min(0.2)
    return translation, weight.sum(-1)


def _point(landmarks: Tensor, name: str) -> Tensor:
    return landmarks[..., LANDMARK_INDEX[name], :]


def _midpoint(landmarks: Tensor, start: str, end: str) -> Tensor:
    return (_point(landmarks, start) + _point(landmarks, end)) / 2


def _vector(landmarks: Tensor, start: str, end: str) -> Tensor:
    return _point(landmarks, end) - _point(landmarks, start)


def _trunk(landmarks: Tensor, rest: Tensor) -> _Trunk:
    def girdle_frame(points: Tensor, girdle: str) -> Tensor:
        shoulders = _midpoint(points, "left_shoulder", "right_shoulder")
        spine = shoulders - _midpoint(points, "left_hip", "right_hip")
        return orthonormal_frame(_vector(points, f"right_{girdle}", f"left_{girdle}"), spine)

    pelvis = girdle_frame(landmarks, "hip") @ girdle_frame(rest, "hip").mT
    chest = girdle_frame(landmarks, "shoulder") @ girdle_frame(rest, "shoulder").mT
    face = [LANDMARK_INDEX[name] for name in _FACE]
    return _Trunk(pelvis, chest, kabsch(_centred(rest[face]), _centred(landmarks[..., face, :])))


def _centred(points: Tensor) -> Tensor:
    return points - points.mean(-2, keepdim=True)


def _limb(
    upper: Tensor, lower: Tensor, rest_upper: Tensor, rest_lower: Tensor, rest_hinge: Tensor, expected_hinge: Tensor
) -> tuple[Tensor, Tensor]:
    """Global rotations of the two bones that an elbow or knee joins.

    `expected_hinge` is the axis of the hinge where the limb is too straight to show it.
    """
    shown_hinge = torch.linalg.cross(normalize(upper, dim=-1), normalize(lower, dim=-1))
    sine = shown_hinge.norm(dim=-1, keepdim=True)
    bent = ((sine - _STRAIGHT) / (_BENT - _STRAIGHT)).clamp(0, 1)
    hinge = bent * shown_hinge / sine.clamp_min(1e-6) + (1 - bent) * normalize(expected_hinge, dim=-1)
    return (
        orthonormal_frame(upper, hinge) @ orthonormal_frame(rest_upper, rest_hinge).mT,
        orthonormal_frame(lower, hinge) @ orthonormal_frame(rest_lower, rest_hinge).mT,
    )


def _arm(landmarks: Tensor, rest: Tensor, side: str, chest: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Global rotations of shoulder and elbow by joint name, and that of the hand as the body's landmarks show it."""
    shoulder, elbow, wrist = (f"{side}_{part}" for part in ("shoulder", "elbow", "wrist"))
    upper, rest_upper = _vector(landmarks, shoulder, elbow), _vector(rest, shoulder, elbow)
    lower, rest_lower = _vector(landmarks, elbow, wrist), _vector(rest, elbow, wrist)
    # in the T-pose an elbow bends forward: about -Y on the left, +Y on the right
    rest_hinge = rest.new_tensor([0.0, -1.0 if side == "left" else 1.0, 0.0])
    straight = rotation_between_vectors(chest @ rest_upper, upper) @ chest
    upper_arm, forearm = _limb(upper, lower, rest_upper, rest_lower, rest_hinge, straight @ rest_hinge)

    def knuckle_frame(points: Tensor) -> Tensor:
        knuckles = _midpoint(points, f"{side}_index", f"{side}_pinky")
        return orthonormal_frame(knuckles - _point(points, wrist), _vector(points, f"{side}_pinky", f"{side}_index"))

    hand = slerp(forearm, knuckle_frame(landmarks) @ knuckle_frame(rest).mT, _KNUCKLE_WEIGHT)
    return {shoulder: upper_arm, elbow: forearm}, hand


def _pronate(arm: dict[str, Tensor], hand: Tensor, side: str, forearm: Tensor) -> dict[str, Tensor]:
    """The arm's rotations with half of the hand's roll given to the forearm, as in pronation."""
    elbow = f"{side}_elbow"
    return {**arm, elbow: share_roll(arm[elbow], hand, forearm), f"{side}_wrist": hand}


def share_roll(
    forearm_rotation: Float[Tensor, "*batch 3 3"], hand: Float[Tensor, "*batch 3 3"], forearm: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """A forearm's global rotation with half of its hand's rotation about it; `forearm` points from elbow to wrist."""
    axis = normalize(forearm, dim=-1)
    rotation = matrix_to_axis_angle(hand @ forearm_rotation.mT)
    roll = (rotation * axis).sum(-1, keepdim=True) * axis
    return axis_angle_to_matrix(roll / 2) @ forearm_rotation


def _leg(landmarks: Tensor, rest: Tensor, side: str, pelvis: Tensor) -> dict[str, Tensor]:
    """Global rotations of hip, knee, ankle and foot by joint name."""
    hip, knee, ankle, heel, toe = (f"{side}_{part}" for part in ("hip", "knee", "ankle", "heel", "foot_index"))
    upper, rest_upper = _vector(landmarks, hip, knee), _vector(rest, hip, knee)
    lower, rest_lower = _vector(landmarks, knee, ankle), _vector(rest, knee, ankle)
    rest_hinge = rest.new_tensor([1.0, 0.0, 0.0])
    # a straight leg's hinge lies across the foot, as far as the pelvis agrees
    across = torch.linalg.cross(_vector(landmarks, heel, toe), upper)
    expected_hinge = normalize(across, dim=-1) + pelvis @ rest_hinge
    thigh, shin = _limb(upper, lower, rest_upper, rest_lower, rest_hinge, expected_hinge)

    def foot_frame(points: Tensor) -> Tensor:
        return orthonormal_frame(_vector(points, heel, toe), _point(points, ankle) - _midpoint(points, heel, toe))

    foot = foot_frame(landmarks) @ foot_frame(rest).mT
    return {hip: thigh, knee: shin, ankle: foot, f"{side}_foot": foot}
