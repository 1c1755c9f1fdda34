"""The denoiser: what it may not depend on, and what it does where nothing is known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.infilling.denoiser import Conditions, Denoiser, DenoiserConfig, collate

CONFIG = DenoiserConfig(node_features=9, person_features=5, channels=150, width=40, depth=2, heads=2)


def conditions(examples: int = 2, frames: int = 12, seed: int = 0) -> Conditions:
    draw = torch.Generator().manual_seed(seed)
    shape = (examples, 2, frames)
    return Conditions(
        nodes=torch.randn(*shape, 22, CONFIG.node_features, generator=draw),
        people=torch.randn(*shape, CONFIG.person_features, generator=draw),
        joint_offsets=0.1 * torch.randn(*shape, 22, 3, generator=draw),
        rotation_offsets=0.1 * torch.randn(*shape, 22, 6, generator=draw),
        log_sigma=torch.randn(*shape, 22, generator=draw),
        visibility=torch.rand(*shape, 22, generator=draw),
        valid=torch.ones(examples, frames, dtype=torch.bool),
    )


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    """One whose every weight takes part, as after training."""
    torch.manual_seed(0)
    made = Denoiser(CONFIG)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made.eval()


@pytest.fixture(scope="module")
def noisy() -> torch.Tensor:
    return torch.randn(2, 2, 12, CONFIG.channels, generator=torch.Generator().manual_seed(5))


LEVELS = torch.tensor([700, 80])
TEXT = torch.nn.functional.normalize(torch.randn(2, 384, generator=torch.Generator().manual_seed(6)), dim=-1)


@torch.no_grad()
def test_exchanged_people_get_the_exchanged_result(denoiser: Denoiser, noisy: torch.Tensor):
    known = conditions()
    straight = denoiser(noisy, LEVELS, known, TEXT)
    crossed = denoiser(noisy.flip(1), LEVELS, known.exchanged(), TEXT)
    assert torch.allclose(straight.flip(1), crossed, atol=1e-5)
    assert (straight - straight.flip(1)).abs().max() > 0.1


@torch.no_grad()
def test_the_partner_the_sentence_the_level_and_neighbouring_frames_matter(denoiser: Denoiser, noisy: torch.Tensor):
    known = conditions()
    before = denoiser(noisy, LEVELS, known, TEXT)

    def change(**parts: torch.Tensor) -> torch.Tensor:
        return (denoiser(noisy, LEVELS, replace(known, **parts), TEXT) - before).abs().amax(-1)

    partner = known.nodes.clone()
    partner[:, 1, 3] += 1
    moved = change(nodes=partner)
    assert moved[:, 0].max() > 1e-3 and moved[:, 1, 8].min() > 1e-4
    assert (denoiser(noisy, LEVELS, known, None) - before).abs().max() > 1e-2
    assert (denoiser(noisy, LEVELS + 100, known, TEXT) - before).abs().max() > 1e-2


@torch.no_grad()
def test_a_row_of_zeros_is_no_sentence(denoiser: Denoiser, noisy: torch.Tensor):
    known = conditions()
    half = torch.stack([TEXT[0], torch.zeros(384)])
    mixed = denoiser(noisy, LEVELS, known, half)
    assert torch.allclose(mixed[0], denoiser(noisy, LEVELS, known, TEXT)[0], atol=1e-5)
    assert torch.allclose(mixed[1], denoiser(noisy, LEVELS, known, None)[1], atol=1e-5)


@torch.no_grad()
def test_padding_does_not_matter(denoiser: Denoiser, noisy: torch.Tensor):
    known, other = conditions(), conditions(seed=9)
    valid = known.valid.clone()
    valid[:, 9:] = False
    short = denoiser(noisy[:, :, :9], LEVELS, known.frames(slice(0, 9)), TEXT)
    mixed = torch.arange(12)[None, None, :, None] < 9
    nodes = torch.where(mixed[..., None], known.nodes, other.nodes)
    padded = denoiser(noisy, LEVELS, replace(known, nodes=nodes, valid=valid), TEXT)
    assert torch.allclose(padded[:, :, :9], short, atol=1e-5)


@torch.no_grad()
def test_only_distances_in_time_count(denoiser: Denoiser, noisy: torch.Tensor):
    """Frames that come later in a window, behind others that are not valid, give the same."""
    known = conditions()
    valid = known.valid.clone()
    valid[:, :4] = False
    late = denoiser(noisy, LEVELS, replace(known, valid=valid), TEXT)
    first = denoiser(noisy[:, :, 4:], LEVELS, known.frames(slice(4, 12)), TEXT)
    assert torch.allclose(late[:, :, 4:], first, atol=1e-5)


@torch.no_grad()
def test_untrained_it_leaves_the_initial_motion_as_it_is(noisy: torch.Tensor):
    assert (Denoiser(CONFIG)(noisy, LEVELS, conditions(), TEXT) == 0).all()


@torch.no_grad()
def test_at_first_a_seen_joint_stays_nearer_to_the_initial_motion_than_a_hidden_one():
    torch.manual_seed(0)
    fresh = Denoiser(CONFIG)
    fresh.head.bias.fill_(1)
    known = conditions()
    visible = torch.zeros_like(known.visibility)
    visible[..., 11:] = 1
    x0 = fresh(torch.ones(2, 2, 12, CONFIG.channels), LEVELS, replace(known, visibility=visible))
    hidden, seen = x0[..., : 11 * 6], x0[..., 11 * 6 : 22 * 6]
    assert seen.max() < 0.15 and hidden.min() > 0.85


@torch.no_grad()
def test_noise_that_differs_from_frame_to_frame_does_not_shake_the_result(denoiser: Denoiser):
    one, draw = conditions(1, 1), torch.Generator().manual_seed(4)
    steady = {name: value.expand(1, 2, 40, *value.shape[3:]) for name, value in vars(one).items() if name != "valid"}
    known = Conditions(**steady, valid=one.valid.expand(1, 40))
    noise = torch.randn(1, 2, 40, CONFIG.channels, generator=draw)

    def result(x: torch.Tensor) -> torch.Tensor:
        return denoiser(x, torch.tensor([300]), known)

    shaken = result(noise).diff(n=2, dim=2).square().mean().sqrt()
    followed = (result(noise[:, :, :1].expand_as(noise)) - result(torch.zeros_like(noise))).square().mean().sqrt()
    # the second difference of the noise itself would be larger than it by the root of six
    assert shaken < 0.1 * followed


@torch.no_grad()
def test_examples_of_a_batch_do_not_see_each_other(denoiser: Denoiser, noisy: torch.Tensor):
    parts = [conditions(1, seed=1), conditions(1, seed=2)]
    both = denoiser(noisy, LEVELS, collate(parts), TEXT)
    for row, part in enumerate(parts):
        alone = denoiser(noisy[row : row + 1], LEVELS[row : row + 1], part, TEXT[row : row + 1])
        assert torch.allclose(both[row : row + 1], alone, atol=1e-5)


def test_senseless_sizes_are_refused():
    with pytest.raises(ValueError, match="width"):
        replace(CONFIG, width=41)
    with pytest.raises(ValueError, match="channels"):
        replace(CONFIG, channels=100)
