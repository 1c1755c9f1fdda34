"""Plain zero-phase filters that the sequence smoother is compared with.

Each takes and returns poses as `core.smoothing.network.pose_numbers` gives them, with the smoother network's arguments.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from core.representation.resampling import FRAME_RATE
from core.representation.residual import ROTATION, TRANSLATION
from core.smoothing.wavelet import pad_odd


class PoseFilter(Protocol):
    """A smoother of poses: the trained network or a plain filter, which uses the pose alone."""

    def __call__(
        self,
        pose: Float[Tensor, "B P T D"],
        reference: Float[Tensor, "B P T D"],
        evidence: Float[Tensor, "B P T 22 E"],
        /,
    ) -> Float[Tensor, "B P T D"]: ...


def identity(pose: Tensor, reference: Tensor, evidence: Tensor) -> Tensor:
    """The filter that changes nothing."""
    return pose


def gaussian(sigma: float) -> PoseFilter:
    """A Gaussian over time of `sigma` frames; uniform motion continues beyond the ends."""
    reach = math.ceil(3 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()

    def apply(pose: Tensor, reference: Tensor, evidence: Tensor) -> Tensor:
        return pad_odd(pose, reach).unfold(-2, len(kernel), 1) @ kernel.to(pose)

    return apply


def one_euro(min_cutoff: float, beta: float) -> PoseFilter:
    """The One Euro filter (Casiez, Roussel and Vogel, CHI 2012), averaged over both directions of time to have no lag.

    `min_cutoff` is the cutoff frequency at rest, in Hz; `beta` raises it, in Hz for each radian (or metre) per second of a joint.
    """

    def smoothing_factor(cutoff: Tensor | float) -> Tensor:
        return 1 / (1 + FRAME_RATE / (2 * torch.pi * torch.as_tensor(cutoff)))

    def one_direction(pose: Tensor) -> Tensor:
        value, velocity, previous = pose[..., 0, :], torch.zeros_like(pose[..., 0, :]), pose[..., 0, :]
        values = [value]
        for now in pose.unbind(-2)[1:]:
            velocity = velocity + smoothing_factor(1.0).to(pose) * ((now - previous) * FRAME_RATE - velocity)
            rotations, translation = velocity[..., ROTATION].unflatten(-1, (-1, 6)), velocity[..., TRANSLATION]
            rotation_speed = rotations.norm(dim=-1).repeat_interleave(6, -1)
            speed = torch.cat([rotation_speed, translation.norm(dim=-1, keepdim=True).expand_as(translation)], -1)
            value = value + smoothing_factor(min_cutoff + beta * speed) * (now - value)
            values.append(value)
            previous = now
        return torch.stack(values, -2)

    def apply(pose: Tensor, reference: Tensor, evidence: Tensor) -> Tensor:
        return (one_direction(pose) + one_direction(pose.flip(-2)).flip(-2)) / 2

    return apply
