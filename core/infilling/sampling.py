"""Motion from noise: all windows of a clip denoised together, by the conditions, the sentence and a guide.

P = 2 people, N frames at 30 a second, D channels of the residual in the denoiser's scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, Protocol

import torch
from torch import Tensor

from ..contract.errors import UserError
from ..reporting import Reporter
from ..representation.sliding_windows import blend
from .denoiser import Conditions, Denoiser, EncodedConditions, collate, constant_over_time
from .schedule import Ddim, DpmSolver, Scheduler

_WINDOWS_AT_ONCE = 8
"""So that memory does not grow with the clip."""


class GuidanceFunction(Protocol):
    """Changes what the denoiser made of a noisy motion, before the step is taken."""

    def __call__(self, x0: Tensor, noise: float) -> Tensor:
        """x0 [P,N,D] -> the same, nearer to what is asked for. `noise` in 0-1: how much of x_t is noise (sigma)."""
        ...


@dataclass(frozen=True)
class SamplingSettings:
    """How to sample."""

    steps: int = 10
    solver: Literal["ddim", "dpm"] = "ddim"
    temperature: float = 1.0
    """Size of the noise that a take is made of: at 0 it is the most likely one, at 1 takes are as different as what is not seen
    allows."""
    eta: float = 0.0
    """How much fresh noise each step takes in, 0-1."""
    guidance_scale: float = 2.0
    """Classifier-free guidance (Ho and Salimans, 2021): 0 ignores the sentence, 1 takes it as trained, more exaggerates it."""
    strength: float = 1.0
    """With an earlier take to start from: the share of the steps that is done anew, 0 returns the take."""
    seed: int = 0

    def scheduler(self) -> Scheduler:
        made = DpmSolver() if self.solver == "dpm" else Ddim()
        made.set_timesteps(self.steps)
        return made


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    conditions: Iterable[Conditions],
    windows: Sequence[slice],
    settings: SamplingSettings,
    *,
    text: Tensor | None = None,
    start: Tensor | None = None,
    guidance: GuidanceFunction | None = None,
    reporter: Reporter,
) -> Tensor:
    """One take: x0 [P,N,D].

    `conditions` of each of the `windows` (`representation.spans.spans`), each with B = 1; they may be made one after the other.
    `text` [E] is the sentence's embedding. `start` [P,N,D] is an earlier take, from which `settings.strength` leads away. The
    same seed gives the same take. UserError `infiller-broken` where the denoiser's numbers are not finite.
    """
    encoded = _encoded(denoiser, conditions)
    people, frames = encoded[0].tokens.shape[1], max(window.stop for window in windows)
    device, steady = encoded[0].tokens.device, denoiser.config.static_channels
    generator = torch.Generator().manual_seed(settings.seed)  # on the CPU: a seed means the same on every device
    noise = draw_noise((people, frames, denoiser.config.channels), steady, generator).to(device) * settings.temperature
    scheduler = settings.scheduler()
    if start is not None:
        scheduler.skip(settings.strength)
        if not scheduler.timesteps:
            return start.clone()
        x = scheduler.add_noise(start.to(device), noise, scheduler.timesteps[0])
    else:
        x = noise
    for number, t in enumerate(scheduler.timesteps):
        x0 = _predicted(denoiser, x, t, encoded, windows, text, settings.guidance_scale)
        if guidance is not None:
            x0 = constant_over_time(guidance(x0, float(scheduler.alpha_sigma(t)[1])), steady)
        if not bool(x0.isfinite().all()):
            raise UserError(
                "infiller-broken",
                "The network that fills in hidden motion gave numbers that are not finite.",
                "Its weights are damaged or do not fit: fetch them again, or reconstruct without the infiller.",
            )
        x = scheduler.step(x0, t, x, settings.eta, generator)
        if settings.eta:
            x = _with_one_noise_for_all_frames(x, steady)
        reporter.progress((number + 1) / len(scheduler.timesteps))
    return x


def draw_noise(shape: Sequence[int], steady: int, generator: torch.Generator | None) -> Tensor:
    """Normal noise [...,T,D] on the generator's device; in the last `steady` channels the same for all frames."""
    device = generator.device if generator is not None else None
    return _with_one_noise_for_all_frames(torch.randn(*shape, generator=generator, device=device), steady)


def _with_one_noise_for_all_frames(x: Tensor, steady: int) -> Tensor:
    if steady:
        x[..., -steady:] = x[..., :1, -steady:].clone()
    return x


def _encoded(denoiser: Denoiser, conditions: Iterable[Conditions]) -> list[EncodedConditions]:
    """Of each window; several at once where they are equally long."""
    out = []
    for batch in _batches(conditions):
        encoded = denoiser.encode(collate(batch))
        for row in range(len(batch)):
            part = slice(row, row + 1)
            out.append(EncodedConditions(encoded.tokens[part], encoded.gate[part], encoded.valid[part]))
    return out


def _batches(conditions: Iterable[Conditions]) -> Iterator[list[Conditions]]:
    parts = iter(conditions)
    while batch := list(islice(parts, _WINDOWS_AT_ONCE)):
        yield batch


def _predicted(
    denoiser: Denoiser,
    x: Tensor,
    t: int,
    encoded: Sequence[EncodedConditions],
    windows: Sequence[slice],
    text: Tensor | None,
    guidance_scale: float,
) -> Tensor:
    """x0 of the whole clip: the windows' predictions, averaged where they overlap."""

    def parts() -> Iterator[Tensor]:
        for first in range(0, len(windows), _WINDOWS_AT_ONCE):
            chosen = slice(first, first + _WINDOWS_AT_ONCE)
            own = torch.stack([x[:, window] for window in windows[chosen]])
            yield from _spoken(denoiser, own, t, encoded[chosen], text, guidance_scale)

    return constant_over_time(blend(parts(), windows), denoiser.config.static_channels)


def _spoken(
    denoiser: Denoiser, x: Tensor, t: int, parts: Sequence[EncodedConditions], text: Tensor | None, weight: float
) -> Tensor:
    """x0 of several windows [B,P,T,D], pushed away from what it would be without the sentence."""
    both = EncodedConditions(
        *(torch.cat([getattr(part, name) for part in parts]) for name in ("tokens", "gate", "valid"))
    )
    times = torch.full((len(x),), t, device=x.device)
    if text is None or weight == 0:
        return denoiser.denoise(x, times, both)
    said = denoiser.denoise(x, times, both, text.expand(len(x), -1))
    if weight == 1:
        return said
    unsaid = denoiser.denoise(x, times, both)
    return unsaid + weight * (said - unsaid)
