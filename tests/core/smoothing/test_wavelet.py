"""Motion split by how fast it is, and put together again."""

from __future__ import annotations

import pytest
import torch

from core.smoothing.wavelet import extended, split


@pytest.mark.parametrize("count", (1, 2, 3, 16, 31, 97))
def test_details_and_rest_are_the_motion(count: int) -> None:
    values = torch.randn(2, count, 5, generator=torch.Generator().manual_seed(1))
    details, rest = split(values)
    assert all(part.shape == values.shape for part in [*details, rest])
    assert torch.allclose(sum(details) + rest, values, atol=1e-5)


def test_even_motion_has_no_details_not_even_at_the_ends() -> None:
    even = torch.arange(40.0)[:, None] * torch.tensor([0.1, -2.0]) + 3
    details, _ = split(even)
    assert all(detail.abs().max() < 1e-4 for detail in details)


def test_fast_motion_lies_in_the_first_detail_and_slow_motion_in_a_later_one() -> None:
    time = torch.arange(120.0)
    for period, expected in ((2, 0), (30, 3)):
        details, _ = split(torch.cos(2 * torch.pi * time / period)[:, None])
        strength = torch.stack([detail[30:-30].square().mean() for detail in details])
        assert int(strength.argmax()) == expected


def test_a_motion_a_frame_later_has_its_details_a_frame_later() -> None:
    values = torch.randn(140, 3, generator=torch.Generator().manual_seed(2))
    early, late = split(values[1:])[0], split(values)[0]
    for first, second in zip(early, late):
        assert torch.allclose(first[35:-35], second[36:-35], atol=1e-5)


def test_a_motion_goes_on_beyond_its_ends() -> None:
    assert torch.allclose(extended(torch.arange(5.0)[:, None], 12)[:, 0], torch.arange(-12.0, 17.0))
    assert torch.equal(extended(torch.ones(1, 2), 3), torch.ones(7, 2))


def test_gradients_reach_every_frame() -> None:
    values = torch.randn(20, 2, requires_grad=True)
    details, rest = split(values)
    torch.stack([*details, rest]).square().sum().backward()
    assert values.grad is not None and bool((values.grad != 0).all())
