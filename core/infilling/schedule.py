"""How noise comes and goes: a cosine schedule, and two samplers that go from noise to motion in few steps.

Used in diffusers' manner: `set_timesteps(n)`, then for every `t` of `timesteps` one `step(x0, t, x)`, where x0 is what the
denoiser makes of x. A noisy x at time t is alpha x0 + sigma noise, with alpha^2 + sigma^2 = 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

TRAIN_STEPS = 1000
"""Noise levels that a denoiser is trained on; t counts them from 0, nearly clean, to the last, nearly noise alone."""
_OFFSET = 0.008
_LEAST_ALPHA_SQUARED = 1e-4


def cosine_alphas(steps: int = TRAIN_STEPS) -> Tensor:
    """alpha^2 [steps] at each t, float64: cos^2 of a quarter turn, with a small offset (Nichol and Dhariwal, 2021)."""
    at = (torch.arange(steps, dtype=torch.float64) + 1) / steps

    def level(time: Tensor) -> Tensor:
        return torch.cos((time + _OFFSET) / (1 + _OFFSET) * math.pi / 2).square()

    share = level(at) / level(torch.zeros(1, dtype=torch.float64))
    # never quite zero: steps from the last level divide by its alpha
    return _LEAST_ALPHA_SQUARED + (1 - _LEAST_ALPHA_SQUARED) * share


class Scheduler(ABC):
    """What the samplers share. One object serves one sampling at a time: it remembers where it is."""

    def __init__(self, train_steps: int = TRAIN_STEPS) -> None:
        self.alpha_squared = cosine_alphas(train_steps)
        self.timesteps: list[int] = []

    def set_timesteps(self, count: int) -> None:
        """Choose `count` times, evenly spaced, from the noisiest down; forget earlier steps."""
        if not 1 <= count <= len(self.alpha_squared):
            raise ValueError(f"between 1 and {len(self.alpha_squared)} steps, not {count}")
        steps = len(self.alpha_squared)
        self.timesteps = [round(steps * (count - number) / count) - 1 for number in range(count)]

    def skip(self, strength: float) -> None:
        """Keep only the last share `strength` in 0-1 of the times: for a start from something that is there already."""
        kept = round(len(self.timesteps) * min(max(strength, 0.0), 1.0))
        self.timesteps = self.timesteps[len(self.timesteps) - kept :]

    def alpha_sigma(self, t: int | Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma at t, an int or int64 of any shape; float64."""
        squared = self.alpha_squared[t]
        return squared.sqrt(), (1 - squared).sqrt()

    def add_noise(self, x0: Tensor, noise: Tensor, t: int | Tensor) -> Tensor:
        """x0 and noise [B,...] at the level t, an int or int64 [B]."""
        alpha, sigma = self.alpha_sigma(t)
        shape = (-1, *[1] * (x0.dim() - 1)) if isinstance(t, Tensor) and t.dim() else ()
        return alpha.to(x0).reshape(shape) * x0 + sigma.to(x0).reshape(shape) * noise

    @abstractmethod
    def step(self, x0: Tensor, t: int, x: Tensor, eta: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        """From x at t and the denoiser's x0 to x at the next of `timesteps`, after the last of them to x0 itself.

        `eta` in 0-1: how much fresh noise takes the place of the old; 0 is deterministic.
        """

    def _next(self, t: int) -> tuple[float, float]:
        """alpha and sigma where the step from t leads."""
        after = self.timesteps.index(t) + 1
        if after == len(self.timesteps):
            return 1.0, 0.0
        alpha, sigma = self.alpha_sigma(self.timesteps[after])
        return float(alpha), float(sigma)


class Ddim(Scheduler):
    """First order (Song, Meng and Ermon, Denoising diffusion implicit models, 2021, equation 12)."""

    def step(self, x0: Tensor, t: int, x: Tensor, eta: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        alpha, sigma = (float(value) for value in self.alpha_sigma(t))
        next_alpha, next_sigma = self._next(t)
        noise = (x - alpha * x0) / sigma
        fresh = eta * next_sigma / sigma * math.sqrt(max(1 - (alpha / next_alpha) ** 2, 0.0))
        kept = math.sqrt(max(next_sigma**2 - fresh**2, 0.0))
        moved = next_alpha * x0 + kept * noise
        return moved + fresh * _noise_like(x, generator) if fresh > 0 else moved


class DpmSolver(Scheduler):
    """Second order from the last two x0 (DPM-Solver++(2M): Lu et al., 2022, algorithm 2), first order at both ends.

    With `eta` the noise of its stochastic form (SDE-DPM-Solver++ of the same paper for eta = 1).
    """

    def __init__(self, train_steps: int = TRAIN_STEPS) -> None:
        super().__init__(train_steps)
        self._before: tuple[Tensor, float] | None = None

    def set_timesteps(self, count: int) -> None:
        super().set_timesteps(count)
        self._before = None

    def step(self, x0: Tensor, t: int, x: Tensor, eta: float = 0.0, generator: torch.Generator | None = None) -> Tensor:
        alpha, sigma = (float(value) for value in self.alpha_sigma(t))
        next_alpha, next_sigma = self._next(t)
        before, here = self._before, math.log(alpha / sigma)
        self._before = (x0, here)
        if next_sigma == 0:
            return x0
        h = math.log(next_alpha / next_sigma) - here
        aim = x0
        if before is not None:
            past, there = before
            aim = x0 + (x0 - past) * (h / (2 * (here - there)))
        moved = (next_sigma / sigma) * math.exp(-eta * h) * x - next_alpha * math.expm1(-(1 + eta) * h) * aim
        fresh = next_sigma * math.sqrt(-math.expm1(-2 * eta * h))
        return moved + fresh * _noise_like(x, generator) if fresh > 0 else moved


def _noise_like(x: Tensor, generator: torch.Generator | None) -> Tensor:
    # drawn on the CPU, so that a seed means the same on every device
    return torch.randn(x.shape, generator=generator).to(x)
