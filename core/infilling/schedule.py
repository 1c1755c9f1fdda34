"""The noise schedule of the infiller, and the DDIM scheduler that turns noise into motion in few steps.

The interface is that of diffusers: `set_timesteps(n)`, then for each `t` of `timesteps` one `step(x0, t, x_t)`, where x0 is the
denoiser's prediction (diffusers' prediction type "sample"). A noisy sample is x_t = alpha_t x0 + sigma_t noise, with
alpha_t^2 = alphas_cumprod[t] and sigma_t^2 = 1 - alpha_t^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class NoiseScheduleConfig:
    """The noise of each timestep. It is a part of the denoiser's config and saved with the weights that were trained with it."""

    num_train_timesteps: int = 1000
    """Timesteps count from 0, nearly clean, to num_train_timesteps - 1, nearly pure noise."""
    beta_schedule: str = "cosine"
    """Only `cosine`: Nichol and Dhariwal, Improved denoising diffusion probabilistic models, ICML 2021, equation 17."""
    offset: float = 0.008
    """s of that equation: keeps the first timesteps from being without noise."""
    min_alpha_cumprod: float = 1e-4
    """Lower limit of alphas_cumprod: keeps a trace of x0 at the last timestep, so its signal-to-noise ratio is not zero."""

    def __post_init__(self) -> None:
        if self.beta_schedule != "cosine":
            raise ValueError(f"unknown beta schedule {self.beta_schedule!r}")
        if self.num_train_timesteps < 1:
            raise ValueError("num_train_timesteps must be positive")

    def alphas_cumprod(self) -> Float[Tensor, " num_train_timesteps"]:
        """alpha_t^2 of each timestep, float64."""
        time = (torch.arange(self.num_train_timesteps, dtype=torch.float64) + 1) / self.num_train_timesteps

        def squared_cosine(time: Tensor) -> Tensor:
            return torch.cos((time + self.offset) / (1 + self.offset) * math.pi / 2).square()

        relative = squared_cosine(time) / squared_cosine(torch.zeros(1, dtype=torch.float64))
        return self.min_alpha_cumprod + (1 - self.min_alpha_cumprod) * relative


class DDIMScheduler:
    """Deterministic DDIM (Song, Meng and Ermon, Denoising diffusion implicit models, ICLR 2021, equation 12 with sigma = 0)."""

    def __init__(self, config: NoiseScheduleConfig) -> None:
        self.config = config
        self.alphas_cumprod = config.alphas_cumprod()
        self.timesteps: list[int] = []
        """Those of the sampling, from the noisiest down."""

    def set_timesteps(self, num_inference_steps: int, strength: float = 1.0) -> None:
        """Choose evenly spaced timesteps, of which only the last part `strength`, in 0-1, is kept.

        A strength below one is for starting from an existing sample, to which noise of the first timestep is added.
        """
        count = self.config.num_train_timesteps
        if not 1 <= num_inference_steps <= count:
            raise ValueError(f"the number of inference steps must be between 1 and {count}, not {num_inference_steps}")
        timesteps = [
            round(count * (num_inference_steps - number) / num_inference_steps) - 1
            for number in range(num_inference_steps)
        ]
        kept = round(num_inference_steps * min(max(strength, 0.0), 1.0))
        self.timesteps = timesteps[num_inference_steps - kept :]

    def alpha_sigma(self, timesteps: int | Int[Tensor, "..."]) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """alpha_t and sigma_t of one timestep or several, float64."""
        alpha_squared = self.alphas_cumprod[timesteps]
        return alpha_squared.sqrt(), (1 - alpha_squared).sqrt()

    def add_noise(
        self,
        original_samples: Float[Tensor, "*dims"],
        noise: Float[Tensor, "*dims"],
        timesteps: int | Int[Tensor, " B"],
    ) -> Float[Tensor, "*dims"]:
        """x_t of clean samples, at one timestep for all or at one for each sample of a batch (the first axis)."""
        alpha, sigma = self.alpha_sigma(timesteps)
        if isinstance(timesteps, Tensor):
            shape = (-1, *[1] * (original_samples.dim() - 1))
            alpha, sigma = alpha.reshape(shape), sigma.reshape(shape)
        return alpha.to(original_samples) * original_samples + sigma.to(original_samples) * noise

    def step(
        self, model_output: Float[Tensor, "*dims"], timestep: int, sample: Float[Tensor, "*dims"]
    ) -> Float[Tensor, "*dims"]:
        """prev_sample: from x_t and the predicted x0 to the next less noisy of `timesteps`, after the last one to x0 itself."""
        alpha, sigma = (float(value) for value in self.alpha_sigma(timestep))
        following = self.timesteps.index(timestep) + 1
        if following == len(self.timesteps):
            prev_alpha, prev_sigma = 1.0, 0.0
        else:
            prev_alpha, prev_sigma = (float(value) for value in self.alpha_sigma(self.timesteps[following]))
        predicted_noise = (sample - alpha * model_output) / sigma
        return prev_alpha * model_output + prev_sigma * predicted_noise
