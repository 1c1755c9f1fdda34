"""The network of the ST-GCN: what holds whatever its weights are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from core.contract.skeleton import JOINT_INDEX
from core.stgcn.graph import adjacency
from core.stgcn.network import STGCN, STGCNConfig, gaussian_filter

CONFIG = STGCNConfig(
    node_features=7,
    person_features=5,
    text_features=6,
    width=16,
    person_width=24,
    blocks=2,
    camera_columns=(1, 2, 3),
    pose_columns=(4, 5, 6),
)


def random_network(config: STGCNConfig = CONFIG, seed: int = 0) -> STGCN:
    """A network none of whose weights is zero, in double precision."""
    torch.manual_seed(seed)
    network = STGCN(config).double().eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.2 * torch.randn_like(value))
    return network


def random_inputs(frames: int = 9, count: int = 2, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes, people and text of `count` windows."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((count, 2, frames, 22, 7), (count, 2, frames, 5), (count, 6))
    nodes, people, text = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return nodes, people, text


def test_an_untrained_network_leaves_the_initial_joints() -> None:
    nodes, people, text = (value.float() for value in random_inputs())
    offset, log_sigma = STGCN(CONFIG)(nodes, people, text)
    assert offset.shape == (2, 2, 9, 22, 3) and not offset.any()
    assert torch.allclose(log_sigma.exp(), torch.full((2, 2, 9, 22, 2), CONFIG.initial_sigma))


def test_exchanging_the_people_exchanges_the_predictions() -> None:
    network, (nodes, people, text) = random_network(), random_inputs()
    predictions = network(nodes, people, text)
    exchanged = network(nodes.flip(1), people.flip(1), text)
    for value, other in zip(predictions, exchanged):
        assert value.std() > 1e-3
        assert torch.allclose(value.flip(1), other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("use_partner", [True, False])
def test_a_prediction_depends_on_the_partner_unless_the_config_says_not(use_partner: bool) -> None:
    nodes, people, text = random_inputs()
    changed = nodes.clone()
    changed[:, 1, :, 20] += 1.0
    network = random_network(replace(CONFIG, use_partner=use_partner))
    difference = network(nodes, people, text)[0][:, 0] - network(changed, people, text)[0][:, 0]
    assert (difference.abs().amax(-1).amin() > 1e-6) == use_partner


@pytest.mark.parametrize("use_time", [True, False])
def test_a_prediction_depends_on_other_frames_unless_the_config_says_not(use_time: bool) -> None:
    nodes, people, text = random_inputs(frames=12)
    changed = nodes.clone()
    changed[:, :, 10:] += 1.0
    network = random_network(replace(CONFIG, use_time=use_time))
    difference = network(nodes, people, text)[0][:, :, 0] - network(changed, people, text)[0][:, :, 0]
    assert bool(difference.abs().amax() > 1e-9) == use_time


def test_a_prediction_depends_on_the_text_and_a_row_of_zeros_is_no_text() -> None:
    network, (nodes, people, text) = random_network(), random_inputs()
    with_text, without = network(nodes, people, text)[0], network(nodes, people)[0]
    assert (with_text - without).abs().amax() > 1e-6
    half = torch.stack([text[0], torch.zeros_like(text[1])])
    mixed = network(nodes, people, half)[0]
    assert torch.allclose(mixed[0], with_text[0]) and torch.allclose(mixed[1], without[1])


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_windows_may_have_any_number_of_frames(frames: int) -> None:
    nodes, people, text = random_inputs(frames)
    offset, log_sigma = random_network()(nodes, people, text)
    assert offset.shape == (2, 2, frames, 22, 3) and log_sigma.shape == (2, 2, frames, 22, 2)


def test_windows_of_a_batch_are_independent() -> None:
    network, (nodes, people, text) = random_network(), random_inputs(count=3)
    together, alone = network(nodes, people, text)[0], network(nodes[1:2], people[1:2], text[1:2])[0]
    assert torch.allclose(together[1:2], alone, atol=1e-12)


def test_the_depth_output_moves_a_person_along_the_line_of_sight() -> None:
    network, (nodes, people, _) = STGCN(replace(CONFIG, camera_scale=3.0)).double(), random_inputs()
    with torch.no_grad():
        network.person_out.bias[3::6] = 0.7  # the depth output of each frame of a token
    offset = network(nodes, people)[0]
    to_camera = 3.0 * people[..., None, 1:4]
    expected = gaussian_filter(
        (-0.7 * CONFIG.offset_scale * to_camera).expand_as(offset), CONFIG.offset_smoothing_sigma
    )
    assert torch.allclose(offset, expected)


def test_a_smoothing_weight_of_one_gives_the_initial_pose_smoothed_by_a_gaussian() -> None:
    network, (nodes, people, _) = STGCN(replace(CONFIG, pose_scale=0.5)).double(), random_inputs(frames=40)
    with torch.no_grad():
        network.node_out.bias.view(2, -1)[:, 5] = 1 / CONFIG.smoothing_gain
    initial = 0.5 * nodes[..., 4:]
    smoothed = (initial + network(nodes, people)[0]).detach()
    expected = gaussian_filter1d(initial.numpy(), CONFIG.smoothing_sigmas[0], axis=2, mode="nearest", truncate=3.3)
    assert np.allclose(smoothed.numpy(), expected, atol=1e-6)


def test_the_gaussian_filter_leaves_what_does_not_change() -> None:
    constant = torch.randn(1, 2, 1, 22, 3, dtype=torch.float64).expand(1, 2, 9, 22, 3)
    assert torch.allclose(gaussian_filter(constant, 4.0), constant)


def test_the_adjacency_follows_the_bones() -> None:
    self_, parent, children = adjacency()
    hip, knee, ankle = (JOINT_INDEX[f"left_{name}"] for name in ("hip", "knee", "ankle"))
    assert torch.equal(self_, torch.eye(22))
    assert parent[knee].nonzero().flatten().tolist() == [hip]
    assert children[knee].nonzero().flatten().tolist() == [ankle]
    assert not parent[0].any()
    above = [JOINT_INDEX[name] for name in ("neck", "left_collar", "right_collar")]
    chest = children[JOINT_INDEX["spine3"]]
    assert chest.nonzero().flatten().tolist() == above and chest.sum() == pytest.approx(1)
