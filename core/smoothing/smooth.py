"""Smooths a take of a whole clip with the trained sequence smoother, and loads its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from ..checkpoint import load_checkpoint, load_weights, read_config, weights_file
from ..contract.errors import UserError
from ..contract.runs import frames_in
from ..observations.features import VERSION, Features
from ..representation.resampling import FRAME_RATE
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
from .network import SequenceSmoother, SmootherConfig, evidence_features, pose_from_numbers, pose_numbers

KIND = "sequence-smoother"
"""Kind of its checkpoints, and the file name of the weights that ship with the product."""


@dataclass(frozen=True)
class Smoother:
    """A trained network and the scales of the residuals that it was trained with."""

    network: SequenceSmoother
    scales: ResidualScales


@dataclass(frozen=True)
class SmoothingSettings:
    """How a take is smoothed."""

    strength: float = 1.0
    """In 0-1: 0 returns the take unchanged, 1 the network's result."""
    fade_seconds: float = 0.27
    """Before and after a held frame, over which the smoothing fades in."""


def load_smoother(path: Path | None = None, device: torch.device | str = "cpu") -> Smoother:
    """The smoother with the weights in `path`, by default those that ship with the product.

    UserError `weights-missing`, or `weights-wrong` also where the scales do not fit, see `load_checkpoint`.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND, VERSION)
    network = SequenceSmoother(read_config(checkpoint, SmootherConfig, path))
    load_weights(network, checkpoint, path)
    return Smoother(network.eval().requires_grad_(False).to(device), ResidualScales.from_json(checkpoint.statistics))


@torch.no_grad()
def smooth(
    smoother: Smoother,
    channels: Float[Tensor, "P N C"],
    features: Features,
    settings: SmoothingSettings | None = None,
    *,
    hold: Float[Tensor, "P N"] | None = None,
    scales: ResidualScales | None = None,
) -> Float[Tensor, "P N C"]:
    """Smooth a take of a whole clip, given and returned as channels of the residual to `features.reference`.

    Only rotations and translations change; foot contact, touching and betas stay. `hold`, in 0-1, says which frames must stay as
    they are (pins, enforced contacts). `scales` are those of the channels; None: those of the smoother. Computes on the
    smoother's device; the result is on that of `channels`. UserError `smoother-failed` if it is not finite.
    """
    settings = settings or SmoothingSettings()
    if settings.strength <= 0:
        return channels.clone()
    device = next(smoother.network.parameters()).device
    scales = scales or smoother.scales
    reference = features.reference
    reference = PoseState(*(value.to(device) for value in (reference.rotations, reference.pelvis, reference.betas)))
    x, betas = from_channels(channels.to(device), scales)
    take = decode_residual(x, betas, reference).motion
    evidence = evidence_features(features.nodes.to(device), features.confidence.to(device))
    smoothed = smoother.network(pose_numbers(take)[None], pose_numbers(reference)[None], evidence[None])[0]
    states = x[..., FOOT_CONTACT.start : RESIDUAL_SIZE]
    smoothed_x, _ = encode_residual(
        pose_from_numbers(smoothed, take), reference, states[..., :2] > 0, states[..., 2:] > 0
    )
    weight = torch.full(x.shape[:2], min(settings.strength, 1.0), device=device)
    if hold is not None:
        weight = weight * (1 - fade_around(hold.to(x), settings.fade_seconds, FRAME_RATE))
    motion = slice(0, TRANSLATION.stop)
    target = smoothed_x[..., motion] / scales.x[motion].to(smoothed_x)
    result = channels.clone()
    result[..., motion] = channels[..., motion].lerp(target.to(channels), weight[..., None].to(channels))
    if not bool(torch.isfinite(result).all()):
        raise UserError(
            "smoother-failed",
            "The network that smooths the motion returned values that are not finite.",
            "Set the smoothness to 0 to go on without it. If its weights are damaged, install the extension again.",
        )
    return result


def fade_around(hold: Float[Tensor, "P N"], seconds: float, rate: float) -> Float[Tensor, "P N"]:
    """How far each frame is held: as `hold` says, and less and less, along half a cosine, in the seconds around it."""
    frames = frames_in(seconds, 1 / rate)
    offset = torch.arange(-frames, frames + 1, device=hold.device, dtype=hold.dtype)
    fade = 0.5 + 0.5 * torch.cos(torch.pi * offset / (frames + 1))
    near = torch.nn.functional.pad(hold, (frames, frames)).unfold(-1, len(offset), 1)
    return (near * fade).amax(-1).clamp(0, 1)
