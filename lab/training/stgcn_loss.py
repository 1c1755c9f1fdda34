"""The training loss of the ST-GCN: joints close to the true ones, and a sigma that says how close.

Shapes: B windows, P = 2 people, T frames, 22 joints; metres and seconds. Frames that are not `valid` are padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from core.contract.skeleton import PARENTS
from core.motion import BODY_COUNT
from core.representation.resampling import FRAME_RATE

from .loss_terms import cross_distances, masked_mean

_CHILDREN = list(range(1, BODY_COUNT))
_PARENTS = [PARENTS[joint] for joint in _CHILDREN]


@dataclass(frozen=True)
class STGCNLossSettings:
    """Weights of the parts of the loss. Each part is about one at an error of 10 cm, 1 m/s, 30 m/s2."""

    likelihood: float = 0.2
    pose: float = 1.0
    position: float = 0.5
    distance: float = 0.7
    bones: float = 0.7
    velocity: float = 0.3
    acceleration: float = 0.4
    near: float = 1.0
    """metres between joints of the two people below which their distance counts more (as in InterGen's joint distance maps)."""
    near_weight: float = 3.0
    """How much more."""
    fast: float = 3.0
    """m/s, relative to the pelvis, from which on a joint counts fully as one that strikes: see `strike_weights`."""
    fast_weight: float = 4.0
    """How much more it counts."""


_USUAL_ERROR, _USUAL_ACCELERATION = 0.1, 30.0
_FRAMES_AROUND_STRIKE = 4


def stgcn_loss(
    predicted: Float[Tensor, "B P T 22 3"],
    log_sigma: Float[Tensor, "B P T 22 2"],
    rays: Float[Tensor, "B P T 22 3"],
    true: Float[Tensor, "B P T 22 3"],
    valid: Bool[Tensor, "B T"],
    settings: STGCNLossSettings,
) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
    """The loss, and its parts without their weights, detached. `rays` lead from the camera to the joints, of any length."""
    error = relative_to_pelvis(predicted) - relative_to_pelvis(true)
    length = error.norm(dim=-1)
    weights = strike_weights(true, settings)
    two_valid, three_valid = valid[:, 1:] & valid[:, :-1], valid[:, 2:] & valid[:, :-2]
    difference = predicted - true
    parts = {
        "likelihood": masked_mean(laplace_nll(error, rays, log_sigma), valid, weights),
        "pose": masked_mean(length[..., 1:], valid, weights[..., 1:]) / _USUAL_ERROR,
        "position": masked_mean(length[..., :1], valid) / _USUAL_ERROR,
        "distance": _distance_error(predicted, true, valid, settings) / _USUAL_ERROR,
        "bones": masked_mean((bone_lengths(predicted) - bone_lengths(true)).abs(), valid) / _USUAL_ERROR,
        "velocity": masked_mean(difference.diff(dim=2).norm(dim=-1), two_valid, weights[:, :, 1:]) * FRAME_RATE,
        "acceleration": masked_mean(difference.diff(n=2, dim=2).norm(dim=-1), three_valid)
        * FRAME_RATE**2
        / _USUAL_ACCELERATION,
    }
    total = torch.stack([getattr(settings, name) * value for name, value in parts.items()]).sum()
    return total, {name: value.detach() for name, value in parts.items()}


def strike_weights(true: Float[Tensor, "B P T 22 3"], settings: STGCNLossSettings) -> Float[Tensor, "B P T 22"]:
    """How much each joint counts: 1, and up to `fast_weight` around frames in which it moves fast about its pelvis.

    A strike is a few frames of one limb. Where these count as any other frame, a network learns to leave it out.
    """
    moved = relative_to_pelvis(true)[..., 1:, :].diff(dim=2).norm(dim=-1) * FRAME_RATE
    speed = functional.pad(moved, (1, 0, 1, 0))
    around = 2 * _FRAMES_AROUND_STRIKE + 1
    peak = functional.max_pool1d(speed.transpose(2, 3).flatten(0, 2), around, 1, _FRAMES_AROUND_STRIKE)
    peak = peak.unflatten(0, (*speed.shape[:2], BODY_COUNT)).transpose(2, 3)
    slow = settings.fast / 2
    return 1 + (settings.fast_weight - 1) * ((peak - slow) / (settings.fast - slow)).clamp(0, 1)


def relative_to_pelvis(joints: Float[Tensor, "*b 22 3"]) -> Float[Tensor, "*b 22 3"]:
    """Joints relative to their own pelvis; the pelvis itself stays. This is what each sigma refers to."""
    return torch.cat([joints[..., :1, :], joints[..., 1:, :] - joints[..., :1, :]], -2)


def laplace_nll(
    error: Float[Tensor, "*b 3"], rays: Float[Tensor, "*b 3"], log_sigma: Float[Tensor, "*b 2"]
) -> Float[Tensor, "*b"]:
    """Negative log likelihood of errors in three dimensions with one sigma along a ray and another across it, up to a constant.

    The density is exp(-length) / (b_along b_across^2), where the length is that of the error in units of b along and across the
    ray; its standard deviation along each axis is 2 b. Its tails are heavy, as those of the errors of hidden limbs.
    """
    log_b = log_sigma - torch.log(torch.tensor(2.0))
    along = (error * torch.nn.functional.normalize(rays, dim=-1)).sum(-1)
    across = (error.square().sum(-1) - along.square()).clamp_min(0)
    length = ((along * (-log_b[..., 0]).exp()).square() + across * (-2 * log_b[..., 1]).exp() + 1e-12).sqrt()
    return log_b[..., 0] + 2 * log_b[..., 1] + length


def bone_lengths(joints: Float[Tensor, "*b 22 3"]) -> Float[Tensor, "*b 21"]:
    """The distance of each joint but the pelvis from its parent."""
    return (joints[..., _CHILDREN, :] - joints[..., _PARENTS, :]).norm(dim=-1)


def _distance_error(
    predicted: Float[Tensor, "B P T 22 3"],
    true: Float[Tensor, "B P T 22 3"],
    valid: Bool[Tensor, "B T"],
    settings: STGCNLossSettings,
) -> Float[Tensor, ""]:
    distances = cross_distances(true)
    weight = (1 + (settings.near_weight - 1) * (distances < settings.near)) * valid[..., None, None]
    return ((cross_distances(predicted) - distances).abs() * weight).sum() / weight.sum().clamp_min(1.0)
