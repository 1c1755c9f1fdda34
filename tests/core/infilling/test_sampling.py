"""Sampling: one take of a clip of any length, whatever windows it is made of."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from core.contract.errors import UserError
from core.infilling.denoiser import Conditions, Denoiser, DenoiserConfig, EncodedConditions
from core.infilling.sampling import SamplingSettings, sample
from core.reporting import SilentReporter
from core.representation.sliding_windows import sliding_windows

CONFIG = DenoiserConfig(node_features=3, person_features=2, channels=140, static_channels=4, width=8, depth=1, heads=2)
TEXT = torch.nn.functional.normalize(torch.ones(384), dim=-1)


class Local(Denoiser):
    """Looks at one frame at a time, so that windows cannot matter: half way from what is noisy to what the clip says; with a
    sentence a little higher."""

    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        said = 0.0 if text is None else 0.25
        return 0.5 * x + 0.5 * encoded.tokens[..., :1] + said


class Broken(Denoiser):
    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        return x * float("nan")


def clip(frames: int, seed: int = 0) -> Conditions:
    draw = torch.Generator().manual_seed(seed)
    shape = (1, 2, frames)
    return Conditions(
        nodes=torch.randn(*shape, 22, 3, generator=draw),
        people=torch.randn(*shape, 2, generator=draw),
        joint_offsets=torch.zeros(*shape, 22, 3),
        rotation_offsets=torch.zeros(*shape, 22, 6),
        log_sigma=torch.zeros(*shape, 22),
        visibility=torch.rand(*shape, 22, generator=draw),
        valid=torch.ones(1, frames, dtype=torch.bool),
    )


def taken(denoiser: Denoiser, frames: int, windows: list[slice] | None = None, **options) -> Tensor:
    whole, windows = clip(frames), windows or sliding_windows(frames)
    guide, text, start = options.pop("guide", None), options.pop("text", None), options.pop("start", None)
    return sample(
        denoiser, (whole.frames(window) for window in windows), windows, SamplingSettings(**options),
        text=text, start=start, guidance=guide, reporter=SilentReporter(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def local() -> Local:
    torch.manual_seed(0)
    return Local(CONFIG).eval()


@pytest.mark.parametrize("solver", ["ddim", "dpm"])
def test_windows_leave_no_seam(local: Local, solver: str):
    whole = taken(local, 150, [slice(0, 150)], solver=solver)
    assert torch.allclose(taken(local, 150, solver=solver), whole, atol=1e-5)
    assert torch.allclose(taken(local, 150, sliding_windows(150, 40, 20), solver=solver), whole, atol=1e-5)


def test_a_seed_is_a_take(local: Local):
    first = taken(local, 70, seed=3)
    assert torch.equal(first, taken(local, 70, seed=3))
    assert (first - taken(local, 70, seed=4)).abs().mean() > 0.01


def test_shapes_do_not_change_over_time(local: Local):
    for solver, eta in (("ddim", 0.0), ("ddim", 1.0), ("dpm", 1.0)):
        still = taken(local, 100, None, solver=solver, eta=eta)[..., -CONFIG.static_channels :]
        assert (still - still[:, :1]).abs().max() < 1e-6
        assert still.abs().max() > 1e-3


def test_from_an_earlier_take_the_strength_says_how_far_away(local: Local):
    earlier = torch.randn(2, 70, CONFIG.channels, generator=torch.Generator().manual_seed(8))
    earlier[..., -CONFIG.static_channels :] = 0.3
    assert torch.equal(taken(local, 70, start=earlier, strength=0.0), earlier)
    away = [float((taken(local, 70, start=earlier, strength=s) - earlier).abs().mean()) for s in (0.1, 0.3, 0.6, 1.0)]
    assert 0 < away[0] < away[1] < away[2] < away[3]


def test_a_sentence_counts_as_much_as_it_is_weighed(local: Local):
    def mean(text: Tensor | None = None, guidance_scale: float = 1.0) -> float:
        return float(taken(local, 20, None, steps=1, text=text, guidance_scale=guidance_scale).mean())

    without = mean()
    assert mean(text=TEXT, guidance_scale=0.0) == without
    assert abs(mean(text=TEXT, guidance_scale=1.0) - without - 0.25) < 1e-5
    assert abs(mean(text=TEXT, guidance_scale=3.0) - without - 0.75) < 1e-5


def test_the_guide_has_the_last_word(local: Local):
    def upwards(x0: Tensor, noise: float) -> Tensor:
        seen.append(noise)
        return torch.full_like(x0, 2.0)

    seen: list[float] = []
    assert torch.equal(taken(local, 70, guide=upwards), torch.full((2, 70, CONFIG.channels), 2.0))
    assert len(seen) == 10 and seen == sorted(seen, reverse=True) and 0 < seen[-1] < 0.3 and seen[0] > 0.99


def test_numbers_that_are_none_end_with_a_plain_message():
    with pytest.raises(UserError, match="not finite") as failure:
        taken(Broken(CONFIG), 20)
    assert failure.value.code == "infiller-broken" and failure.value.hint


def test_a_long_clip_needs_no_more_memory_at_once_than_its_own_motion(local: Local):
    """Conditions are made one window after the other, and dropped once they are encoded."""
    alive: list[int] = [0]
    most = [0]

    def conditions(windows: list[slice]) -> Iterator[Conditions]:
        for window in windows:
            part = clip(window.stop - window.start)
            alive[0] += 1
            most[0] = max(most[0], alive[0])
            weakref.finalize(part.nodes, lambda: alive.__setitem__(0, alive[0] - 1))
            yield part

    windows = sliding_windows(2000)
    assert len(windows) > 40
    sample(local, conditions(windows), windows, SamplingSettings(steps=2), reporter=SilentReporter())
    assert most[0] < 20
