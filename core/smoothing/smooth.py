"""The sequence refiner at work: a take of a whole clip, smooth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from ..checkpoint import load_checkpoint, load_weights, read_config, weights_file
from ..contract.errors import UserError
from ..observations.features import VERSION, Features
from ..representation.residual import (
    FOOT_CONTACT,
    RESIDUAL_SIZE,
    TRANSLATION,
    PoseState,
    ResidualScales,
    decode_residual,
    encode_residual,
    from_channels,
)
from .network import SequenceSmoother, SmootherConfig, evidence_of, motion_of, numbers_of

KIND = "sequence-refiner"
"""Of its checkpoints, and the name of the weights that come with the product."""
FADE = 8
"""Frames over which smoothing comes back before and after what is held."""


@dataclass(frozen=True)
class Smoother:
    """A trained network and the scale of the takes that it was trained with."""

    network: SequenceSmoother
    scales: ResidualScales


def load_smoother(path: Path | None = None, device: torch.device | str = "cpu") -> Smoother:
    """With the weights at `path`, else with those that came with the product.

    UserError `weights-missing` or `weights-wrong`, as `load_checkpoint`; `scales-wrong` where the scales do not fit.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND, VERSION)
    network = SequenceSmoother(read_config(checkpoint, SmootherConfig, path))
    load_weights(network, checkpoint, path)
    return Smoother(network.eval().requires_grad_(False).to(device), ResidualScales.from_json(checkpoint.statistics))


@torch.no_grad()
def smooth(
    smoother: Smoother,
    channels: Tensor,
    features: Features,
    *,
    strength: float = 1.0,
    hold: Tensor | None = None,
    scales: ResidualScales | None = None,
) -> Tensor:
    """A take calmed over the whole clip: channels [P,N,D] as `diffusion.run.Infilled.channels`, and the same of the result.

    Only rotations and ways change; states and betas stay. `strength` in 0-1 says how much of the calming is done: at 0 the take
    comes back as it was. `hold` [P,N] in 0-1: what must stay (pins, enforced contacts) stays, and smoothing fades in over
    `FADE` frames around it. `scales` are the infiller's; None: those that the refiner was trained with. On the refiner's device;
    the result lies where `channels` do. UserError `refiner-broken` where the result is not finite.
    """
    if strength <= 0:
        return channels.clone()
    device = next(smoother.network.parameters()).device
    scales = scales or smoother.scales
    base = PoseState(
        *(
            value.to(device)
            for value in (features.reference.rotations, features.reference.pelvis, features.reference.betas)
        )
    )
    x, betas = from_channels(channels.to(device), scales)
    take = decode_residual(x, betas, base).motion
    evidence = evidence_of(features.nodes.to(device), features.confidence.to(device))
    calmed = smoother.network(numbers_of(take)[None], numbers_of(base)[None], evidence[None])[0]
    states = x[..., FOOT_CONTACT.start : RESIDUAL_SIZE]
    made, _ = encode_residual(motion_of(calmed, take), base, states[..., :2] > 0, states[..., 2:] > 0)
    share = torch.full(x.shape[:2], min(strength, 1.0), device=device)
    if hold is not None:
        share = share * (1 - held_around(hold.to(x)))
    moving = slice(0, TRANSLATION.stop)
    wanted = made[..., moving] / scales.x[moving].to(made)
    result = channels.clone()
    result[..., moving] = channels[..., moving].lerp(wanted.to(channels), share[..., None].to(channels))
    if not bool(torch.isfinite(result).all()):
        raise UserError(
            "refiner-broken",
            "The sequence refiner gave numbers that are not finite.",
            "The take or the refiner's weights are damaged: make the take again, or go on without smoothing it.",
        )
    return result


def held_around(hold: Tensor) -> Tensor:
    """What holds each frame [P,N] in 0-1: itself, or less and less, along half a cosine, what is near."""
    offset = torch.arange(-FADE, FADE + 1, device=hold.device, dtype=hold.dtype)
    fade = 0.5 + 0.5 * torch.cos(torch.pi * offset / (FADE + 1))
    near = functional.pad(hold, (FADE, FADE)).unfold(-1, len(offset), 1)
    return (near * fade).amax(-1).clamp(0, 1)
