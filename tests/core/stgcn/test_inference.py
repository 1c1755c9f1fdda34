"""The ST-GCN on whole clips, and its weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.checkpoint import Checkpoint, as_record, save_checkpoint
from core.contract.errors import UserError
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, VERSION, Features
from core.observations.mirrored import OTHER_SIDE, mirrored_joints, mirrored_nodes, mirrored_people
from core.representation.residual import PoseState
from core.stgcn.inference import KIND, load_stgcn, run_stgcn
from core.stgcn.network import STGCN, STGCNConfig

CONFIG = STGCNConfig(len(NODE_FEATURES), len(PERSON_FEATURES), width=16, person_width=16, blocks=2)


def random_features(frames: int) -> Features:
    generator = torch.Generator().manual_seed(5)

    def normal(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=generator)

    reference = PoseState(torch.eye(3).expand(2, frames, 22, 3, 3), normal(frames, 3), normal(16))
    nodes, people = normal(frames, 22, len(NODE_FEATURES)), normal(frames, len(PERSON_FEATURES))
    return Features(nodes, people, normal(frames, 22, 3), torch.ones(2, frames, 22), reference)


def random_network(config: STGCNConfig = CONFIG) -> STGCN:
    """A network none of whose weights is zero."""
    torch.manual_seed(2)
    network = STGCN(config).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.1 * torch.randn_like(value))
    return network


def save_weights(path: Path, network: STGCN, version: int = VERSION) -> Path:
    save_checkpoint(path, Checkpoint(KIND, version, as_record(network.config), network.state_dict()))
    return path


def test_an_untrained_network_keeps_the_joints_of_a_long_clip() -> None:
    features = random_features(150)
    prediction = run_stgcn(features, STGCN(CONFIG))
    assert torch.allclose(prediction.joints_inview, features.joints, atol=1e-6)
    assert torch.allclose(prediction.sigma, torch.tensor(CONFIG.initial_sigma))


def test_a_network_without_time_predicts_the_same_for_a_whole_clip_and_for_its_parts() -> None:
    features = random_features(146)
    network = random_network(replace(CONFIG, use_time=False))
    whole = run_stgcn(features, network)
    parts = [run_stgcn(features.along("N", part), network) for part in (slice(0, 50), slice(50, 100), slice(100, 146))]
    for name in ("joints_inview", "sigma_along", "sigma_across"):
        joined = torch.cat([getattr(part, name) for part in parts], 1)
        assert torch.allclose(getattr(whole, name), joined, atol=1e-5)


def test_the_mirrored_clip_has_the_mirrored_prediction() -> None:
    features, network = random_features(20), random_network()
    mirrored = replace(
        features,
        nodes=mirrored_nodes(features.nodes),
        people=mirrored_people(features.people),
        joints=mirrored_joints(features.joints),
    )
    found, found_mirrored = run_stgcn(features, network), run_stgcn(mirrored, network)
    assert torch.allclose(found_mirrored.joints_inview, mirrored_joints(found.joints_inview), atol=1e-5)
    assert torch.allclose(found_mirrored.sigma_along, found.sigma_along[:, :, list(OTHER_SIDE)], atol=1e-5)


def test_where_the_prediction_of_the_mirrored_clip_is_another_one_sigmas_grow() -> None:
    features, network = random_features(20), random_network()
    with torch.no_grad():
        offset, log_sigma = network(features.nodes[None], features.people[None])
    found = run_stgcn(features, network)
    # what is taken for two samples of a mixture has the mean of their variances and the variance of their means
    pelvis = (features.joints + offset[0] - found.joints_inview)[:, :, 0]
    with torch.no_grad():
        _, other = network(mirrored_nodes(features.nodes)[None], mirrored_people(features.people)[None])
    within = (log_sigma[0, :, :, 0].exp().square() + other[0, :, :, 0].exp().square()) / 2
    total = found.sigma_along[:, :, 0].square() + 2 * found.sigma_across[:, :, 0].square()
    assert torch.allclose(total, within[..., 0] + 2 * within[..., 1] + pelvis.square().sum(-1), rtol=1e-3)


def test_a_prediction_depends_on_its_own_windows_only() -> None:
    clip, network = random_features(400), random_network()
    whole, start = (run_stgcn(features, network).joints_inview for features in (clip, clip.along("N", slice(112))))
    assert torch.allclose(whole[:, :48], start[:, :48], atol=1e-5)


def test_the_prompt_changes_the_prediction() -> None:
    features, network = random_features(20), random_network()
    text = torch.nn.functional.normalize(torch.ones(384), dim=0)
    with_text, without = run_stgcn(features, network, text), run_stgcn(features, network)
    assert not torch.allclose(with_text.joints_inview, without.joints_inview)


def test_a_prediction_that_is_not_finite_is_an_error() -> None:
    features = random_features(20)
    features.nodes[0, 3, 5, 1] = float("nan")
    with pytest.raises(UserError) as caught:
        run_stgcn(features, random_network())
    assert caught.value.code == "stgcn-failed"


def test_weights_are_loaded_as_they_were_saved(tmp_path: Path) -> None:
    network, features = random_network(), random_features(20)
    loaded = load_stgcn(save_weights(tmp_path / "a.safetensors", network))
    assert loaded.config == network.config
    assert torch.equal(run_stgcn(features, loaded).joints_inview, run_stgcn(features, network).joints_inview)


def test_missing_weights_and_those_of_another_version_are_refused(tmp_path: Path) -> None:
    path = save_weights(tmp_path / "a.safetensors", random_network(), VERSION + 1)
    with pytest.raises(UserError) as caught:
        load_stgcn(path)
    assert caught.value.code == "weights-wrong"
    with pytest.raises(UserError) as caught:
        load_stgcn(tmp_path / "none.safetensors")
    assert caught.value.code == "weights-missing" and caught.value.hint
