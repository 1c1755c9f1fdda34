"""The geometry optimizer's network: what holds whatever its weights are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from core.stgcn.graph import adjacency
from core.stgcn.network import INITIAL_SIGMA, SMOOTHING_SIGMAS, STGCN, STGCNConfig, gaussian_smoothed

CONFIG = STGCNConfig(
    node_features=7,
    person_features=5,
    text_features=6,
    width=16,
    person_width=24,
    blocks=2,
    camera=(1, 2, 3),
    pose=(4, 5, 6),
)


def shaken(config: STGCNConfig = CONFIG, seed: int = 0) -> STGCN:
    """A network none of whose weights is zero, in double precision."""
    torch.manual_seed(seed)
    network = STGCN(config).double().eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.2 * torch.randn_like(value))
    return network


def seen(frames: int = 9, count: int = 2, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    shapes = ((count, 2, frames, 22, 7), (count, 2, frames, 5), (count, 6))
    nodes, people, text = (torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes)
    return nodes, people, text


def test_untrained_it_leaves_the_initial_joints() -> None:
    nodes, people, text = (value.float() for value in seen())
    shift, log_sigma = STGCN(CONFIG)(nodes, people, text)
    assert shift.shape == (2, 2, 9, 22, 3) and not shift.any()
    assert torch.allclose(log_sigma.exp(), torch.full((2, 2, 9, 22), INITIAL_SIGMA))


def test_exchanging_the_people_exchanges_the_result() -> None:
    network, (nodes, people, text) = shaken(), seen()
    once = network(nodes, people, text)
    other = network(nodes.flip(1), people.flip(1), text)
    for value, exchanged in zip(once, other):
        assert value.std() > 1e-3
        assert torch.allclose(value.flip(1), exchanged, rtol=0, atol=1e-12)


def test_people_hear_each_other_unless_told_not_to() -> None:
    nodes, people, text = seen()
    changed = nodes.clone()
    changed[:, 1, :, 20] += 1.0
    for partner in (True, False):
        network = shaken(replace(CONFIG, partner=partner))
        heard = network(nodes, people, text)[0][:, 0] - network(changed, people, text)[0][:, 0]
        assert (heard.abs().amax(-1).amin() > 1e-6) == partner


def test_moments_hear_each_other_unless_told_not_to() -> None:
    nodes, people, text = seen(frames=12)
    changed = nodes.clone()
    changed[:, :, 10:] += 1.0
    for time in (True, False):
        network = shaken(replace(CONFIG, time=time))
        heard = network(nodes, people, text)[0][:, :, 0] - network(changed, people, text)[0][:, :, 0]
        assert bool(heard.abs().amax() > 1e-9) == time


def test_text_is_heard_and_may_be_absent() -> None:
    network, (nodes, people, text) = shaken(), seen()
    with_text, without = network(nodes, people, text)[0], network(nodes, people)[0]
    assert (with_text - without).abs().amax() > 1e-6
    half = torch.stack([text[0], torch.zeros_like(text[1])])
    mixed = network(nodes, people, half)[0]
    assert torch.allclose(mixed[0], with_text[0]) and torch.allclose(mixed[1], without[1])


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_any_number_of_frames(frames: int) -> None:
    nodes, people, text = seen(frames)
    shift, log_sigma = shaken()(nodes, people, text)
    assert shift.shape == (2, 2, frames, 22, 3) and log_sigma.shape == (2, 2, frames, 22)


def test_windows_of_a_batch_do_not_hear_each_other() -> None:
    network, (nodes, people, text) = shaken(), seen(count=3)
    together, alone = network(nodes, people, text)[0], network(nodes[1:2], people[1:2], text[1:2])[0]
    assert torch.allclose(together[1:2], alone, atol=1e-12)


def test_depth_moves_a_whole_person_along_the_ray() -> None:
    network, (nodes, people, _) = STGCN(replace(CONFIG, camera_unit=3.0)).double(), seen()
    with torch.no_grad():
        network.person_out.bias[3::5] = 0.7  # nothing but the share of the distance
    shift = network(nodes, people)[0]
    to_camera = 3.0 * people[..., None, 1:4]
    expected = gaussian_smoothed((-0.07 * to_camera).expand_as(shift), 1.5)
    assert torch.allclose(shift, expected)


def test_the_initial_pose_may_be_smoothed() -> None:
    """Told to smooth all of it, the network leaves of a shaking joint what a Gaussian over time leaves."""
    network, (nodes, people, _) = STGCN(replace(CONFIG, pose_unit=0.5)).double(), seen(frames=40)
    with torch.no_grad():
        network.node_out.bias.view(2, -1)[:, 4] = 0.2  # a fifth, of five
    initial = 0.5 * nodes[..., 4:]
    moved = (initial + network(nodes, people)[0]).detach()
    expected = gaussian_filter1d(initial.numpy(), SMOOTHING_SIGMAS[0], axis=2, mode="nearest", truncate=3.3)
    assert np.allclose(moved.numpy(), expected, atol=1e-6)


def test_smoothing_leaves_what_does_not_change() -> None:
    still = torch.randn(1, 2, 1, 22, 3, dtype=torch.float64).expand(1, 2, 9, 22, 3)
    assert torch.allclose(gaussian_smoothed(still, 4.0), still)


def test_bones_join_the_joints_that_they_do() -> None:
    self_, parent, children = adjacency()
    knee, hip, ankle, spine3 = 4, 1, 7, 9
    assert torch.equal(self_, torch.eye(22))
    assert parent[knee].nonzero().flatten().tolist() == [hip]
    assert children[knee].nonzero().flatten().tolist() == [ankle]
    assert not parent[0].any()
    assert children[spine3].nonzero().flatten().tolist() == [12, 13, 14] and children[spine3].sum() == pytest.approx(1)
