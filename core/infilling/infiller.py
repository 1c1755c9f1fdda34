"""The infiller at work: takes of a whole clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..body.model import BodyModel
from ..checkpoint import load_checkpoint, load_weights, read_config, weights_file
from ..motion import PairMotion
from ..observations.features import VERSION, CanonicalFrame, Features
from ..reporting import Reporter
from ..representation.residual import PoseState, ResidualScales, apply_residual, from_channels, offset_between
from ..representation.sliding_windows import sliding_windows
from .denoiser import Conditions, Denoiser, DenoiserConfig
from .guidance import Guidance
from .sampling import SamplingSettings, sample

KIND = "infiller"
"""Of its checkpoints, and the name of the weights that come with the product."""


@dataclass(frozen=True)
class Infiller:
    """A trained denoiser and the scale of what it makes."""

    denoiser: Denoiser
    scales: ResidualScales


@dataclass(frozen=True)
class InfillerSample:
    """One take."""

    channels: Tensor
    """[P,N,D] on the models' clock, in the denoiser's scale: a later take may start from it."""
    motion: PairMotion
    """At the clip's own times, in the first motion's world."""
    energy: float | None
    """Of the guidance, lower is better; None without guidance."""


def load_infiller(path: Path | None = None, device: torch.device | str = "cpu") -> Infiller:
    """With the weights at `path`, else with those that came with the product.

    UserError `weights-missing` or `weights-wrong`, as `load_checkpoint`; `scales-wrong` where the scales do not fit.
    """
    path = path or weights_file(KIND)
    checkpoint = load_checkpoint(path, KIND, VERSION)
    denoiser = Denoiser(read_config(checkpoint, DenoiserConfig, path))
    load_weights(denoiser, checkpoint, path)
    return Infiller(denoiser.eval().requires_grad_(False).to(device), ResidualScales.from_json(checkpoint.statistics))


@dataclass(frozen=True)
class ReferenceMotion:
    """What an infiller changes: the initial motion, posed as the geometry optimizer has it where that ran."""

    state: PoseState
    """On the models' clock."""
    motion: PairMotion
    """The same at the clip's own times, in the initial motion's world."""
    sigma: Tensor | None = None
    """[P,N,22] metres, how unsure the optimizer is of its joints; None where it did not run."""


def infill(
    infiller: Infiller,
    observed: Features,
    setting: CanonicalFrame,
    first: ReferenceMotion,
    body: BodyModel,
    settings: SamplingSettings,
    *,
    text: Tensor | None = None,
    guidance: Guidance | None = None,
    start: Tensor | None = None,
    reporter: Reporter,
) -> InfillerSample:
    """Sample one take of a clip of any length, on the denoiser's device.

    `observed` and `setting` of `observe_pair`, `text` [E] of the sentence, `start` the channels of an earlier take. `guidance`
    of the same clip steers every step, holds enforced contacts and pins at the end, and warns of those that it cannot hold.
    UserError `infiller-broken`.
    """
    device = next(infiller.denoiser.parameters()).device
    windows = sliding_windows(observed.nodes.shape[1])
    if guidance is not None:
        guidance.fresh()
    channels = sample(
        infiller.denoiser,
        conditions_of(observed, first.state, first.sigma, body, windows, device),
        windows,
        settings,
        text=None if text is None else text.to(device),
        start=start,
        guidance=guidance,
        reporter=reporter,
    )
    energy = None
    if guidance is not None and not (start is not None and settings.strength == 0):
        channels = guidance.settle(channels, reporter)
        energy = guidance.energy(channels)
    x, betas = from_channels(channels.to(setting.view.rotation.device), infiller.scales)
    return InfillerSample(channels, apply_residual(x, betas, first.motion, setting.view, setting.clock), energy)


def conditions_of(
    observed: Features,
    base: PoseState,
    sigma: Tensor | None,
    body: BodyModel,
    windows: list[slice],
    device: torch.device,
) -> Iterator[Conditions]:
    """Of each window, made when it is asked for; `base` and `sigma` as in `First`."""
    shift, turn = offset_between(observed.reference, base, body)
    log_sigma = torch.zeros_like(observed.confidence) if sigma is None else sigma.log()
    for window in windows:
        nodes, people, way, turned, unsure, seen = (
            value[:, window].to(device)[None]
            for value in (observed.nodes, observed.people, shift, turn, log_sigma, observed.confidence)
        )
        valid = torch.ones(1, seen.shape[2], dtype=torch.bool, device=device)
        yield Conditions(nodes, people, way, turned, unsure, seen, valid)
