"""Legs that reach given feet: two bones in closed form, differentiable, so that feet stay exactly where they should."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.body.rotations import orthonormal_frame

_STRAIGHT = 0.999
"""Share of the leg's length to which it stretches at most."""
_KNEE_FORWARD = 0.02
"""metres that the knee is taken to be before the line from hip to ankle, so that a straight leg knows its front."""


class Leg(NamedTuple):
    """A leg as it was before its foot was asked elsewhere. Shapes [...,3], rotations [...,3,3] in the world."""

    hip: Tensor
    knee: Tensor
    ankle: Tensor
    thigh_rotation: Tensor
    shank_rotation: Tensor


class LegSolution(NamedTuple):
    knee: Tensor
    ankle: Tensor
    thigh_rotation: Tensor
    shank_rotation: Tensor
    shortfall: Tensor
    """[...] metres that the leg is too short by."""


def solve_leg(leg: Leg, hip: Tensor, ankle: Tensor, swivel: Tensor) -> LegSolution:
    """The leg with its hip joint and its ankle at new places [...,3]; the knee keeps to its side, turned by `swivel` [...]
    radians about the line from hip to ankle."""
    thigh, shank = (leg.knee - leg.hip).norm(dim=-1, keepdim=True), (leg.ankle - leg.knee).norm(dim=-1, keepdim=True)
    wanted = ankle - hip
    length = wanted.norm(dim=-1, keepdim=True)
    towards = wanted / length.clamp_min(1e-6)
    missing = (length - _STRAIGHT * (thigh + shank)).clamp_min(0)
    length = torch.minimum(length, _STRAIGHT * (thigh + shank))
    length = torch.maximum(length, (thigh - shank).abs() + 0.02)

    before = normalize(leg.ankle - leg.hip, dim=-1)
    hinge = leg.thigh_rotation[..., 0]
    bent = leg.knee - leg.hip
    old_front = _across(bent, before) + _KNEE_FORWARD * normalize(torch.linalg.cross(before, hinge), dim=-1)
    front = normalize(_across(_carried(old_front, before, towards), towards), dim=-1)
    front = swivel.cos()[..., None] * front + swivel.sin()[..., None] * torch.linalg.cross(towards, front)

    along = ((thigh.square() - shank.square() + length.square()) / (2 * length)).clamp(-thigh, thigh)
    knee = hip + along * towards + (thigh.square() - along.square()).clamp_min(1e-8).sqrt() * front
    reached = hip + length * towards
    side = torch.linalg.cross(front, towards)  # the hinge of a knee that bends backwards
    old_side = torch.linalg.cross(old_front, before)
    thigh_turn = orthonormal_frame(knee - hip, side) @ orthonormal_frame(bent, old_side).mT @ leg.thigh_rotation
    shank_turn = (
        orthonormal_frame(reached - knee, side)
        @ orthonormal_frame(leg.ankle - leg.knee, old_side).mT
        @ leg.shank_rotation
    )
    return LegSolution(knee, reached, thigh_turn, shank_turn, missing[..., 0])


def _across(vector: Tensor, line: Tensor) -> Tensor:
    return vector - (vector * line).sum(-1, keepdim=True) * line


def _carried(vector: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The vector turned by the least rotation that takes one unit vector to another."""
    axis = torch.linalg.cross(first, second)
    cosine = (first * second).sum(-1, keepdim=True)
    once = torch.linalg.cross(axis, vector)
    return vector + once + torch.linalg.cross(axis, once) / (1 + cosine).clamp_min(1e-3)
