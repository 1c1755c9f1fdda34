"""The descent's optimizer steps as PyTorch's does, and does not load PyTorch's compiler."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import Tensor

from core.fitting.adam import Adam


def started() -> tuple[Tensor, Tensor]:
    return torch.tensor([1.0, -2.0, 3.0], requires_grad=True), torch.tensor([[0.5]], requires_grad=True)


def energy(near: Tensor, far: Tensor) -> Tensor:
    return (near.square() * torch.tensor([1.0, 10.0, 0.1])).sum() + (near[0] * far).square().sum()


def test_it_steps_as_the_optimizer_of_pytorch() -> None:
    near, far = started()
    expected_near, expected_far = started()
    own = Adam([(near, 1.0), (far, 0.3)], betas=(0.9, 0.95))
    expected = torch.optim.Adam([{"params": [expected_near]}, {"params": [expected_far]}], betas=(0.9, 0.95))
    for step in range(20):
        learning_rate = 0.1 / (1 + step)
        expected.param_groups[0]["lr"], expected.param_groups[1]["lr"] = learning_rate, 0.3 * learning_rate
        for optimizer, one, other in ((own, near, far), (expected, expected_near, expected_far)):
            optimizer.zero_grad()
            energy(one, other).backward()
        own.step(learning_rate)
        expected.step()
    assert torch.equal(near, expected_near) and torch.equal(far, expected_far)
    assert float(energy(near, far)) < float(energy(*started()))


def test_what_has_no_gradient_stays() -> None:
    near, far = started()
    optimizer = Adam([(near, 1.0), (far, 1.0)], betas=(0.9, 0.95))
    near.sum().backward()
    optimizer.step(0.1)
    assert float(far) == 0.5 and float(near.detach()[0]) < 1


def test_a_new_process_does_not_load_the_compiler() -> None:
    code = (
        "import sys, torch; from core.fitting.adam import Adam; x = torch.ones(2, requires_grad=True); "
        "x.sum().backward(); Adam([(x, 1.0)], (0.9, 0.95)).step(0.1); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
