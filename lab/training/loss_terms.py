"""What the losses of several networks are made of."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(
    values: Float[Tensor, "B P T N"], valid: Bool[Tensor, "B T"], weights: Float[Tensor, "B P T N"] | None = None
) -> Float[Tensor, ""]:
    """Mean over the valid frames, weighted where `weights` are given."""
    weight = valid[:, None, :, None].expand_as(values)
    if weights is not None:
        weight = weight * weights
    return (values * weight).sum() / weight.sum().clamp_min(1)


def cross_distances(joints: Float[Tensor, "B 2 T 22 3"]) -> Float[Tensor, "B T 22 22"]:
    """Distances from each joint of the first person to each joint of the second, with a finite gradient at zero."""
    first, second = joints.unbind(1)
    return (first[..., :, None, :] - second[..., None, :, :]).square().sum(-1).clamp_min(1e-8).sqrt()
