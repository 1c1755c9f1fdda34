"""What the geometry optimizer is trained for."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from core.motion import BODY_COUNT
from core.stgcn.network import STGCN, STGCNConfig
from lab.evaluation.metrics import interaction
from lab.training.joints import JointWeights, bone_lengths, cross_distances, joint_loss, laplace

PARTS = [item.name for item in fields(JointWeights)]
RATE = 30.0


def joints(count: int = 4, frames: int = 12, seed: int = 0) -> Tensor:
    return torch.randn(count, 2, frames, BODY_COUNT, 3, generator=torch.Generator().manual_seed(seed))


def part(name: str, predicted: Tensor, true: Tensor, log_sigma: Tensor | None = None) -> float:
    """The loss where nothing but that part counts."""
    sigma = torch.zeros(predicted.shape[:-1]) if log_sigma is None else log_sigma
    there = torch.ones(predicted.shape[0], predicted.shape[2], dtype=torch.bool)
    return float(
        joint_loss(predicted, sigma, true, there, RATE, JointWeights(**{each: float(each == name) for each in PARTS}))[
            0
        ]
    )


def test_true_joints_cost_nothing_but_doubt() -> None:
    true = joints()
    for name in PARTS[1:]:
        assert part(name, true, true) == pytest.approx(0, abs=1e-4)
    sure, doubtful = torch.full(true.shape[:-1], -3.0), torch.zeros(true.shape[:-1])
    assert part("likelihood", true, true, sure) < part("likelihood", true, true, doubtful)


def test_a_person_put_elsewhere_has_the_right_pose_in_the_wrong_place() -> None:
    true = joints()
    moved = true.clone()
    moved[:, 0] += torch.tensor([0.0, 0.2, 0.0])
    assert part("place", moved, true) == pytest.approx(1.0, abs=1e-4)  # 20 cm of one of two people
    for name in ("pose", "bones", "velocity", "acceleration"):
        assert part(name, moved, true) == pytest.approx(0, abs=1e-3)
    assert part("distance", moved, true) > 0.1


def test_the_best_sigma_is_the_errors_standard_deviation() -> None:
    """Of errors with the density that the likelihood assumes: a length from Gamma(3, b), a direction at random."""
    b = 0.03
    length = torch.from_numpy(np.random.default_rng(0).gamma(3, b, 40_000)).float()
    log_sigma = torch.linspace(-5, -1, 400)
    best = laplace(length[:, None], log_sigma).mean(0).argmin()
    along_an_axis = float((length.square().mean() / 3).sqrt())
    assert log_sigma[best].exp() == pytest.approx(along_an_axis, rel=0.02)
    assert along_an_axis == pytest.approx(2 * b, rel=0.02)


def test_distances_are_those_of_the_benchmark() -> None:
    predicted, true = joints(1, seed=1), joints(1, seed=2) * 3
    off = (cross_distances(predicted) - cross_distances(true)).abs().mean() * 1000
    assert float(off) == pytest.approx(interaction(predicted[0].numpy(), true[0].numpy()), rel=1e-4)


def test_bones_and_padding() -> None:
    true = joints()
    predicted = true.clone()
    predicted[..., 4, :] += 0.3  # a knee: its bone and the shin's
    off = (bone_lengths(predicted) - bone_lengths(true)).abs().amax((0, 1, 2))
    assert off.nonzero().flatten().tolist() == [3, 6]
    there = torch.ones(4, 12, dtype=torch.bool)
    there[:, 6:] = False
    spoiled = true.clone()
    spoiled[:, :, 6:] += torch.randn_like(spoiled[:, :, 6:])
    sigma = torch.zeros(true.shape[:-1])
    parts = joint_loss(spoiled, sigma, true, there, RATE, JointWeights())[1]
    assert all(float(value) == pytest.approx(0, abs=1e-3) for name, value in parts.items() if name != "likelihood")


def test_a_few_steps_on_four_pairs_bring_the_loss_down() -> None:
    """Initial joints that are off by what the features say: the network finds it out."""
    torch.manual_seed(0)
    true, off = joints(), joints(seed=7) * 0.1
    initial = true + off
    nodes = torch.cat([off * 10, initial], -1)
    people = torch.zeros(4, 2, 12, 3)
    network = STGCN(replace(STGCNConfig(6, 3), width=16, person_width=16, blocks=1, frames_per_token=1))
    adam = torch.optim.AdamW(network.parameters(), lr=1e-2)
    there = torch.ones(4, 12, dtype=torch.bool)
    losses, errors = [], []
    for _ in range(40):
        shift, log_sigma = network(nodes, people)
        loss, parts = joint_loss(initial + shift, log_sigma, true, there, RATE, JointWeights())
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
        errors.append(float(parts["pose"]))
    assert losses[-1] < 0.5 * losses[0] and errors[-1] < 0.5 * errors[0]
