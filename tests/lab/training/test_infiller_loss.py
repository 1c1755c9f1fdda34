"""The objective of the infiller: zero where x0 is right, and what is dropped at random in training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.body.files import load_body
from core.body.model import BodyModel
from core.infilling.denoiser import Conditions, Denoiser, DenoiserConfig
from core.observations.features import NODE_FEATURES, PERSON_FEATURES
from core.representation.residual import (
    BETAS,
    CHANNELS,
    ROTATION,
    TRANSLATION,
    ResidualScales,
    from_channels,
    to_channels,
)
from lab.training.batches import Batch
from lab.training.infiller_loss import InfillerObjective
from lab.training.masking import MaskSettings
from tests.lab.training.synthetic_batch import synthetic_batch

CONFIG = DenoiserConfig(
    len(NODE_FEATURES), len(PERSON_FEATURES), CHANNELS, static_channels=BETAS, width=64, depth=2, heads=2, node_width=8
)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


@pytest.fixture(scope="module")
def batch() -> Batch:
    return synthetic_batch()


@pytest.fixture(scope="module")
def scales(batch: Batch) -> ResidualScales:
    return ResidualScales.of(list(batch.residual), list(batch.residual_betas))


class OracleDenoiser(Denoiser):
    """Returns a given x0, and records its inputs."""

    answer: Tensor
    conditions: Conditions
    text: Tensor | None

    def forward(self, x: Tensor, t: Tensor, conditions: Conditions, text: Tensor | None = None) -> Tensor:
        self.conditions, self.text = conditions, text
        return self.answer


def oracle_objective(
    batch: Batch, scales: ResidualScales, body: BodyModel, **options
) -> tuple[InfillerObjective, OracleDenoiser]:
    oracle = OracleDenoiser(CONFIG)
    oracle.answer = to_channels(batch.residual, batch.residual_betas, scales)
    return InfillerObjective(oracle, scales, body, **options), oracle


def test_channels_are_normalized_and_can_be_decoded(batch: Batch, scales: ResidualScales) -> None:
    channels = to_channels(batch.residual, batch.residual_betas, scales)
    assert channels.shape[-1] == CHANNELS
    assert 0.9 < float(channels[..., ROTATION].square().mean().sqrt()) < 1.1
    x, betas = from_channels(channels, scales)
    assert torch.allclose(x, batch.residual, atol=1e-5) and torch.allclose(betas, batch.residual_betas, atol=1e-5)


def test_the_loss_is_zero_if_x0_is_right(batch: Batch, scales: ResidualScales, body: BodyModel) -> None:
    objective, _ = oracle_objective(batch, scales, body, deterministic=True)
    loss, parts = objective(batch, torch.Generator().manual_seed(0))
    assert loss < 1e-3 and all(float(value) < 1e-3 for value in parts.values())


def test_each_part_measures_its_own_error(batch: Batch, scales: ResidualScales, body: BodyModel) -> None:
    """The second person is a decimetre too far to the right: a tenth of a metre for half of the people."""
    objective, oracle = oracle_objective(batch, scales, body, deterministic=True)
    x = batch.residual.clone()
    x[:, 1, :, TRANSLATION.start] += 0.1
    oracle.answer = to_channels(x, batch.residual_betas, scales)
    _, parts = objective(batch, torch.Generator().manual_seed(0))
    assert float(parts["rotations"]) < 1e-5 and float(parts["velocity"]) < 1e-3
    # the mean of position, which is wrong, and pose, which is right
    assert abs(float(parts["joints"]) - 0.25) < 0.01
    assert 0.3 < float(parts["distances"]) < 1.1


def test_padding_does_not_count(batch: Batch, scales: ResidualScales, body: BodyModel) -> None:
    objective, oracle = oracle_objective(batch, scales, body, deterministic=True)
    x = batch.residual.clone()
    x[:, :, 12:] += 1
    oracle.answer = to_channels(x, batch.residual_betas, scales)
    padded = replace(batch, valid=torch.arange(16).expand(8, 16) < 12)
    _, parts = objective(padded, torch.Generator().manual_seed(0))
    assert all(float(value) < 1e-3 for value in parts.values())


def test_text_and_stgcn_are_dropped_at_random_unless_deterministic(
    batch: Batch, scales: ResidualScales, body: BodyModel
) -> None:
    class ConstantSTGCN(torch.nn.Module):
        def forward(self, nodes: Tensor, people: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
            return torch.ones(*nodes.shape[:4], 3), torch.ones(*nodes.shape[:4], 2)

    objective, oracle = oracle_objective(
        batch, scales, body, stgcn=ConstantSTGCN(), text_dropout=0.5, stgcn_dropout=0.5
    )
    generator = torch.Generator().manual_seed(2)
    with_text, with_stgcn = [], []
    for _ in range(12):
        objective(batch, generator)
        assert oracle.text is not None
        with_text.append(oracle.text.abs().sum(-1) > 0)
        with_stgcn.append(oracle.conditions.joint_offsets.amax((1, 2, 3, 4)) > 0.5)
    for kept in (torch.cat(with_text).float().mean(), torch.cat(with_stgcn).float().mean()):
        assert 0.3 < float(kept) < 0.7
    replace(objective, deterministic=True)(batch, generator)
    assert oracle.text is batch.text
    assert torch.allclose(oracle.conditions.joint_offsets, torch.tensor(1.0), atol=1e-3)


@pytest.mark.slow
def test_eight_windows_can_be_learned_by_heart(body: BodyModel) -> None:
    torch.manual_seed(0)
    few = synthetic_batch(8, frames=6)
    scales = ResidualScales.of(list(few.residual), list(few.residual_betas))
    denoiser = Denoiser(replace(CONFIG, width=96, depth=1))
    objective = InfillerObjective(denoiser, scales, body, masks=MaskSettings(0, 0, 0), text_dropout=0)
    measure = replace(objective, deterministic=True)
    optimizer = torch.optim.Adam(denoiser.parameters(), 6e-3)
    generator = torch.Generator().manual_seed(0)

    def error() -> float:
        with torch.no_grad():
            _, parts = measure(few, torch.Generator().manual_seed(7))
        return float(parts["rotations"] + parts["translation"])

    before = error()
    for _ in range(110):
        optimizer.zero_grad()
        loss, _ = objective(few, generator)
        loss.backward()
        optimizer.step()
    assert error() < before / 10
