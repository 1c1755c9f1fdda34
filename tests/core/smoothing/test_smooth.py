"""The sequence refiner on whole takes, and its weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.body.rotations import axis_angle_to_matrix
from core.checkpoint import Checkpoint, as_record, save_checkpoint
from core.contract.errors import UserError
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, VERSION, Features
from core.representation.residual import (
    BETAS,
    CHANNELS,
    FOOT_CONTACT,
    RESIDUAL_SIZE,
    TRANSLATION,
    PoseState,
    ResidualScales,
    decode_residual,
    encode_residual,
    from_channels,
    to_channels,
)
from core.smoothing.network import SequenceSmoother, SmootherConfig, evidence_of, numbers_of
from core.smoothing.smooth import FADE, KIND, Smoother, load_smoother, smooth

CONFIG = SmootherConfig(width=8, blocks=2)
SCALES = ResidualScales(torch.linspace(0.05, 0.4, RESIDUAL_SIZE), torch.full((BETAS,), 0.5))


def observed_pair(frames: int, seed: int = 3) -> Features:
    """Two people whose first motion shakes."""
    draw = torch.Generator().manual_seed(seed)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=draw)

    base = PoseState(axis_angle_to_matrix(0.1 * numbers(frames, 22, 3)), 0.02 * numbers(frames, 3), numbers(BETAS))
    nodes, people = numbers(frames, 22, len(NODE_FEATURES)), numbers(frames, len(PERSON_FEATURES))
    return Features(nodes, people, numbers(frames, 22, 3), torch.rand(2, frames, 22, generator=draw), base)


def take_of(observed: Features, seed: int = 4) -> Tensor:
    """Channels that lead to a motion which swings slowly, and trembles."""
    draw = torch.Generator().manual_seed(seed)
    frames = observed.confidence.shape[1]
    swing = torch.sin(torch.arange(frames) / 12)[None, :, None, None] * torch.randn(2, 1, 22, 3, generator=draw)
    turns = axis_angle_to_matrix(0.3 * swing + 0.03 * torch.randn(2, frames, 22, 3, generator=draw))
    motion = PoseState(turns, 0.01 * torch.randn(2, frames, 3, generator=draw), observed.reference.betas)
    states = torch.rand(2, frames, 10, generator=draw) > 0.5
    x, betas = encode_residual(motion, observed.reference, states[..., :2], states[..., 2:])
    return to_channels(x, betas + 0.1, SCALES)


def shaken(config: SmootherConfig = CONFIG) -> SequenceSmoother:
    torch.manual_seed(2)
    network = SequenceSmoother(config).eval().requires_grad_(False)
    for value in network.parameters():
        value.add_(0.3 * torch.randn_like(value))
    network.reach.fill_(0.2)
    return network


def moved(channels: Tensor, observed: Features) -> Tensor:
    """[P,N,135] of the motion that channels lead to."""
    return numbers_of(decode_residual(*from_channels(channels, SCALES), observed.reference).motion)


def unrest(values: Tensor) -> float:
    return float(values.diff(n=2, dim=1).norm(dim=-1).mean())


def test_an_untrained_refiner_changes_nothing() -> None:
    observed = observed_pair(70)
    take = take_of(observed)
    assert torch.allclose(smooth(Smoother(SequenceSmoother(CONFIG), SCALES), take, observed), take, atol=1e-4)


def test_the_motion_becomes_calmer_although_the_first_one_shakes() -> None:
    observed = observed_pair(70)
    take = take_of(observed)
    result = smooth(Smoother(shaken(), SCALES), take, observed)
    assert result.shape == take.shape == (2, 70, CHANNELS)
    assert unrest(moved(result, observed)) < 0.8 * unrest(moved(take, observed))
    assert torch.equal(result[..., FOOT_CONTACT.start :], take[..., FOOT_CONTACT.start :])


def test_strength_leads_from_the_take_to_the_calm_one() -> None:
    observed, refiner = observed_pair(40), Smoother(shaken(), SCALES)
    take = take_of(observed)
    none, half, full = (smooth(refiner, take, observed, strength=share) for share in (0.0, 0.5, 1.0))
    assert torch.equal(none, take)
    assert torch.allclose(half, (take + full) / 2, atol=1e-5)
    assert not torch.allclose(full, take, atol=1e-3)


def test_what_is_held_stays_and_smoothing_comes_back_around_it() -> None:
    observed, refiner = observed_pair(80), Smoother(shaken(), SCALES)
    take = take_of(observed)
    hold = torch.zeros(2, 80)
    hold[0, 30:35] = 1
    free, held = smooth(refiner, take, observed), smooth(refiner, take, observed, hold=hold)
    assert torch.equal(held[0, 30:35], take[0, 30:35])
    assert torch.equal(held[1], free[1])
    assert torch.equal(held[0, : 30 - FADE], free[0, : 30 - FADE])
    share = (held - take)[0, :, TRANSLATION] / (free - take)[0, :, TRANSLATION]
    assert bool((share[35 : 35 + FADE].diff(dim=0) > 0).all()), "fades in"


def test_exchanging_the_people_exchanges_the_result() -> None:
    observed, refiner = observed_pair(50), Smoother(shaken(), SCALES)
    take = take_of(observed)
    base = PoseState(
        observed.reference.rotations.flip(0), observed.reference.pelvis.flip(0), observed.reference.betas.flip(0)
    )
    other = Features(
        observed.nodes.flip(0), observed.people.flip(0), observed.joints.flip(0), observed.confidence.flip(0), base
    )
    expected = smooth(refiner, take, observed).flip(0)
    assert torch.allclose(smooth(refiner, take.flip(0), other), expected, atol=1e-5)


def test_the_partner_is_heard() -> None:
    observed, network = observed_pair(50), shaken()
    motion, evidence = moved(take_of(observed), observed)[None], evidence_of(observed.nodes, observed.confidence)[None]
    first = numbers_of(observed.reference)[None]
    other = motion.clone()
    other[:, 1] = 0.5 * other[:, 1]
    assert not torch.equal(network(motion, first, evidence)[:, 0], network(other, first, evidence)[:, 0])


@pytest.mark.parametrize("frames", (1, 2, 9))
def test_short_takes_are_smoothed_too(frames: int) -> None:
    observed = observed_pair(frames)
    assert smooth(Smoother(shaken(), SCALES), take_of(observed), observed).shape == (2, frames, CHANNELS)


def test_a_take_in_the_infillers_own_scale_gives_the_same_motion() -> None:
    observed, refiner = observed_pair(30), Smoother(shaken(), SCALES)
    take = take_of(observed)
    others = replace(SCALES, x=2 * SCALES.x)
    result = smooth(refiner, to_channels(*from_channels(take, SCALES), others), observed, scales=others)
    assert torch.allclose(
        from_channels(result, others)[0], from_channels(smooth(refiner, take, observed), SCALES)[0], atol=1e-5
    )


def test_numbers_that_are_not_finite_are_no_result() -> None:
    observed = observed_pair(20)
    take = take_of(observed)
    take[1, 4, 7] = float("nan")
    with pytest.raises(UserError) as caught:
        smooth(Smoother(shaken(), SCALES), take, observed)
    assert caught.value.code == "refiner-broken"


def test_weights_are_loaded_as_they_were_saved(tmp_path: Path) -> None:
    network, observed, path = shaken(), observed_pair(20), tmp_path / "a.safetensors"
    save_checkpoint(path, Checkpoint(KIND, VERSION, as_record(CONFIG), network.state_dict(), SCALES.to_json()))
    loaded, take = load_smoother(path), take_of(observed)
    assert torch.equal(smooth(loaded, take, observed), smooth(Smoother(network, SCALES), take, observed))
    save_checkpoint(path, Checkpoint(KIND, VERSION + 1, as_record(CONFIG), network.state_dict(), SCALES.to_json()))
    with pytest.raises(UserError) as caught:
        load_smoother(path)
    assert caught.value.code == "weights-wrong"
    with pytest.raises(UserError) as caught:
        load_smoother(tmp_path / "none.safetensors")
    assert caught.value.code == "weights-missing" and caught.value.hint
