"""Simulated takes for the training of the smoother."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from core.body.files import load_body
from core.representation.resampling import FRAME_RATE
from core.representation.residual import decode_residual
from lab.training.batches import Batch, cut_windows
from lab.training.simulated_takes import TakeErrors, ornstein_uhlenbeck, simulate_take, smooth_reference
from tests.lab.training.synthetic_job import synthetic_example

NO_ERRORS = TakeErrors(
    shortfall=0.0, jump_probability=0.0, rotations=((1e-9, 1e-9),) * 4, translations=((1e-9, 1e-9),) * 4
)


def two_windows(frames: int = 40) -> Batch:
    return cut_windows([synthetic_example(0), synthetic_example(1)], [0, 3], frames, torch.zeros(2, 384))


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_take_without_errors_is_the_true_motion() -> None:
    batch = two_windows()
    joints = simulate_take(batch, NO_ERRORS, generator()).joints(load_body(None))
    assert torch.allclose(joints, batch.true_joints, atol=2e-3)


def test_references_become_smoother_and_the_true_motion_stays() -> None:
    batch, body = two_windows(), load_body(None)
    smoothed = [smooth_reference(batch, TakeErrors(), generator(seed)) for seed in range(8)]
    jitter = [float(each.reference.rotations.diff(n=3, dim=2).norm()) for each in [batch, *smoothed]]
    assert min(jitter) < 0.7 * jitter[0] and max(jitter) < 1.01 * jitter[0]
    for each in smoothed[:3]:
        true = decode_residual(each.residual, each.residual_betas, each.reference).motion
        assert torch.allclose(true.joints(body), batch.true_joints, atol=2e-3)


def test_a_take_that_falls_short_lies_between_the_reference_and_the_true_motion() -> None:
    batch = two_windows()
    pelvis = simulate_take(batch, replace(NO_ERRORS, shortfall=0.7), generator()).pelvis
    reference, true = batch.reference.pelvis[:, 1], batch.true_joints[:, 1, :, 0]
    progress = (pelvis[:, 1] - reference)[..., 1] / (true - reference)[..., 1]
    assert bool(((progress > 0.29) & (progress <= 1.001)).all()) and float(progress.std()) > 1e-3


def test_hidden_joints_have_larger_errors() -> None:
    batch, body = two_windows(), load_body(None)
    hidden = replace(batch, confidence=torch.zeros_like(batch.confidence))

    def mean_error(batch: Batch) -> float:
        joints = simulate_take(batch, TakeErrors(), generator()).joints(body)
        return float((joints - batch.true_joints).norm(dim=-1).mean())

    assert mean_error(hidden) > 1.5 * mean_error(batch)


def test_a_take_is_determined_by_the_generator() -> None:
    batch = two_windows()

    def take(seed: int) -> Tensor:
        return simulate_take(batch, TakeErrors(), generator(seed)).rotations

    assert torch.equal(take(1), take(1)) and not torch.equal(take(1), take(2))


def test_a_jump_moves_one_joint_for_some_frames() -> None:
    batch = two_windows()
    without = simulate_take(batch, NO_ERRORS, generator()).rotations
    jumping = simulate_take(batch, replace(NO_ERRORS, jump_probability=1.0), generator()).rotations
    moved = (jumping - without).abs().amax((-1, -2)) > 0.02
    joints_of_person = moved.any(2).sum(-1)
    assert bool(moved.any()) and int(joints_of_person.max()) <= 2
    assert int(moved.sum(2).max()) <= 2 * TakeErrors().jump_frames


@pytest.mark.parametrize("seconds", (0.06, 0.7))
def test_a_process_decorrelates_with_its_time_constant(seconds: float) -> None:
    noise = torch.randn(40, 2, 600, 1, 1, generator=generator())
    path = ornstein_uhlenbeck(noise, seconds)[..., 0, 0]
    assert float(path.std()) == pytest.approx(1, abs=0.15)
    lag = round(seconds * FRAME_RATE)
    correlation = float((path[..., lag:] * path[..., :-lag]).mean() / path.var())
    assert correlation == pytest.approx(np.exp(-lag / FRAME_RATE / seconds), abs=0.1)
