"""Estimates the floor in the camera's frame from the soles of standing feet and from the people's upward direction."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def estimate_floor(
    soles: Float[Tensor, "N 3"], weight: Float[Tensor, " N"], up: Float[Tensor, " 3"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, ""]]:
    """Fit the floor to the places where feet stood.

    All in the camera's frame: `soles` are the lowest points of feet that hardly move, metres; `up` is a unit vector, the people's
    mean upward direction, which decides the tilt as far as the feet leave it open (they often stand in one row).
    Returns the camera's pitch and roll (radians) and its height (metres), as `camera.extrinsics` takes them.
    """
    tilt_sigma, sole_sigma = 0.035, 0.08  # radians that `up` is off, metres that a sole is off
    normal = up.clone()
    total = weight.sum().clamp_min(1e-6)
    centre = (weight[:, None] * soles).sum(0) / total
    spread = soles - centre
    for _ in range(10):
        distance = spread @ normal
        robust = weight / (1 + (distance / sole_sigma) ** 2) ** 2
        centre = (robust[:, None] * soles).sum(0) / robust.sum().clamp_min(1e-6)
        spread = soles - centre
        # the soles count as a few independent observations only: a person taken for too tall is off the floor all the time
        scatter = spread.T @ (robust[:, None] * spread) / robust.sum().clamp_min(1e-6) * 4 / sole_sigma**2
        prior = torch.eye(3, dtype=soles.dtype, device=soles.device) / tilt_sigma**2
        normal = torch.linalg.solve(scatter + prior, prior @ up)
        normal = normal / normal.norm()
    height = -(centre * normal).sum()
    pitch = -torch.asin(normal[2].clamp(-1, 1))
    roll = torch.atan2(-normal[0], -normal[1])
    return pitch, roll, height
