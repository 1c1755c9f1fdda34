"""The geometry optimizer on whole clips, and its weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.checkpoint import Checkpoint, as_record, save_checkpoint
from core.contract.errors import UserError
from core.observations.features import NODE_FEATURES, PERSON_FEATURES, VERSION, Features
from core.representation.residual import PoseState
from core.stgcn.inference import KIND, load_stgcn, run_stgcn
from core.stgcn.network import INITIAL_SIGMA, STGCN, STGCNConfig

CONFIG = STGCNConfig(len(NODE_FEATURES), len(PERSON_FEATURES), width=16, person_width=16, blocks=2)


def seen(frames: int) -> Features:
    draw = torch.Generator().manual_seed(5)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(2, *shape, generator=draw)

    base = PoseState(torch.eye(3).expand(2, frames, 22, 3, 3), numbers(frames, 3), numbers(16))
    nodes, people = numbers(frames, 22, len(NODE_FEATURES)), numbers(frames, len(PERSON_FEATURES))
    return Features(nodes, people, numbers(frames, 22, 3), torch.ones(2, frames, 22), base)


def shaken(config: STGCNConfig = CONFIG) -> STGCN:
    torch.manual_seed(2)
    network = STGCN(config).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.1 * torch.randn_like(value))
    return network


def weights_at(path: Path, network: STGCN, features: int = VERSION) -> Path:
    save_checkpoint(path, Checkpoint(KIND, features, as_record(network.config), network.state_dict()))
    return path


def test_an_untrained_network_keeps_the_joints_of_a_long_clip() -> None:
    observed = seen(150)
    result = run_stgcn(observed, STGCN(CONFIG))
    assert torch.allclose(result.joints_inview, observed.joints, atol=1e-6)
    assert torch.allclose(result.sigma, torch.tensor(INITIAL_SIGMA))


def test_windows_leave_no_trace_of_where_they_began() -> None:
    """A network that looks at each pair of frames alone gives the same in one window as in many."""
    observed = seen(146)
    network = shaken(replace(CONFIG, time=False))
    with torch.no_grad():
        shift, log_sigma = network(observed.nodes[None], observed.people[None])
    result = run_stgcn(observed, network)
    assert torch.allclose(result.joints_inview, observed.joints + shift[0], atol=1e-5)
    assert torch.allclose(result.sigma, log_sigma[0].exp(), atol=1e-5)


def test_frames_far_away_are_not_heard() -> None:
    """What makes memory flat: a frame's result depends on its own windows, not on the clip."""
    long, network = seen(400), shaken()
    start = Features(
        long.nodes[:, :112], long.people[:, :112], long.joints[:, :112], long.confidence[:, :112], long.reference
    )
    assert torch.allclose(
        run_stgcn(long, network).joints_inview[:, :48], run_stgcn(start, network).joints_inview[:, :48], atol=1e-5
    )


def test_doubt_of_the_place_is_everybodys() -> None:
    result = run_stgcn(seen(20), shaken())
    assert torch.equal(result.place_sigma[..., 0], result.sigma[..., 0])
    expected = torch.hypot(result.sigma[..., 0:1], result.sigma[..., 1:])
    assert torch.allclose(result.place_sigma[..., 1:], expected)


def test_a_sentence_changes_the_result() -> None:
    observed, network = seen(20), shaken()
    words = torch.nn.functional.normalize(torch.ones(384), dim=0)
    assert not torch.allclose(
        run_stgcn(observed, network, words).joints_inview, run_stgcn(observed, network).joints_inview
    )


def test_numbers_that_are_not_finite_are_no_result() -> None:
    observed = seen(20)
    observed.nodes[0, 3, 5, 1] = float("nan")
    with pytest.raises(UserError) as caught:
        run_stgcn(observed, shaken())
    assert caught.value.code == "optimizer-failed"


def test_weights_are_loaded_as_they_were_saved(tmp_path: Path) -> None:
    network, observed = shaken(), seen(20)
    loaded = load_stgcn(weights_at(tmp_path / "a.safetensors", network))
    assert loaded.config == network.config
    assert torch.equal(run_stgcn(observed, loaded).joints_inview, run_stgcn(observed, network).joints_inview)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = weights_at(tmp_path / "a.safetensors", shaken(), features=VERSION + 1)
    with pytest.raises(UserError) as caught:
        load_stgcn(path)
    assert caught.value.code == "weights-wrong"
    with pytest.raises(UserError) as caught:
        load_stgcn(tmp_path / "none.safetensors")
    assert caught.value.code == "weights-missing" and caught.value.hint
