"""The denoiser: what its predictions depend on, and what an untrained one predicts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from core.infilling.denoiser import Conditions, Denoiser, DenoiserConfig, collate

CONFIG = DenoiserConfig(node_features=9, person_features=5, channels=150, width=40, depth=2, heads=2)
TIMESTEPS = torch.tensor([700, 80])
TEXT = torch.nn.functional.normalize(torch.randn(2, 384, generator=torch.Generator().manual_seed(6)), dim=-1)


def random_conditions(count: int = 2, frames: int = 12, seed: int = 0) -> Conditions:
    generator = torch.Generator().manual_seed(seed)
    shape = (count, 2, frames)
    return Conditions(
        nodes=torch.randn(*shape, 22, CONFIG.node_features, generator=generator),
        people=torch.randn(*shape, CONFIG.person_features, generator=generator),
        joint_offsets=0.1 * torch.randn(*shape, 22, 3, generator=generator),
        rotation_offsets=0.1 * torch.randn(*shape, 22, 6, generator=generator),
        log_sigma=torch.randn(*shape, 22, generator=generator),
        visibility=torch.rand(*shape, 22, generator=generator),
        valid=torch.ones(count, frames, dtype=torch.bool),
    )


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    """One none of whose weights is zero, as after training."""
    torch.manual_seed(0)
    network = Denoiser(CONFIG)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return network.eval()


@pytest.fixture(scope="module")
def noisy() -> Tensor:
    return torch.randn(2, 2, 12, CONFIG.channels, generator=torch.Generator().manual_seed(5))


@torch.no_grad()
def test_exchanging_the_people_exchanges_the_prediction(denoiser: Denoiser, noisy: Tensor) -> None:
    conditions = random_conditions()
    flipped = {name: value.flip(1) for name, value in vars(conditions).items() if name != "valid"}
    prediction = denoiser(noisy, TIMESTEPS, conditions, TEXT)
    exchanged = denoiser(noisy.flip(1), TIMESTEPS, replace(conditions, **flipped), TEXT)
    assert torch.allclose(prediction.flip(1), exchanged, atol=1e-5)
    assert (prediction - prediction.flip(1)).abs().max() > 0.1


@torch.no_grad()
def test_a_prediction_depends_on_partner_text_timestep_and_other_frames(denoiser: Denoiser, noisy: Tensor) -> None:
    conditions = random_conditions()
    before = denoiser(noisy, TIMESTEPS, conditions, TEXT)
    nodes = conditions.nodes.clone()
    nodes[:, 1, 3] += 1
    change = (denoiser(noisy, TIMESTEPS, replace(conditions, nodes=nodes), TEXT) - before).abs().amax(-1)
    assert change[:, 0].max() > 1e-3 and change[:, 1, 8].min() > 1e-4
    assert (denoiser(noisy, TIMESTEPS, conditions, None) - before).abs().max() > 1e-2
    assert (denoiser(noisy, TIMESTEPS + 100, conditions, TEXT) - before).abs().max() > 1e-2


@torch.no_grad()
def test_a_row_of_zeros_is_unconditional(denoiser: Denoiser, noisy: Tensor) -> None:
    conditions = random_conditions()
    half = torch.stack([TEXT[0], torch.zeros(384)])
    mixed = denoiser(noisy, TIMESTEPS, conditions, half)
    assert torch.allclose(mixed[0], denoiser(noisy, TIMESTEPS, conditions, TEXT)[0], atol=1e-5)
    assert torch.allclose(mixed[1], denoiser(noisy, TIMESTEPS, conditions, None)[1], atol=1e-5)


@torch.no_grad()
def test_padding_does_not_change_the_valid_frames(denoiser: Denoiser, noisy: Tensor) -> None:
    conditions, other = random_conditions(), random_conditions(seed=9)
    valid = conditions.valid.clone()
    valid[:, 9:] = False
    short = denoiser(noisy[:, :, :9], TIMESTEPS, conditions.frames(slice(0, 9)), TEXT)
    first_nine = torch.arange(12)[None, None, :, None, None] < 9
    nodes = torch.where(first_nine, conditions.nodes, other.nodes)
    padded = denoiser(noisy, TIMESTEPS, replace(conditions, nodes=nodes, valid=valid), TEXT)
    assert torch.allclose(padded[:, :, :9], short, atol=1e-5)


@torch.no_grad()
def test_only_distances_in_time_count(denoiser: Denoiser, noisy: Tensor) -> None:
    """Frames that come later in a window, after invalid ones, give the same."""
    conditions = random_conditions()
    valid = conditions.valid.clone()
    valid[:, :4] = False
    late = denoiser(noisy, TIMESTEPS, replace(conditions, valid=valid), TEXT)
    early = denoiser(noisy[:, :, 4:], TIMESTEPS, conditions.frames(slice(4, 12)), TEXT)
    assert torch.allclose(late[:, :, 4:], early, atol=1e-5)


@torch.no_grad()
def test_an_untrained_denoiser_predicts_no_change(noisy: Tensor) -> None:
    assert (Denoiser(CONFIG)(noisy, TIMESTEPS, random_conditions(), TEXT) == 0).all()


@torch.no_grad()
def test_before_training_gates_are_nearly_closed_for_visible_joints_and_open_for_hidden_ones() -> None:
    torch.manual_seed(0)
    untrained = Denoiser(CONFIG)
    untrained.proj_out.bias.fill_(1)
    conditions = random_conditions()
    visibility = torch.zeros_like(conditions.visibility)
    visibility[..., 11:] = 1
    noisy = torch.ones(2, 2, 12, CONFIG.channels)
    x0 = untrained(noisy, TIMESTEPS, replace(conditions, visibility=visibility))
    hidden, visible = x0[..., : 11 * 6], x0[..., 11 * 6 : 22 * 6]
    assert visible.max() < 0.15 and hidden.min() > 0.85


@torch.no_grad()
def test_noise_that_differs_from_frame_to_frame_does_not_make_the_prediction_jitter(denoiser: Denoiser) -> None:
    one, generator = random_conditions(1, 1), torch.Generator().manual_seed(4)
    constant = {name: value.expand(1, 2, 40, *value.shape[3:]) for name, value in vars(one).items() if name != "valid"}
    conditions = Conditions(**constant, valid=one.valid.expand(1, 40))
    noise = torch.randn(1, 2, 40, CONFIG.channels, generator=generator)

    def prediction(x: Tensor) -> Tensor:
        return denoiser(x, torch.tensor([300]), conditions)

    jitter = prediction(noise).diff(n=2, dim=2).square().mean().sqrt()
    constant_noise = noise[:, :, :1].expand_as(noise)
    change = (prediction(constant_noise) - prediction(torch.zeros_like(noise))).square().mean().sqrt()
    # the second difference of the noise itself would be larger than the noise by the root of six
    assert jitter < 0.1 * change


@torch.no_grad()
def test_windows_of_a_batch_are_independent(denoiser: Denoiser, noisy: Tensor) -> None:
    parts = [random_conditions(1, seed=1), random_conditions(1, seed=2)]
    both = denoiser(noisy, TIMESTEPS, collate(parts), TEXT)
    for row, part in enumerate(parts):
        alone = denoiser(noisy[row : row + 1], TIMESTEPS[row : row + 1], part, TEXT[row : row + 1])
        assert torch.allclose(both[row : row + 1], alone, atol=1e-5)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="width"):
        replace(CONFIG, width=41)
    with pytest.raises(ValueError, match="channels"):
        replace(CONFIG, channels=100)
    with pytest.raises(ValueError, match="static"):
        replace(CONFIG, static_channels=30)
