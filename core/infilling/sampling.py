"""Samples a take of a whole clip: all its windows are denoised together, under conditions, a prompt and guidance.

Shapes: P = 2 people, N frames of the uniform grid, C channels of the residual, E of a sentence embedding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.errors import UserError
from ..reporting import Reporter
from ..representation.sliding_windows import blend
from .denoiser import Conditions, Denoiser, EncodedConditions, collate, constant_over_time
from .schedule import DDIMScheduler

_MAX_BATCH = 8
"""Windows that are processed at once, so that memory does not grow with the clip."""


class GuidanceFunction(Protocol):
    """Changes the denoiser's prediction before each step of the scheduler."""

    def __call__(self, x0: Float[Tensor, "P N C"], sigma: float) -> Float[Tensor, "P N C"]:
        """The guided x0. `sigma` is that of the timestep, in 0-1: how much of x_t is noise."""
        ...


@dataclass(frozen=True)
class SamplingSettings:
    """How a take is sampled."""

    steps: int = 10
    """Inference steps."""
    temperature: float = 1.0
    """Scale of the initial noise: 0 gives the most likely take, 1 takes as different as the observations allow."""
    guidance_scale: float = 2.0
    """Of classifier-free guidance (Ho and Salimans, 2021): 0 ignores the prompt, 1 is the conditional prediction, more
    exaggerates the prompt."""
    strength: float = 1.0
    """If sampling starts from an earlier take, the part of the steps that is done, in 0-1: 0 returns the earlier take."""
    seed: int = 0


@dataclass(frozen=True)
class SamplingInputs:
    """What steers the sampling besides the conditions."""

    text: Float[Tensor, " E"] | None = None
    """Sentence embedding of the prompt."""
    guidance: GuidanceFunction | None = None
    start: Float[Tensor, "P N C"] | None = None
    """Channels of an earlier take to start from, instead of from noise."""


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    conditions: Iterable[Conditions],
    windows: Sequence[slice],
    settings: SamplingSettings,
    inputs: SamplingInputs,
    reporter: Reporter,
) -> Float[Tensor, "P N C"]:
    """One take of the clip that `windows` (`representation.sliding_windows`) cover, as channels of the residual.

    `conditions` holds those of each window, B = 1; it may be a generator, and is read once. The same seed gives the same take on
    every device, up to rounding. UserError `infiller-failed` if a prediction is not finite.
    """
    encoded = _encode(denoiser, conditions)
    device, static_channels = encoded[0].tokens.device, denoiser.config.static_channels
    people, frames = encoded[0].tokens.shape[1], max(window.stop for window in windows)
    generator = torch.Generator().manual_seed(settings.seed)  # on the CPU, where every device draws the same numbers
    noise = draw_noise((people, frames, denoiser.config.channels), static_channels, generator)
    x = noise.to(device) * settings.temperature
    scheduler = DDIMScheduler(denoiser.config.schedule)
    scheduler.set_timesteps(settings.steps, 1.0 if inputs.start is None else settings.strength)
    if inputs.start is not None:
        if not scheduler.timesteps:
            return inputs.start.clone()
        x = scheduler.add_noise(inputs.start.to(device), x, scheduler.timesteps[0])
    clip_denoiser = _ClipDenoiser(denoiser, windows, encoded, inputs.text, settings.guidance_scale)
    for number, t in enumerate(scheduler.timesteps):
        x0 = clip_denoiser.predict_x0(x, t)
        if inputs.guidance is not None:
            x0 = constant_over_time(inputs.guidance(x0, float(scheduler.alpha_sigma(t)[1])), static_channels)
        if not bool(x0.isfinite().all()):
            raise UserError(
                "infiller-failed",
                "The network that infills hidden motion returned values that are not finite.",
                "Its weights may be damaged: install the extension again.",
            )
        x = scheduler.step(x0, t, x)
        reporter.progress((number + 1) / len(scheduler.timesteps))
    return x


def draw_noise(
    shape: Sequence[int], static_channels: int, generator: torch.Generator | None
) -> Float[Tensor, "*b P T C"]:
    """Normal noise on the generator's device; in the last `static_channels` it is the same in all frames."""
    device = generator.device if generator is not None else None
    noise = torch.randn(*shape, generator=generator, device=device)
    if static_channels:
        noise[..., -static_channels:] = noise[..., :1, -static_channels:].clone()
    return noise


def _encode(denoiser: Denoiser, conditions: Iterable[Conditions]) -> list[EncodedConditions]:
    """Encode the conditions of each window, several windows at a time."""
    encoded: list[EncodedConditions] = []
    for batch in _batches(conditions):
        together = denoiser.encode(collate(batch))
        encoded += [together.along("B", slice(row, row + 1)) for row in range(len(batch))]
    return encoded


def _batches(conditions: Iterable[Conditions]) -> Iterator[list[Conditions]]:
    parts = iter(conditions)
    while batch := list(islice(parts, _MAX_BATCH)):
        yield batch


@dataclass(frozen=True)
class _ClipDenoiser:
    """The denoiser with everything about a clip that is the same in all steps."""

    denoiser: Denoiser
    windows: Sequence[slice]
    encoded: Sequence[EncodedConditions]
    text: Float[Tensor, " E"] | None
    guidance_scale: float

    def predict_x0(self, x: Float[Tensor, "P N C"], t: int) -> Float[Tensor, "P N C"]:
        """x0 of the whole clip: the predictions of the windows, averaged where they overlap."""

        def predictions() -> Iterator[Tensor]:
            for first in range(0, len(self.windows), _MAX_BATCH):
                chosen = slice(first, first + _MAX_BATCH)
                batch = torch.stack([x[:, window] for window in self.windows[chosen]])
                yield from self._classifier_free_guidance(
                    batch, t, EncodedConditions.concatenate(self.encoded[chosen], "B")
                )

        return constant_over_time(blend(predictions(), self.windows), self.denoiser.config.static_channels)

    def _classifier_free_guidance(
        self, x: Float[Tensor, "B P T C"], t: int, encoded: EncodedConditions
    ) -> Float[Tensor, "B P T C"]:
        """x0 of a batch of windows: uncond + guidance_scale (cond - uncond)."""
        timesteps = torch.full((len(x),), t, device=x.device)
        if self.text is None or self.guidance_scale == 0:
            return self.denoiser.denoise(x, timesteps, encoded)
        cond = self.denoiser.denoise(x, timesteps, encoded, self.text.expand(len(x), -1))
        if self.guidance_scale == 1:
            return cond
        uncond = self.denoiser.denoise(x, timesteps, encoded)
        return uncond + self.guidance_scale * (cond - uncond)
