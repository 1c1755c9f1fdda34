"""What the denoiser is trained for: the residual itself, and the joints, the motion and the closeness that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from core.body.model import BodyModel
from core.infilling.denoiser import Conditions, Denoiser
from core.infilling.sampling import draw_noise
from core.infilling.schedule import DDIMScheduler
from core.representation.resampling import FRAME_RATE
from core.representation.residual import (
    BETAS,
    FOOT_CONTACT,
    RESIDUAL_SIZE,
    ROTATION,
    TOUCHING,
    TRANSLATION,
    PoseState,
    ResidualScales,
    decode_residual,
    encode_residual,
    from_channels,
    offset_between,
    to_channels,
)
from core.stgcn.posing import pose_to_joints

from .masking import MaskedFeatures, MaskRates, draw_masks, hide

_NEAR, _TOUCH = 1.0, 0.25
"""metres: pairs of joints that count in the loss, and those that count most (about InterGen's distance map and contacts)."""
_TENTH = 0.1


class Windows(Protocol):
    """A batch of windows of examples: B windows, P = 2 people, T frames."""

    @property
    def nodes(self) -> Tensor:
        """[B,P,T,22,F]"""
        ...

    @property
    def people(self) -> Tensor:
        """[B,P,T,G]"""
        ...

    @property
    def seen(self) -> Tensor:
        """[B,P,T,22]"""
        ...

    @property
    def base(self) -> PoseState:
        """The first motion."""
        ...

    @property
    def x(self) -> Tensor:
        """[B,P,T,SIZE] from the first motion to the true one, metres and 6D (`residual.encode`)."""
        ...

    @property
    def betas(self) -> Tensor:
        """[B,P,16] change of the shape."""
        ...

    @property
    def valid(self) -> Tensor:
        """bool [B,T]: frames that are no padding."""
        ...

    @property
    def text(self) -> Tensor | None:
        """[B,E] embeddings; rows of zeros, or None, for no sentence."""
        ...


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts; each is about one at a usual error of the first motion, 10 cm or 1 m/s."""

    rotations: float = 1.0
    shift: float = 1.0
    betas: float = 0.2
    states: float = 0.2
    joints: float = 1.0
    between: float = 1.0
    velocity: float = 0.1


@dataclass(frozen=True)
class InfillerObjective:
    """Called with a batch and a generator (on the batch's device), gives the loss and its parts, detached, for the curves.

    Each call hides more of what was seen (`masks`), forgets some sentences, and asks for x0 at levels drawn evenly.
    `optimizer` is the geometry optimizer, not trained here: `optimizer(nodes, people, text) -> shift, log_sigma`; what is changed
    is the first motion posed to its joints. For a share of the windows it is left out, so that the denoiser also does without
    it. With `plain` nothing is hidden or forgotten beside what the examples hide, and levels are evenly spaced: for measuring.
    """

    denoiser: Denoiser
    scales: ResidualScales
    body: BodyModel
    optimizer: nn.Module | None = None
    weights: LossWeights = field(default_factory=LossWeights)
    masks: MaskRates = field(default_factory=MaskRates)
    no_text: float = 0.15
    no_optimizer: float = 0.1
    plain: bool = False

    def __call__(self, batch: Windows, generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        true = decode_residual(batch.x, batch.betas, batch.base).motion
        what = MaskedFeatures(batch.nodes, batch.people, batch.seen, batch.base)
        if not self.plain:
            what = hide(what, draw_masks(_shape(batch), self.masks, generator), self.body)
        text = self._remembered(batch.text, generator)
        base, log_sigma = self._first(what, text, generator)
        x, betas = encode_residual(true, base, batch.x[..., FOOT_CONTACT] > 0, batch.x[..., TOUCHING] > 0)
        clean = to_channels(x, betas, self.scales)
        shift, turn = offset_between(what.reference, base, self.body)
        conditions = Conditions(what.nodes, what.people, shift, turn, log_sigma, what.confidence, batch.valid)
        t = self._levels(len(x), generator)
        noise = draw_noise(clean.shape, BETAS, generator)
        scheduler = DDIMScheduler(self.denoiser.config.schedule)
        x0 = self.denoiser(scheduler.add_noise(clean, noise, t.cpu()), t, conditions, text)
        alpha, sigma = (value.to(x0) for value in scheduler.alpha_sigma(t.cpu()))
        weight = (alpha / sigma).square().clamp(1, 5)  # little noise is left: what is still wrong stays wrong
        weight = weight / weight.mean()
        parts = self._parts(x0, clean, base, true, batch.valid, weight)
        total = torch.stack([getattr(self.weights, name) * value for name, value in parts.items()]).sum()
        return total, {name: value.detach() for name, value in parts.items()}

    def _levels(self, count: int, generator: torch.Generator) -> Tensor:
        device, steps = generator.device, self.denoiser.config.schedule.num_train_timesteps
        if self.plain:
            return ((torch.arange(count, device=device) + 0.5) / count * steps).long()
        return torch.randint(0, steps, (count,), generator=generator, device=device)

    def _remembered(self, text: Tensor | None, generator: torch.Generator) -> Tensor | None:
        if text is None or self.plain:
            return text
        return text * (torch.rand(len(text), 1, generator=generator, device=generator.device) >= self.no_text)

    @torch.no_grad()
    def _first(self, what: MaskedFeatures, text: Tensor | None, generator: torch.Generator) -> tuple[PoseState, Tensor]:
        """The motion that is changed, and the log of the optimizer's sigmas, zeros where it is left out."""
        log_sigma = torch.zeros_like(what.confidence)
        if self.optimizer is None:
            return what.reference, log_sigma
        shift, log_sigma = self.optimizer(what.nodes, what.people, text)
        base = pose_to_joints(what.reference, what.reference.joints(self.body) + shift, self.body)
        if self.plain:
            return base, log_sigma
        draw = torch.rand(len(shift), 1, 1, 1, generator=generator, device=generator.device)
        there = draw >= self.no_optimizer
        rotations = torch.where(there[..., None, None], base.rotations, what.reference.rotations)
        return PoseState(
            rotations, torch.where(there, base.pelvis, what.reference.pelvis), base.betas
        ), log_sigma * there

    def _parts(
        self, x0: Tensor, clean: Tensor, base: PoseState, true: PoseState, valid: Tensor, weight: Tensor
    ) -> dict[str, Tensor]:
        off = (x0 - clean).square()
        ours = decode_residual(*from_channels(x0, self.scales), base).motion.joints(self.body)
        wanted = true.joints(self.body)
        placed = (ours - wanted).norm(dim=-1)
        posed = ((ours - ours[..., :1, :]) - (wanted - wanted[..., :1, :])).norm(dim=-1)
        speed = (ours - wanted).diff(dim=2).norm(dim=-1) * FRAME_RATE

        def mean(values: Tensor, there: Tensor = valid) -> Tensor:
            """Of values [B,P,T,...] over the frames that are there."""
            share = (there * weight[:, None])[:, None, :, None].to(values)
            return (share * values).sum() / (share.sum() * values.shape[1] * values.shape[-1]).clamp_min(1e-9)

        return {
            "rotations": mean(off[..., ROTATION]),
            "shift": mean(off[..., TRANSLATION]),
            "states": mean(off[..., FOOT_CONTACT.start : RESIDUAL_SIZE]),
            "betas": mean(off[..., RESIDUAL_SIZE:]),
            "joints": mean((placed + posed) / 2) / _TENTH,
            "between": _between(ours, wanted, valid, weight) / _TENTH,
            "velocity": mean(speed, valid[:, 1:] & valid[:, :-1]),
        }


def _shape(batch: Windows) -> tuple[int, int, int]:
    count, people, frames = batch.x.shape[:3]
    return count, people, frames


def _between(ours: Tensor, wanted: Tensor, valid: Tensor, weight: Tensor) -> Tensor:
    """Mean error in metres of the distances between the two people's joints [B,2,T,22,3], of pairs that are near in truth."""
    actual, made = (_distances(joints) for joints in (wanted, ours))
    counts = (actual < _NEAR).float() + 2 * (actual < _TOUCH)
    counts = counts * (valid * weight[:, None])[..., None, None]
    return (counts * (made - actual).abs()).sum() / counts.sum().clamp_min(1.0)


def _distances(joints: Tensor) -> Tensor:
    """[B,2,T,22,3] -> [B,T,22,22]"""
    first, second = joints.unbind(1)
    return ((first[..., :, None, :] - second[..., None, :, :]).square().sum(-1) + 1e-8).sqrt()
