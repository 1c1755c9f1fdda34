"""The noise schedule and the DDIM scheduler against closed forms: exact paths, and a Gaussian whose best denoiser is known."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.checkpoint import Checkpoint, as_record, load_checkpoint, save_checkpoint, weights_file
from core.contract.errors import UserError
from core.infilling.denoiser import Denoiser, DenoiserConfig
from core.infilling.infiller import KIND, load_infiller
from core.infilling.schedule import DDIMScheduler, NoiseScheduleConfig
from core.observations.features import VERSION

MEAN, SPREAD = 0.7, 0.4
"""Of the Gaussian that is sampled."""


@pytest.fixture
def scheduler() -> DDIMScheduler:
    return DDIMScheduler(NoiseScheduleConfig())


def ideal_denoiser(x: Tensor, alpha: float, sigma: float) -> Tensor:
    """E[x0 | x] for x0 ~ N(MEAN, SPREAD^2), x = alpha x0 + sigma noise."""
    gain = alpha * SPREAD**2 / (alpha**2 * SPREAD**2 + sigma**2)
    return MEAN + gain * (x - alpha * MEAN)


def probability_flow(x: Tensor, scheduler: DDIMScheduler) -> Tensor:
    """Where the probability-flow equation takes x from the last timestep: for a Gaussian, a translation and a scaling."""
    alpha, sigma = (float(value) for value in scheduler.alpha_sigma(len(scheduler.alphas_cumprod) - 1))
    return MEAN + (x - alpha * MEAN) * SPREAD / math.sqrt(alpha**2 * SPREAD**2 + sigma**2)


def test_alphas_cumprod_fall_from_nearly_one_to_nearly_zero() -> None:
    alphas = NoiseScheduleConfig().alphas_cumprod()
    assert (alphas.diff() < 0).all()
    assert alphas[0] > 0.9999 and 0 < alphas[-1] < 1e-3
    # half way through, the cosine's angle is 45 degrees, but for the small offset
    assert abs(float(alphas[499]) - 0.5) < 0.01


def test_with_the_true_x0_each_step_leads_to_its_own_noisy_sample_and_the_last_to_x0(scheduler: DDIMScheduler) -> None:
    generator = torch.Generator().manual_seed(3)
    x0, noise = (torch.randn(2, 4, 5, generator=generator).double() for _ in range(2))
    scheduler.set_timesteps(7)
    x = scheduler.add_noise(x0, noise, scheduler.timesteps[0])
    for t, following in zip(scheduler.timesteps, [*scheduler.timesteps[1:], None]):
        x = scheduler.step(x0, t, x)
        expected = x0 if following is None else scheduler.add_noise(x0, noise, following)
        assert torch.allclose(x, expected, atol=1e-9)


def test_many_steps_follow_the_probability_flow(scheduler: DDIMScheduler) -> None:
    start = torch.linspace(-2.5, 2.5, 21).double()
    scheduler.set_timesteps(1000)
    x = start
    for t in scheduler.timesteps:
        alpha, sigma = (float(value) for value in scheduler.alpha_sigma(t))
        x = scheduler.step(ideal_denoiser(x, alpha, sigma), t, x)
    assert (x - probability_flow(start, scheduler)).abs().max() < 2e-3


def test_noise_is_added_to_each_sample_of_a_batch_at_its_own_timestep(scheduler: DDIMScheduler) -> None:
    x0, noise = torch.ones(3, 2, 2), torch.full((3, 2, 2), -1.0)
    mixed = scheduler.add_noise(x0, noise, torch.tensor([0, 500, 999]))
    for row, t in enumerate((0, 500, 999)):
        assert torch.allclose(mixed[row], scheduler.add_noise(x0[row], noise[row], t))


def test_strength_keeps_the_last_timesteps(scheduler: DDIMScheduler) -> None:
    scheduler.set_timesteps(10)
    all_timesteps = list(scheduler.timesteps)
    scheduler.set_timesteps(10, strength=0.3)
    assert scheduler.timesteps == all_timesteps[7:]
    scheduler.set_timesteps(10, strength=0.0)
    assert scheduler.timesteps == []


def test_as_many_steps_as_timesteps_visit_each_once(scheduler: DDIMScheduler) -> None:
    scheduler.set_timesteps(1000)
    assert scheduler.timesteps == list(range(999, -1, -1))


@pytest.mark.parametrize("count", [0, 1001])
def test_a_number_of_steps_out_of_range_is_refused(scheduler: DDIMScheduler, count: int) -> None:
    with pytest.raises(ValueError, match="steps"):
        scheduler.set_timesteps(count)


def test_an_unknown_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="beta schedule"):
        NoiseScheduleConfig(beta_schedule="linear")


@pytest.fixture
def config() -> DenoiserConfig:
    return DenoiserConfig(4, 3, 150, width=16, depth=1, heads=2, schedule=NoiseScheduleConfig(50, offset=0.1))


def save_infiller(path: Path, config: DenoiserConfig, record: dict[str, object]) -> None:
    scales = load_checkpoint(weights_file(KIND)).statistics
    save_checkpoint(path, Checkpoint(KIND, VERSION, record, Denoiser(config).state_dict(), scales))


def test_the_schedule_is_read_back_from_the_checkpoint(tmp_path: Path, config: DenoiserConfig) -> None:
    save_infiller(tmp_path / "a.safetensors", config, as_record(config))
    denoiser = load_infiller(tmp_path / "a.safetensors").denoiser
    assert denoiser.config.schedule == config.schedule
    assert torch.equal(denoiser.alpha, config.schedule.alphas_cumprod().sqrt().float())


def test_a_checkpoint_without_a_schedule_is_refused(tmp_path: Path, config: DenoiserConfig) -> None:
    record = as_record(config)
    del record["schedule"]
    save_infiller(tmp_path / "a.safetensors", config, record)
    with pytest.raises(UserError, match="schedule") as caught:
        load_infiller(tmp_path / "a.safetensors")
    assert caught.value.code == "weights-wrong"


def test_the_shipped_infiller_was_trained_with_the_default_schedule() -> None:
    assert load_infiller().denoiser.config.schedule == NoiseScheduleConfig(1000, "cosine", 0.008, 1e-4)
