"""Differentiable two-bone inverse kinematics of legs in closed form, so that feet stay exactly at their targets."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.body.rotations import orthonormal_frame

_STRAIGHT = 0.999
"""Greatest distance from hip to ankle as a fraction of the leg's length."""
_KNEE_FORWARD = 0.02
"""metres that the knee is taken to lie in front of the line from hip to ankle, so that a straight leg has a front."""


class Leg(NamedTuple):
    """A leg before its foot is moved: positions [...,3] and global rotations [...,3,3]."""

    hip: Tensor
    knee: Tensor
    ankle: Tensor
    thigh_rotation: Tensor
    shank_rotation: Tensor


class LegSolution(NamedTuple):
    """A leg between its hip and a given ankle: places [...,3] in metres and rotations [...,3,3], in the axes of the hip and ankle
    that were given."""

    knee: Tensor
    ankle: Tensor
    thigh_rotation: Tensor
    shank_rotation: Tensor
    shortfall: Tensor
    """[...] metres by which the leg is too short."""


def solve_leg(leg: Leg, hip: Tensor, ankle: Tensor, swivel: Tensor) -> LegSolution:
    """The leg with its hip and its ankle at new positions [...,3], in metres.

    The knee stays on its side of the leg, rotated by `swivel` [...] radians about the line from hip to ankle.
    """
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
