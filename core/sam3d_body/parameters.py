"""From what the network's heads predict to the parameters of the rig, and the way back for the wrists.

Rotations are predicted without jumps: joints that turn about three axes as two columns of their matrix (Zhou et al., CVPR 2019),
joints with a single axis as sine and cosine. The rig takes angles.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.rotations import rotation_6d_to_matrix
from .euler import matrix_to_fixed_xyz

POSE_COUNT = 133
"""Angles and small translations of the body, the hands and the jaw."""
_BALL_JOINTS = (
    (0, 2, 4), (6, 8, 10), (12, 13, 14), (15, 16, 17), (18, 19, 20), (21, 22, 23), (24, 25, 26), (27, 28, 29),
    (34, 35, 36), (37, 38, 39), (44, 45, 46), (53, 54, 55), (64, 65, 66), (85, 69, 73), (86, 70, 79), (87, 71, 82),
    (88, 72, 76), (91, 92, 93), (112, 96, 100), (113, 97, 106), (114, 98, 109), (115, 99, 103), (130, 131, 132),
)  # fmt: skip
"""Places of the angles about x, y and z among the pose's parameters, of the joints that turn about three axes."""
_TRANSLATIONS = tuple(range(124, 130))
_BALL_PLACES = [place for joint in _BALL_JOINTS for place in joint]
_HINGES = [place for place in range(POSE_COUNT) if place not in {*_BALL_PLACES, *_TRANSLATIONS}]
POSE_CHANNELS = 6 * len(_BALL_JOINTS) + 2 * len(_HINGES) + len(_TRANSLATIONS)
"""260"""
_UNUSED = [*range(62, 116), *range(130, 133)]
"""The fingers, which have parameters of their own, and the jaw."""
_FINGER_AXES = (3, 1, 1, 3, 1, 1, 3, 1, 1, 3, 1, 1, 2, 3, 1, 1)
"""How many axes each of a hand's joints turns about."""
HAND_CHANNELS = 2 * sum(_FINGER_AXES)
"""54"""
WRISTS = ((41, 43, 42), (31, 33, 32))
"""Places of the left and the right wrist's angles about its axes x, z and y."""
_WRIST_LIMITS = ((-2.2, 1.0), (-2.2, 1.5), (-1.2, 1.5))


def pose_angles(channels: Float[Tensor, "*batch 260"]) -> Float[Tensor, "*batch 133"]:
    """The body's parameters; those of fingers and jaw are 0."""
    ball, hinge, translation = channels.split([6 * len(_BALL_JOINTS), 2 * len(_HINGES), len(_TRANSLATIONS)], -1)
    out = channels.new_zeros(*channels.shape[:-1], POSE_COUNT)
    out[..., _BALL_PLACES] = _ball_angles(ball).flatten(-2)
    out[..., _HINGES] = _hinge_angles(hinge)
    out[..., list(_TRANSLATIONS)] = translation
    out[..., _UNUSED] = 0
    return out


def finger_angles(channels: Float[Tensor, "*batch 54"]) -> Float[Tensor, "*batch 27"]:
    """A hand's parameters, joint by joint."""
    angles: list[Tensor] = []
    for part, axes in zip(channels.split([2 * axes for axes in _FINGER_AXES], -1), _FINGER_AXES):
        angles.append(_ball_angles(part)[..., 0, :] if axes == 3 else _hinge_angles(part))
    return torch.cat(angles, -1)


def _ball_angles(channels: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch N 3"]:
    return matrix_to_fixed_xyz(rotation_6d_to_matrix(channels.unflatten(-1, (-1, 6))))


def _hinge_angles(channels: Float[Tensor, "*batch C"]) -> Float[Tensor, "*batch N"]:
    sine, cosine = channels.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.atan2(sine, cosine)


def plausible_wrist(angles: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
    """Of the two triples of angles about x, z and y that mean the same rotation, the one that a wrist can take better."""
    x, z, y = angles.unbind(-1)
    other = torch.stack([x + torch.pi, -(z + torch.pi), y + torch.pi], -1)
    other = torch.atan2(other.sin(), other.cos())
    better = _beyond_limits(other) < _beyond_limits(angles)
    return torch.where(better[..., None], other, angles)


def _beyond_limits(angles: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
    low, high = angles.new_tensor(_WRIST_LIMITS).T
    return ((low - angles).clamp_min(0).square() + (angles - high).clamp_min(0).square()).sum(-1)
