"""The samplers against what is known in closed form: exact paths, and a Gaussian whose best denoiser can be written down."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from core.infilling.schedule import Ddim, DpmSolver, Scheduler, cosine_alphas

MEAN, SPREAD = 0.7, 0.4
"""Of the Gaussian that is sampled."""


def ideal_denoiser(x: Tensor, alpha: float, sigma: float) -> Tensor:
    """E[x0 | x] for x0 ~ N(MEAN, SPREAD^2), x = alpha x0 + sigma noise."""
    gain = alpha * SPREAD**2 / (alpha**2 * SPREAD**2 + sigma**2)
    return MEAN + gain * (x - alpha * MEAN)


def sample(scheduler: Scheduler, steps: int, x: Tensor, eta: float = 0.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        alpha, sigma = (float(value) for value in scheduler.alpha_sigma(t))
        x = scheduler.step(ideal_denoiser(x, alpha, sigma), t, x, eta, generator)
    return x


def exact(x: Tensor, scheduler: Scheduler) -> Tensor:
    """Where the probability-flow equation takes x from the last level: for a Gaussian it is a shift and a scaling."""
    alpha, sigma = (float(value) for value in scheduler.alpha_sigma(len(scheduler.alpha_squared) - 1))
    return MEAN + (x - alpha * MEAN) * SPREAD / math.sqrt(alpha**2 * SPREAD**2 + sigma**2)


def test_levels_fall_from_nearly_clean_to_nearly_noise():
    levels = cosine_alphas(1000)
    assert (levels.diff() < 0).all()
    assert levels[0] > 0.9999 and 0 < levels[-1] < 1e-3
    # half way the cosine's angle is an eighth of a turn, but for the small offset
    assert abs(float(levels[499]) - 0.5) < 0.01


@pytest.mark.parametrize("scheduler", [Ddim(), DpmSolver()])
def test_with_the_true_x0_every_step_lies_on_the_way_of_its_noise_and_ends_at_x0(scheduler: Scheduler):
    draw = torch.Generator().manual_seed(3)
    x0, noise = torch.randn(2, 4, 5, generator=draw).double(), torch.randn(2, 4, 5, generator=draw).double()
    scheduler.set_timesteps(7)
    x = scheduler.add_noise(x0, noise, scheduler.timesteps[0])
    for t, after in zip(scheduler.timesteps, [*scheduler.timesteps[1:], None]):
        x = scheduler.step(x0, t, x)
        expected = x0 if after is None else scheduler.add_noise(x0, noise, after)
        assert torch.allclose(x, expected, atol=1e-9)


def test_noise_of_a_batch_is_added_at_each_examples_own_level():
    scheduler = Ddim()
    x0, noise = torch.ones(3, 2, 2), torch.full((3, 2, 2), -1.0)
    mixed = scheduler.add_noise(x0, noise, torch.tensor([0, 500, 999]))
    for row, t in enumerate((0, 500, 999)):
        assert torch.allclose(mixed[row], scheduler.add_noise(x0[row], noise[row], t))


def test_few_steps_of_second_order_come_as_near_as_many_of_first():
    start = torch.linspace(-2.5, 2.5, 21).double()
    truth = exact(start, Ddim())
    assert (sample(Ddim(), 1000, start) - truth).abs().max() < 2e-3

    def error(scheduler: Scheduler, steps: int) -> float:
        return float((sample(scheduler, steps, start) - truth).abs().max())

    assert error(DpmSolver(), 12) < 0.5 * error(Ddim(), 12)
    assert error(DpmSolver(), 24) < 0.01


@pytest.mark.parametrize("scheduler", [Ddim(), DpmSolver()])
def test_fresh_noise_gives_the_right_spread_too(scheduler: Scheduler):
    start = torch.randn(20000, generator=torch.Generator().manual_seed(1))
    out = sample(scheduler, 60, start, eta=1.0)
    assert abs(float(out.mean()) - MEAN) < 0.02
    assert abs(float(out.std()) - SPREAD) < 0.03
    assert not torch.equal(out, sample(scheduler, 60, start, eta=1.0, seed=1))


@pytest.mark.parametrize("scheduler", [Ddim(), DpmSolver()])
def test_without_fresh_noise_the_same_start_gives_the_same(scheduler: Scheduler):
    start = torch.randn(50, generator=torch.Generator().manual_seed(1))
    assert torch.equal(sample(scheduler, 10, start, seed=1), sample(scheduler, 10, start, seed=2))


def test_a_start_at_a_middle_level_keeps_the_last_steps():
    scheduler = Ddim()
    scheduler.set_timesteps(10)
    whole = list(scheduler.timesteps)
    scheduler.skip(0.3)
    assert scheduler.timesteps == whole[7:]
    scheduler.skip(0.0)
    assert scheduler.timesteps == []


@pytest.mark.parametrize("count", [0, 1001])
def test_a_senseless_number_of_steps_is_refused(count: int):
    with pytest.raises(ValueError, match="steps"):
        Ddim().set_timesteps(count)


def test_as_many_steps_as_levels_visit_each_once():
    scheduler = DpmSolver()
    scheduler.set_timesteps(1000)
    assert scheduler.timesteps == list(range(999, -1, -1))
