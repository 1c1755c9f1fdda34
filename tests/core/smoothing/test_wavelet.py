"""The wavelet transform: it splits motion by speed and is exactly invertible."""

from __future__ import annotations

import pytest
import torch

from core.smoothing.wavelet import decompose, pad_odd


@pytest.mark.parametrize("count", (1, 2, 3, 16, 31, 97))
def test_details_and_approximation_add_up_to_the_motion(count: int) -> None:
    values = torch.randn(2, count, 5, generator=torch.Generator().manual_seed(1))
    details, approximation = decompose(values)
    assert all(part.shape == values.shape for part in [*details, approximation])
    assert torch.allclose(sum(details) + approximation, values, atol=1e-5)


def test_uniform_motion_has_no_details_not_even_at_the_ends() -> None:
    uniform = torch.arange(40.0)[:, None] * torch.tensor([0.1, -2.0]) + 3
    details, _ = decompose(uniform)
    assert all(detail.abs().max() < 1e-4 for detail in details)


@pytest.mark.parametrize(("period", "level"), [(2, 0), (30, 3)])
def test_fast_motion_lies_in_the_first_detail_and_slow_motion_in_the_last(period: int, level: int) -> None:
    details, _ = decompose(torch.cos(2 * torch.pi * torch.arange(120.0) / period)[:, None])
    energy = torch.stack([detail[30:-30].square().mean() for detail in details])
    assert int(energy.argmax()) == level


def test_the_transform_is_shift_invariant() -> None:
    values = torch.randn(140, 3, generator=torch.Generator().manual_seed(2))
    early, late = decompose(values[1:])[0], decompose(values)[0]
    for first, second in zip(early, late):
        assert torch.allclose(first[35:-35], second[36:-35], atol=1e-5)


def test_padding_continues_uniform_motion() -> None:
    assert torch.allclose(pad_odd(torch.arange(5.0)[:, None], 12)[:, 0], torch.arange(-12.0, 17.0))
    assert torch.equal(pad_odd(torch.ones(1, 2), 3), torch.ones(7, 2))


def test_gradients_reach_every_frame() -> None:
    values = torch.randn(20, 2, requires_grad=True)
    details, approximation = decompose(values)
    torch.stack([*details, approximation]).square().sum().backward()
    assert values.grad is not None and bool((values.grad != 0).all())
