"""Sampling: one take of a clip of any length, independent of the windows that it is cut into."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from core.contract.errors import UserError
from core.infilling.denoiser import Conditions, Denoiser, DenoiserConfig, EncodedConditions
from core.infilling.sampling import GuidanceFunction, SamplingInputs, SamplingSettings, sample
from core.reporting import SilentReporter
from core.representation.sliding_windows import sliding_windows

CONFIG = DenoiserConfig(node_features=3, person_features=2, channels=140, static_channels=4, width=8, depth=1, heads=2)
TEXT = torch.nn.functional.normalize(torch.ones(384), dim=-1)
STATIC = slice(-CONFIG.static_channels, None)


class FrameDenoiser(Denoiser):
    """Processes each frame alone, so windows cannot matter: halfway from x_t to the tokens, and 0.25 higher with a text."""

    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        return 0.5 * x + 0.5 * encoded.tokens[..., :1] + (0.0 if text is None else 0.25)


class BrokenDenoiser(Denoiser):
    def denoise(self, x: Tensor, t: Tensor, encoded: EncodedConditions, text: Tensor | None = None) -> Tensor:
        return x * float("nan")


def random_conditions(frames: int, seed: int = 0) -> Conditions:
    generator = torch.Generator().manual_seed(seed)
    shape = (1, 2, frames)
    return Conditions(
        nodes=torch.randn(*shape, 22, 3, generator=generator),
        people=torch.randn(*shape, 2, generator=generator),
        joint_offsets=torch.zeros(*shape, 22, 3),
        rotation_offsets=torch.zeros(*shape, 22, 6),
        log_sigma=torch.zeros(*shape, 22),
        visibility=torch.rand(*shape, 22, generator=generator),
        valid=torch.ones(1, frames, dtype=torch.bool),
    )


def take(
    denoiser: Denoiser,
    frames: int,
    windows: list[slice] | None = None,
    *,
    text: Tensor | None = None,
    guidance: GuidanceFunction | None = None,
    start: Tensor | None = None,
    **settings: float,
) -> Tensor:
    clip, windows = random_conditions(frames), windows or sliding_windows(frames)
    conditions = (clip.frames(window) for window in windows)
    chosen = SamplingSettings(**settings)  # pyright: ignore[reportArgumentType]
    return sample(denoiser, conditions, windows, chosen, SamplingInputs(text, guidance, start), SilentReporter())


@pytest.fixture(scope="module")
def denoiser() -> FrameDenoiser:
    torch.manual_seed(0)
    return FrameDenoiser(CONFIG).eval()


def test_windows_leave_no_seam(denoiser: FrameDenoiser) -> None:
    whole = take(denoiser, 150, [slice(0, 150)])
    assert torch.allclose(take(denoiser, 150), whole, atol=1e-5)
    assert torch.allclose(take(denoiser, 150, sliding_windows(150, 40, 20)), whole, atol=1e-5)


def test_the_same_seed_gives_the_same_take_and_another_seed_another(denoiser: FrameDenoiser) -> None:
    first = take(denoiser, 70, seed=3)
    assert torch.equal(first, take(denoiser, 70, seed=3))
    assert (first - take(denoiser, 70, seed=4)).abs().mean() > 0.01


def test_static_channels_are_constant_over_time(denoiser: FrameDenoiser) -> None:
    static = take(denoiser, 100)[..., STATIC]
    assert (static - static[:, :1]).abs().max() < 1e-6
    assert static.abs().max() > 1e-3


def test_strength_decides_how_far_a_take_leads_from_an_earlier_one(denoiser: FrameDenoiser) -> None:
    earlier = torch.randn(2, 70, CONFIG.channels, generator=torch.Generator().manual_seed(8))
    earlier[..., STATIC] = 0.3
    assert torch.equal(take(denoiser, 70, start=earlier, strength=0.0), earlier)
    change = [
        float((take(denoiser, 70, start=earlier, strength=strength) - earlier).abs().mean())
        for strength in (0.1, 0.3, 0.6, 1.0)
    ]
    assert 0 < change[0] < change[1] < change[2] < change[3]


def test_classifier_free_guidance_scales_the_difference_that_the_text_makes(denoiser: FrameDenoiser) -> None:
    def mean(text: Tensor | None = None, guidance_scale: float = 1.0) -> float:
        return float(take(denoiser, 20, steps=1, text=text, guidance_scale=guidance_scale).mean())

    uncond = mean()
    assert mean(text=TEXT, guidance_scale=0.0) == uncond
    assert abs(mean(text=TEXT, guidance_scale=1.0) - uncond - 0.25) < 1e-5
    assert abs(mean(text=TEXT, guidance_scale=3.0) - uncond - 0.75) < 1e-5


def test_guidance_changes_the_prediction_of_each_step(denoiser: FrameDenoiser) -> None:
    def guidance(x0: Tensor, sigma: float) -> Tensor:
        sigmas.append(sigma)
        return torch.full_like(x0, 2.0)

    sigmas: list[float] = []
    assert torch.equal(take(denoiser, 70, guidance=guidance), torch.full((2, 70, CONFIG.channels), 2.0))
    assert len(sigmas) == 10 and sigmas == sorted(sigmas, reverse=True)
    assert sigmas[0] > 0.99 and 0 < sigmas[-1] < 0.3


def test_a_prediction_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(UserError, match="not finite") as caught:
        take(BrokenDenoiser(CONFIG), 20)
    assert caught.value.code == "infiller-failed" and caught.value.hint


def test_the_conditions_of_a_long_clip_are_never_all_in_memory(denoiser: FrameDenoiser) -> None:
    """They are made one window after the other and dropped once they are encoded."""
    alive, most = [0], [0]

    def conditions(windows: list[slice]) -> Iterator[Conditions]:
        for window in windows:
            part = random_conditions(window.stop - window.start)
            alive[0] += 1
            most[0] = max(most[0], alive[0])
            weakref.finalize(part.nodes, lambda: alive.__setitem__(0, alive[0] - 1))
            yield part

    windows = sliding_windows(2000)
    assert len(windows) > 40
    sample(denoiser, conditions(windows), windows, SamplingSettings(steps=2), SamplingInputs(), SilentReporter())
    assert most[0] < 20
