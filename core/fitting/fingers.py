"""Finger curls from metric hand landmarks, on SMPL-X's flat hand."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.landmarks import palm_of_hand
from ..body.rotations import axis_angle_to_matrix
from ..observations.observe import Observations
from ..observations.over_time import smooth_over_time

_WRIST = 0
_KNUCKLES = (5, 9, 17, 13)
"""MediaPipe's first landmarks of index, middle, pinky and ring: SMPL-X's order of the fingers."""
_RELAXED, _THUMB_RELAXED = (22.0, 30.0, 18.0), (8.0, 8.0, 12.0)
"""Degrees of bending at the three joints of a finger and of the thumb where no hand was detected."""
_RANGE = ((-10.0, 90.0), (0.0, 105.0), (0.0, 80.0))
"""Degrees of bending at a finger's three joints, from the knuckle on."""


def curl_rotations(observations: Observations) -> Float[Tensor, "P T 33 3 3"]:
    """Relative rotations of jaw, eyes, left and right hand (SMPL-X's joints 22-54).

    Where a hand was detected its fingers bend as observed; elsewhere they are relaxed. The jaw and the eyes rest.
    """
    found = observations.hand_wrists[..., 2]
    time = observations.seconds
    features = finger_bends(observations.hand_landmarks)
    relaxed = features.new_tensor(_RELAXED).expand(4, 3) * math.pi / 180
    low, high = features.new_tensor(_RANGE).T * math.pi / 180
    features = torch.minimum(torch.maximum(features, low), high)
    weight = found.square()[..., None, None].expand_as(features)
    # a little of the relaxed hand everywhere decides where nothing was seen for long
    blended = smooth_over_time(
        (weight * features + 0.02 * relaxed).flatten(2) / (weight + 0.02).flatten(2),
        (weight + 0.02).flatten(2),
        time,
        0.1,
    ).unflatten(2, (2, 4, 3))
    return _rotations(blended)


def finger_bends(hands: Float[Tensor, "*batch 2 21 3"]) -> Float[Tensor, "*batch 2 4 3"]:
    """Metric hand landmarks, left then right -> bends in radians.

    Index, middle, pinky and ring at their three joints, positive towards the palm; only the knuckle bends backwards too.
    """
    palm = palm_of_hand(hands)
    # the frame's third axis leaves the palm of the left hand, the back of the right one
    inward = palm[..., 2] * hands.new_tensor([1.0, -1.0])[:, None]
    bends = []
    for start in _KNUCKLES:
        bones = hands[..., start + 1 : start + 4, :] - hands[..., start : start + 3, :]
        knuckle = hands[..., start, :] - hands[..., _WRIST, :]
        chain = torch.nn.functional.normalize(torch.cat([knuckle[..., None, :], bones], -2) + 1e-6, dim=-1)
        before, after = chain[..., :-1, :], chain[..., 1:, :]
        bend = torch.atan2(torch.linalg.cross(before, after).norm(dim=-1), (before * after).sum(-1))
        backwards = (bones[..., 0, :] * inward).sum(-1) < 0
        bends.append(torch.cat([torch.where(backwards, -bend[..., 0], bend[..., 0])[..., None], bend[..., 1:]], -1))
    return torch.stack(bends, -2)


def _rotations(bends: Float[Tensor, "P T 2 4 3"]) -> Float[Tensor, "P T 33 3 3"]:
    """Fingers of the flat T-pose hand bend downwards: about -Z on the left, +Z right."""
    people, frames = bends.shape[:2]
    angles = bends.new_zeros(people, frames, 33, 3)
    thumb = bends.new_tensor(_THUMB_RELAXED) * math.pi / 180
    for hand, direction in enumerate((-1.0, 1.0)):
        start = 3 + 15 * hand
        angles[:, :, start : start + 12, 2] = direction * bends[:, :, hand].flatten(2)
        angles[:, :, start + 12 : start + 15, 1] = direction * thumb
    return axis_angle_to_matrix(angles)
