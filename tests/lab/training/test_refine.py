"""The sequence refiner's training: its made-up takes, the filters beside it, and weights that the product loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.body.files import load_body
from core.checkpoint import load_checkpoint
from core.representation.resampling import FRAME_RATE
from core.representation.residual import decode_residual
from core.smoothing.network import POSE_SIZE, SequenceSmoother, SmootherConfig
from core.smoothing.smooth import KIND, load_smoother
from lab.training.draw import Drawn, drawn
from lab.training.examples import batch_of
from lab.training.infill import scales_of
from lab.training.job import train_refiner
from lab.training.refine import (
    TakeErrors,
    calmed_first,
    drawn_take,
    filter_errors,
    gaussian,
    motion_loss,
    one_euro,
    refiner_errors,
    untouched,
    wandering,
)
from lab.training.words import Words
from tests.lab.training.made_up import RECIPE, job_in, made_up

SMALL = {"width": 8, "blocks": 1}
TRUE = TakeErrors(short=0.0, jumps=0.0, turns=((1e-9, 1e-9),) * 4, ways=((1e-9, 1e-9),) * 4)
"""Takes without errors."""


def window(seed: int = 0, frames: int = 40) -> Drawn:
    return drawn(batch_of([made_up(seed), made_up(seed + 1)], [0, 3], frames), Words(), torch.device("cpu"))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_take_without_errors_is_the_truth() -> None:
    batch = window()
    joints = drawn_take(batch, TRUE, generator()).joints(load_body(None))
    assert torch.allclose(joints, batch.truth_joints, atol=2e-3)


def test_first_motions_are_calmed_and_the_truth_stays() -> None:
    batch, body = window(), load_body(None)
    calm = [calmed_first(batch, generator(seed)) for seed in range(8)]
    unrest = [float(what.base.rotations.diff(n=3, dim=2).norm()) for what in [batch, *calm]]
    assert min(unrest) < 0.7 * unrest[0] and max(unrest) < 1.01 * unrest[0]
    for what in calm[:3]:
        true = decode_residual(what.x, what.betas, what.base).motion
        assert torch.allclose(true.joints(body), batch.truth_joints, atol=2e-3)


def test_a_take_that_falls_short_lies_between_the_first_motion_and_the_true_one() -> None:
    batch = window()
    pelvis = drawn_take(batch, replace(TRUE, short=0.7), generator()).pelvis
    gone = (pelvis - batch.base.pelvis)[:, 1, :, 1] / (batch.truth_joints[:, 1, :, 0] - batch.base.pelvis[:, 1])[..., 1]
    assert bool(((gone > 0.29) & (gone <= 1.001)).all()) and float(gone.std()) > 1e-3


def test_what_was_not_seen_errs_more_and_takes_differ_by_seed_alone() -> None:
    batch, body = window(), load_body(None)
    hidden = replace(batch, seen=torch.zeros_like(batch.seen))

    def off(what: Drawn, seed: int) -> torch.Tensor:
        return drawn_take(what, TakeErrors(), generator(seed)).joints(body) - batch.truth_joints

    assert float(off(hidden, 1).norm(dim=-1).mean()) > 1.5 * float(off(batch, 1).norm(dim=-1).mean())
    assert torch.equal(off(batch, 1), off(batch, 1)) and not torch.equal(off(batch, 1), off(batch, 2))


def test_a_jump_lasts_some_frames_and_moves_one_limb() -> None:
    batch = window()
    still = drawn_take(batch, TRUE, generator()).rotations
    jumped = drawn_take(batch, replace(TRUE, jumps=1.0), generator()).rotations
    away = (jumped - still).abs().amax((-1, -2)) > 0.02
    assert bool(away.any()) and int(away.any(2).sum(-1).max()) <= 2, "joints of a person"
    assert int(away.sum(2).max()) <= 2 * TakeErrors().longest


@pytest.mark.parametrize("seconds", (0.06, 0.7))
def test_errors_wander_as_long_as_they_are_said_to(seconds: float) -> None:
    path = wandering(torch.randn(40, 2, 600, 1, 1, generator=generator()), seconds)[..., 0, 0]
    assert float(path.std()) == pytest.approx(1, abs=0.15)
    lag = round(seconds * FRAME_RATE)
    kept = float((path[..., lag:] * path[..., :-lag]).mean() / path.var())
    assert kept == pytest.approx(np.exp(-lag / FRAME_RATE / seconds), abs=0.1)


def test_the_loss_is_about_one_at_usual_errors_and_leaves_padding_out() -> None:
    true = torch.zeros(1, 2, 12, 22, 3)
    made = true.clone()
    made[..., 0] = 0.1
    there = torch.ones(1, 12, dtype=torch.bool)
    there[:, 8:] = False
    parts = motion_loss(made, true, there)
    assert parts["placed"] == pytest.approx(1) and parts["pose"] == pytest.approx(0)
    made = true + torch.arange(12.0)[:, None, None] * torch.tensor([1 / FRAME_RATE, 0, 0])
    made[:, :, 8:] = 100
    parts = motion_loss(made, true, there)
    assert parts["velocity"] == pytest.approx(1, rel=1e-3) and parts["acceleration"] < 0.02


def test_plain_filters_calm_and_keep_even_motion() -> None:
    even = 0.02 * torch.arange(40.0)[:, None].expand(1, 2, 40, POSE_SIZE)
    noise = 0.01 * torch.randn(1, 2, 40, POSE_SIZE, generator=generator())
    nothing = torch.zeros(1)
    for smoother, error in ((gaussian(2.0), 1e-4), (one_euro(0.5, 0.3), 0.1)):
        assert torch.allclose(smoother(even, nothing, nothing)[:, :, 15:25], even[:, :, 15:25], atol=error)
        calm = smoother(even + noise, nothing, nothing) - even
        assert float(calm.diff(dim=2).norm()) < 0.5 * float(noise.diff(dim=2).norm())


def test_dev_errors_are_the_same_each_time_and_an_untrained_network_leaves_them() -> None:
    body, examples = load_body(None), [made_up(0)]
    before = refiner_errors(untouched, examples, body)
    network = SequenceSmoother(SmootherConfig(width=8, blocks=1))
    assert refiner_errors(network, examples, body) == pytest.approx(before, rel=1e-3)
    assert before["fast_step"] > before["step"] > 1, "mm"
    beside = filter_errors(examples, body)
    assert list(beside) == ["take", "gauss", "one-euro"] and beside["take"] == before
    assert beside["gauss"]["jerk"] < 0.5 * before["jerk"]


@pytest.mark.slow
def test_a_training_ends_in_weights_that_load(tmp_path: Path) -> None:
    job = job_in(tmp_path)
    outcome = train_refiner(job, None, SMALL)
    assert outcome.finished and outcome.step == RECIPE.steps
    path = tmp_path / f"{KIND}.safetensors"
    loaded = load_smoother(path)
    for name, value in loaded.network.state_dict().items():
        assert torch.equal(value, outcome.averaged.state_dict()[name]), name
    assert float(loaded.network.max_attenuation) != 0, "gates move in training"
    assert torch.allclose(loaded.scales.x, scales_of(job.examples, job.words, load_body(None), None).x)
    assert load_checkpoint(path).training["steps"] == RECIPE.steps
    assert "one-euro" in (tmp_path / f"{KIND}.md").read_text()
