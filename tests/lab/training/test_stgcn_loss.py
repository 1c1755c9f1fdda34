"""The loss of the ST-GCN."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from torch import Tensor

from core.contract.skeleton import JOINT_INDEX
from core.motion import BODY_COUNT
from core.stgcn.network import STGCN, STGCNConfig
from lab.evaluation.metrics import interaction
from lab.training.loss_terms import cross_distances
from lab.training.stgcn_loss import STGCNLossSettings, bone_lengths, laplace_nll, stgcn_loss

PARTS = [item.name for item in fields(STGCNLossSettings) if not item.name.startswith(("near", "fast"))]


def random_joints(count: int = 4, frames: int = 12, seed: int = 0) -> Tensor:
    return torch.randn(count, 2, frames, BODY_COUNT, 3, generator=torch.Generator().manual_seed(seed))


def all_valid(joints: Tensor) -> Tensor:
    return torch.ones(joints.shape[0], joints.shape[2], dtype=torch.bool)


def rays_to(joints: Tensor) -> Tensor:
    return joints + torch.tensor([0.0, 4.0, 0.0])


def part(name: str, predicted: Tensor, true: Tensor, log_sigma: Tensor | None = None) -> float:
    """The loss if nothing but that part counts."""
    sigma = torch.zeros(*predicted.shape[:-1], 2) if log_sigma is None else log_sigma
    settings = STGCNLossSettings(**{each: float(each == name) for each in PARTS})
    return float(stgcn_loss(predicted, sigma, rays_to(true), true, all_valid(true), settings)[0])


def test_true_joints_cost_nothing_and_an_uncertain_prediction_of_them_costs_likelihood() -> None:
    true = random_joints()
    for name in PARTS[1:]:
        assert part(name, true, true) == pytest.approx(0, abs=1e-4)
    small, large = torch.full((*true.shape[:-1], 2), -3.0), torch.zeros(*true.shape[:-1], 2)
    assert part("likelihood", true, true, small) < part("likelihood", true, true, large)


def test_a_translated_person_has_the_right_pose_in_the_wrong_position() -> None:
    true = random_joints()
    predicted = true.clone()
    predicted[:, 0] += torch.tensor([0.0, 0.2, 0.0])
    assert part("position", predicted, true) == pytest.approx(1.0, abs=1e-4)  # 20 cm, of one of two people
    for name in ("pose", "bones", "velocity", "acceleration"):
        assert part(name, predicted, true) == pytest.approx(0, abs=1e-3)
    assert part("distance", predicted, true) > 0.1


def test_the_best_sigma_is_the_standard_deviation_of_the_errors() -> None:
    """Errors with the density that the likelihood assumes: lengths from Gamma(3, 1), random directions, scaled by b along the
    ray and across it."""
    b = {"along": 0.09, "across": 0.03}
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(40_000, 3))
    error = rng.gamma(3, 1, (40_000, 1)) * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    error = torch.from_numpy(error * [b["along"], b["across"], b["across"]]).float()
    rays = torch.tensor([3.0, 0.0, 0.0]).expand_as(error)
    tried = torch.linspace(-5, -1, 100)
    for column, name in enumerate(b):
        log_sigma = torch.tensor([2 * b["along"], 2 * b["across"]]).log().repeat(len(tried), 1)
        log_sigma[:, column] = tried
        best = torch.stack([laplace_nll(error, rays, each.expand(len(error), 2)).mean() for each in log_sigma]).argmin()
        assert tried[best].exp() == pytest.approx(2 * b[name], rel=0.05)
        assert float(error[:, column].std()) == pytest.approx(2 * b[name], rel=0.02)


def test_cross_distances_are_those_of_the_benchmark() -> None:
    predicted, true = random_joints(1, seed=1), random_joints(1, seed=2) * 3
    error = (cross_distances(predicted) - cross_distances(true)).abs().mean() * 1000
    assert float(error) == pytest.approx(interaction(predicted[0].numpy(), true[0].numpy()), rel=1e-4)


def test_a_moved_knee_changes_the_two_bones_that_meet_there() -> None:
    true = random_joints()
    predicted = true.clone()
    predicted[..., JOINT_INDEX["left_knee"], :] += 0.3
    error = (bone_lengths(predicted) - bone_lengths(true)).abs().amax((0, 1, 2))
    assert error.nonzero().flatten().tolist() == [JOINT_INDEX["left_knee"] - 1, JOINT_INDEX["left_ankle"] - 1]


def test_an_error_in_a_strike_costs_more_than_the_same_error_at_rest() -> None:
    ankle = JOINT_INDEX["left_ankle"]
    true = random_joints(1)[:, :, :1].expand(1, 2, 40, BODY_COUNT, 3).clone()
    true[:, 0, 20:, ankle, 2] += torch.arange(20).clamp(max=6) * 0.15  # 4.5 m/s for six frames
    costs = {}
    for frame in (5, 22):
        predicted = true.clone()
        predicted[:, 0, frame, ankle] += 0.2
        costs[frame] = part("pose", predicted, true)
    assert costs[22] > 3 * costs[5]


def test_padding_does_not_count() -> None:
    true = random_joints()
    valid = all_valid(true)
    valid[:, 6:] = False
    predicted = true.clone()
    predicted[:, :, 6:] += torch.randn_like(predicted[:, :, 6:])
    parts = stgcn_loss(predicted, torch.zeros(*true.shape[:-1], 2), rays_to(true), true, valid, STGCNLossSettings())[1]
    assert all(float(value) == pytest.approx(0, abs=1e-3) for name, value in parts.items() if name != "likelihood")


def test_a_few_steps_on_four_windows_halve_the_loss() -> None:
    """The features tell the errors of the initial joints."""
    torch.manual_seed(0)
    true, error = random_joints(), random_joints(seed=7) * 0.1
    initial = true + error
    nodes, people = torch.cat([error * 10, initial], -1), torch.zeros(4, 2, 12, 3)
    network = STGCN(STGCNConfig(6, 3, width=16, person_width=16, blocks=1, frames_per_token=1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses, pose_errors = [], []
    for _ in range(40):
        offset, log_sigma = network(nodes, people)
        loss, parts = stgcn_loss(
            initial + offset, log_sigma, rays_to(initial), true, all_valid(true), STGCNLossSettings()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        pose_errors.append(float(parts["pose"]))
    assert losses[-1] < 0.5 * losses[0] and pose_errors[-1] < 0.5 * pose_errors[0]
