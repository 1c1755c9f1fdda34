"""What the geometry optimizer is trained for: joints near the true ones, and a sigma that says how near.

Shapes: B windows, P = 2 people, T frames, 22 joints; metres and seconds; `there` [B,T] says which frames are no padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.contract.skeleton import PARENTS
from core.motion import BODY_COUNT

NEAR = 1.0
"""metres: joints of two people that are closer matter most to what they do with each other (InterGen's joint distance map)."""
_NEAR_WEIGHT = 3.0
_CHILDREN = list(range(1, BODY_COUNT))
_PARENTS = [PARENTS[joint] for joint in _CHILDREN]


@dataclass(frozen=True)
class JointWeights:
    """How much each part of the loss counts; each part is about one at an error of 10 cm, 1 m/s, 30 m/s2."""

    likelihood: float = 0.2
    pose: float = 1.0
    place: float = 0.5
    distance: float = 0.7
    bones: float = 0.7
    velocity: float = 0.3
    acceleration: float = 0.4


_TENTH, _ACCELERATION = 0.1, 30.0


def joint_loss(
    predicted: Tensor, log_sigma: Tensor, true: Tensor, there: Tensor, rate: float, weights: JointWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """predicted and true joints [B,P,T,22,3], log sigma [B,P,T,22] -> the loss and its parts, unweighted."""
    length = (about_pelvis(predicted) - about_pelvis(true)).norm(dim=-1)
    steps, turns = there[:, 1:] & there[:, :-1], there[:, 2:] & there[:, :-2]
    difference = predicted - true
    parts = {
        "likelihood": _mean(laplace(length, log_sigma), there),
        "pose": _mean(length[..., 1:], there) / _TENTH,
        "place": _mean(length[..., :1], there) / _TENTH,
        "distance": _distances(predicted, true, there) / _TENTH,
        "bones": _mean((bone_lengths(predicted) - bone_lengths(true)).abs(), there) / _TENTH,
        "velocity": _mean(difference.diff(dim=2).norm(dim=-1), steps) * rate,
        "acceleration": _mean(difference.diff(n=2, dim=2).norm(dim=-1), turns) * rate**2 / _ACCELERATION,
    }
    total = torch.stack([getattr(weights, name) * value for name, value in parts.items()]).sum()
    return total, {name: value.detach() for name, value in parts.items()}


def about_pelvis(joints: Tensor) -> Tensor:
    """Joints [...,22,3] relative to the own pelvis; the pelvis itself stays where it is: what each sigma is of."""
    return torch.cat([joints[..., :1, :], joints[..., 1:, :] - joints[..., :1, :]], -2)


def laplace(length: Tensor, log_sigma: Tensor) -> Tensor:
    """Negative log likelihood, but for a constant, of an error of that length in three dimensions.

    Density b^-3 exp(-length / b), whose standard deviation along each axis is 2 b: heavy tails, as errors of hidden limbs have.
    """
    log_b = log_sigma - torch.log(torch.tensor(2.0))
    return 3 * log_b + length * (-log_b).exp()


def bone_lengths(joints: Tensor) -> Tensor:
    """[...,22,3] -> [...,21]"""
    return (joints[..., _CHILDREN, :] - joints[..., _PARENTS, :]).norm(dim=-1)


def cross_distances(joints: Tensor) -> Tensor:
    """[B,2,T,22,3] -> [B,T,22,22]: from each joint of one person to each of the other."""
    first, second = joints.unbind(1)
    return (first[..., :, None, :] - second[..., None, :, :]).square().sum(-1).clamp_min(1e-8).sqrt()


def _distances(predicted: Tensor, true: Tensor, there: Tensor) -> Tensor:
    actual = cross_distances(true)
    weight = (1 + (_NEAR_WEIGHT - 1) * (actual < NEAR)) * there[..., None, None]
    return ((cross_distances(predicted) - actual).abs() * weight).sum() / weight.sum().clamp_min(1.0)


def _mean(values: Tensor, there: Tensor) -> Tensor:
    """Of values [B,P,T,N] over the frames [B,T] that are there."""
    weight = there[:, None, :, None].expand_as(values)
    return (values * weight).sum() / weight.sum().clamp_min(1)
