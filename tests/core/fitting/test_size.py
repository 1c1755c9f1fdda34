"""People's sizes have a prior of their own: a tall person costs little, an impossible one much."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.body.model import rest_vertices
from core.fitting.energies import acceleration
from core.fitting.size import (
    SIZE_SIGMA,
    betas_per_size,
    growth_per_beta,
    log_sizes,
    shape_energy,
    size_energy,
    sizes,
    with_betas,
)
from tests.core.conftest import load_body_once
from tests.core.fitting import synthetic


def test_a_size_changes_the_height_and_costs_its_squared_sigmas() -> None:
    body = load_body_once(None)
    growth, direction = growth_per_beta(body), betas_per_size(body)
    betas = torch.stack([0.1 * direction, torch.zeros(16)])
    assert torch.allclose(log_sizes(betas, growth), torch.tensor([0.1, 0.0]), atol=1e-6)
    heights = [
        float(torch.aminmax(vertices[:, 1]).max - vertices[:, 1].min()) for vertices in rest_vertices(body, betas)
    ]
    assert heights[0] / heights[1] == pytest.approx(1.1, abs=0.02)
    assert float(size_energy(betas, growth)) == pytest.approx((0.1 / SIZE_SIGMA) ** 2 / 2, rel=1e-4)
    assert float(shape_energy(betas, growth)) == pytest.approx(0, abs=1e-4)
    sideways = torch.randn(16, generator=torch.Generator().manual_seed(0))
    sideways = sideways - (sideways @ growth) / growth.square().sum() * growth
    assert float(shape_energy(sideways[None], growth)) == pytest.approx(float(sideways.square().sum()), rel=1e-4)


def test_acceleration_is_squared_below_its_limit_and_linear_beyond() -> None:
    time = torch.arange(3) / 10

    def cost(acceleration_at_once: float, limit: float) -> float:
        points = torch.zeros(1, 3, 1, 3)
        points[0, 2, 0, 0] = acceleration_at_once / 100
        return float(acceleration(points, time, torch.full((1, 3, 1), limit), torch.ones(1, 3, 1)))

    assert cost(2.0, torch.inf) == pytest.approx(4.0, rel=1e-4)
    assert cost(2.0, 50.0) == pytest.approx(4.0, rel=1e-2)
    assert cost(400.0, 20.0) == pytest.approx(2 * 20 * 400, rel=0.06)


def test_a_point_without_weight_may_accelerate_at_no_cost() -> None:
    points = torch.zeros(1, 3, 2, 3)
    points[0, 2] = 0.01
    weight, limit = torch.ones(1, 3, 2), torch.full((1, 3, 2), 20.0)
    both = float(acceleration(points, torch.arange(3) / 10, limit, weight))
    weight[:, :, 0] = 0
    assert float(acceleration(points, torch.arange(3) / 10, limit, weight)) == pytest.approx(both / 2)


def test_a_size_is_the_length_of_the_body_and_to_first_order_what_the_betas_say() -> None:
    body = load_body_once(None)
    betas = torch.stack([0.05 * betas_per_size(body), torch.zeros(16)])
    larger, usual = sizes(body, betas)
    assert float(torch.log(larger / usual)) == pytest.approx(0.05, abs=0.002)


def test_other_bodies_look_the_same_from_as_much_farther_away() -> None:
    body = load_body_once(None)
    made = synthetic.scene(body, 4).truth.motion_incam
    betas = made.betas + 0.1 * betas_per_size(body).numpy()
    moved = with_betas(made, betas, body)
    assert moved.pelvis == pytest.approx(made.pelvis * 1.1, rel=0.01)
    assert np.array_equal(moved.betas, betas)
