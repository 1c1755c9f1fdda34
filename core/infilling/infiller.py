"""The infiller at work: takes of a whole clip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..body.model import BodyModel
from ..checkpoint import config_of, fill, load_checkpoint, weights_file
from ..motion import PairMotion
from ..observations.features import VERSION, Observed, Setting
from ..reporting import Reporter
from ..representation.residual import Base, Scales, apply
from ..representation.sliding_windows import spans
from .denoiser import Conditions, Denoiser, DenoiserConfig
from .guidance import Guidance
from .loss import unscaled, way_between
from .sampling import Sampling, sample

KIND = "infiller"
"""Of its checkpoints, and the name of the weights that come with the product."""


@dataclass(frozen=True)
class Infiller:
    """A trained denoiser and the scale of what it makes."""

    denoiser: Denoiser
    scales: Scales


@dataclass(frozen=True)
class Infilled:
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
    denoiser = Denoiser(config_of(checkpoint, DenoiserConfig, path))
    fill(denoiser, checkpoint, path)
    return Infiller(denoiser.eval().requires_grad_(False).to(device), Scales.from_json(checkpoint.statistics))


@dataclass(frozen=True)
class First:
    """What an infiller changes: the initial motion, posed as the geometry optimizer has it where that ran."""

    base: Base
    """On the models' clock."""
    motion: PairMotion
    """The same at the clip's own times, in the initial motion's world."""
    sigma: Tensor | None = None
    """[P,N,22] metres, how unsure the optimizer is of its joints; None where it did not run."""


def infill(
    infiller: Infiller,
    observed: Observed,
    setting: Setting,
    first: First,
    body: BodyModel,
    settings: Sampling,
    *,
    text: Tensor | None = None,
    guidance: Guidance | None = None,
    start: Tensor | None = None,
    reporter: Reporter,
) -> Infilled:
    """Sample one take of a clip of any length, on the denoiser's device.

    `observed` and `setting` of `observe_pair`, `text` [E] of the sentence, `start` the channels of an earlier take. `guidance`
    of the same clip steers every step, holds enforced contacts and pins at the end, and warns of those that it cannot hold.
    UserError `infiller-broken`.
    """
    device = next(infiller.denoiser.parameters()).device
    windows = spans(observed.nodes.shape[1])
    if guidance is not None:
        guidance.fresh()
    channels = sample(
        infiller.denoiser,
        conditions_of(observed, first.base, first.sigma, body, windows, device),
        windows,
        settings,
        text=None if text is None else text.to(device),
        start=start,
        guide=guidance,
        reporter=reporter,
    )
    energy = None
    if guidance is not None and not (start is not None and settings.strength == 0):
        channels = guidance.settle(channels, reporter)
        energy = guidance.energy(channels)
    x, betas = unscaled(channels.to(setting.view.turn.device), infiller.scales)
    return Infilled(channels, apply(x, betas, first.motion, setting.view, setting.clock), energy)


def conditions_of(
    observed: Observed, base: Base, sigma: Tensor | None, body: BodyModel, windows: list[slice], device: torch.device
) -> Iterator[Conditions]:
    """Of each window, made when it is asked for; `base` and `sigma` as in `First`."""
    shift, turn = way_between(observed.base, base, body)
    log_sigma = torch.zeros_like(observed.seen) if sigma is None else sigma.log()
    for window in windows:
        nodes, people, way, turned, unsure, seen = (
            value[:, window].to(device)[None]
            for value in (observed.nodes, observed.people, shift, turn, log_sigma, observed.seen)
        )
        valid = torch.ones(1, seen.shape[2], dtype=torch.bool, device=device)
        yield Conditions(nodes, people, way, turned, unsure, seen, valid)
