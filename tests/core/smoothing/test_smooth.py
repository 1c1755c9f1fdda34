"""The sequence smoother on whole takes, and its weights."""

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
from core.representation.resampling import FRAME_RATE
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
from core.smoothing.network import SequenceSmoother, SmootherConfig, evidence_features, pose_numbers
from core.smoothing.smooth import KIND, Smoother, SmoothingSettings, load_smoother, smooth

CONFIG = SmootherConfig(width=8, blocks=2)
SCALES = ResidualScales(torch.linspace(0.05, 0.4, RESIDUAL_SIZE), torch.full((BETAS,), 0.5))
FADE = round(SmoothingSettings().fade_seconds * FRAME_RATE)


def jittery_features(frames: int, seed: int = 3) -> Features:
    """Two people whose reference motion jitters."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=generator)

    rotations = axis_angle_to_matrix(0.1 * normal(frames, 22, 3))
    reference = PoseState(rotations, 0.02 * normal(frames, 3), normal(BETAS))
    nodes, people = normal(frames, 22, len(NODE_FEATURES)), normal(frames, len(PERSON_FEATURES))
    confidence = torch.rand(2, frames, 22, generator=generator)
    return Features(nodes, people, normal(frames, 22, 3), confidence, reference)


def jittery_take(features: Features, seed: int = 4) -> Tensor:
    """Channels of a motion that swings slowly and jitters."""
    generator = torch.Generator().manual_seed(seed)
    frames = features.confidence.shape[1]
    swing = torch.sin(torch.arange(frames) / 12)[None, :, None, None] * torch.randn(2, 1, 22, 3, generator=generator)
    rotations = axis_angle_to_matrix(0.3 * swing + 0.03 * torch.randn(2, frames, 22, 3, generator=generator))
    pelvis = 0.01 * torch.randn(2, frames, 3, generator=generator)
    states = torch.rand(2, frames, 10, generator=generator) > 0.5
    pose = PoseState(rotations, pelvis, features.reference.betas)
    x, betas = encode_residual(pose, features.reference, states[..., :2], states[..., 2:])
    return to_channels(x, betas + 0.1, SCALES)


def random_network(config: SmootherConfig = CONFIG) -> SequenceSmoother:
    """A network none of whose weights is zero."""
    torch.manual_seed(2)
    network = SequenceSmoother(config).eval().requires_grad_(False)
    for value in network.parameters():
        value.add_(0.3 * torch.randn_like(value))
    network.max_attenuation.fill_(0.2)
    return network


def pose_of(channels: Tensor, features: Features) -> Tensor:
    """[P,N,135], see `pose_numbers`."""
    return pose_numbers(decode_residual(*from_channels(channels, SCALES), features.reference).motion)


def mean_acceleration(values: Tensor) -> float:
    return float(values.diff(n=2, dim=1).norm(dim=-1).mean())


def test_an_untrained_smoother_changes_nothing() -> None:
    features = jittery_features(70)
    take = jittery_take(features)
    assert torch.allclose(smooth(Smoother(SequenceSmoother(CONFIG), SCALES), take, features), take, atol=1e-4)


def test_the_motion_becomes_smoother_although_the_reference_jitters() -> None:
    features = jittery_features(70)
    take = jittery_take(features)
    result = smooth(Smoother(random_network(), SCALES), take, features)
    assert result.shape == take.shape == (2, 70, CHANNELS)
    assert mean_acceleration(pose_of(result, features)) < 0.8 * mean_acceleration(pose_of(take, features))
    assert torch.equal(result[..., FOOT_CONTACT.start :], take[..., FOOT_CONTACT.start :])


def test_strength_interpolates_between_the_take_and_the_networks_result() -> None:
    features, smoother = jittery_features(40), Smoother(random_network(), SCALES)
    take = jittery_take(features)
    none, half, full = (smooth(smoother, take, features, SmoothingSettings(value)) for value in (0.0, 0.5, 1.0))
    assert torch.equal(none, take)
    assert torch.allclose(half, (take + full) / 2, atol=1e-5)
    assert not torch.allclose(full, take, atol=1e-3)


def test_held_frames_stay_and_smoothing_fades_in_around_them() -> None:
    features, smoother = jittery_features(80), Smoother(random_network(), SCALES)
    take = jittery_take(features)
    hold = torch.zeros(2, 80)
    hold[0, 30:35] = 1
    free, held = smooth(smoother, take, features), smooth(smoother, take, features, hold=hold)
    assert torch.equal(held[0, 30:35], take[0, 30:35])
    assert torch.equal(held[1], free[1])
    assert torch.equal(held[0, : 30 - FADE], free[0, : 30 - FADE])
    weight = (held - take)[0, :, TRANSLATION] / (free - take)[0, :, TRANSLATION]
    assert bool((weight[35 : 35 + FADE].diff(dim=0) > 0).all())


def test_exchanging_the_people_exchanges_the_result() -> None:
    features, smoother = jittery_features(50), Smoother(random_network(), SCALES)
    take = jittery_take(features)
    exchanged = features.along("P", [1, 0])
    expected = smooth(smoother, take, features).flip(0)
    assert torch.allclose(smooth(smoother, take.flip(0), exchanged), expected, atol=1e-5)


def test_the_result_depends_on_the_partner() -> None:
    features, network = jittery_features(50), random_network()
    pose = pose_of(jittery_take(features), features)[None]
    evidence = evidence_features(features.nodes, features.confidence)[None]
    reference = pose_numbers(features.reference)[None]
    other = pose.clone()
    other[:, 1] = 0.5 * other[:, 1]
    assert not torch.equal(network(pose, reference, evidence)[:, 0], network(other, reference, evidence)[:, 0])


@pytest.mark.parametrize("frames", (1, 2, 9))
def test_short_takes_can_be_smoothed(frames: int) -> None:
    features = jittery_features(frames)
    result = smooth(Smoother(random_network(), SCALES), jittery_take(features), features)
    assert result.shape == (2, frames, CHANNELS)


def test_channels_in_other_scales_give_the_same_motion() -> None:
    features, smoother = jittery_features(30), Smoother(random_network(), SCALES)
    take = jittery_take(features)
    others = replace(SCALES, x=2 * SCALES.x)
    result = smooth(smoother, to_channels(*from_channels(take, SCALES), others), features, scales=others)
    expected = from_channels(smooth(smoother, take, features), SCALES)[0]
    assert torch.allclose(from_channels(result, others)[0], expected, atol=1e-5)


def test_a_result_that_is_not_finite_is_an_error() -> None:
    features = jittery_features(20)
    take = jittery_take(features)
    take[1, 4, 7] = float("nan")
    with pytest.raises(UserError) as caught:
        smooth(Smoother(random_network(), SCALES), take, features)
    assert caught.value.code == "smoother-failed"


def test_weights_are_loaded_as_they_were_saved(tmp_path: Path) -> None:
    network, features, path = random_network(), jittery_features(20), tmp_path / "a.safetensors"
    save_checkpoint(path, Checkpoint(KIND, VERSION, as_record(CONFIG), network.state_dict(), SCALES.to_json()))
    loaded, take = load_smoother(path), jittery_take(features)
    assert torch.equal(smooth(loaded, take, features), smooth(Smoother(network, SCALES), take, features))


def test_missing_weights_and_those_of_another_version_are_refused(tmp_path: Path) -> None:
    network, path = random_network(), tmp_path / "a.safetensors"
    save_checkpoint(path, Checkpoint(KIND, VERSION + 1, as_record(CONFIG), network.state_dict(), SCALES.to_json()))
    with pytest.raises(UserError) as caught:
        load_smoother(path)
    assert caught.value.code == "weights-wrong"
    with pytest.raises(UserError) as caught:
        load_smoother(tmp_path / "none.safetensors")
    assert caught.value.code == "weights-missing" and caught.value.hint
