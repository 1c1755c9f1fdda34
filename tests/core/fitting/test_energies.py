"""Energies of the observations and the prior in closed form: residuals count by the direction in which they are known."""

from __future__ import annotations

import pytest
import torch

from core.fitting import energies


def test_a_landmark_counts_more_across_the_direction_in_which_it_is_uncertain() -> None:
    observed, weight = torch.zeros(1, 1, 1, 2), torch.ones(1, 1, 1)
    covariance = torch.diag(torch.tensor([100.0, 4.0])).expand(1, 1, 1, 2, 2)

    def energy(x: float, y: float) -> float:
        return float(energies.reprojection(torch.tensor([x, y]).expand(1, 1, 1, 2), observed, weight, covariance))

    assert energy(10, 0) == pytest.approx(0.5)  # one sigma
    assert energy(0, 2) == pytest.approx(0.5)
    assert energy(0, 10) == pytest.approx(25 / 26)


def test_a_turned_covariance_is_that_of_the_turned_residual() -> None:
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    straight = torch.diag(torch.tensor([50.0, 3.0]))
    residual = torch.tensor([4.0, -2.0])

    def energy(pixels: torch.Tensor, covariance: torch.Tensor) -> float:
        shape = (1, 1, 1)
        zero, one = torch.zeros(*shape, 2), torch.ones(shape)
        return float(energies.reprojection(pixels.expand(*shape, 2), zero, one, covariance.expand(*shape, 2, 2)))

    assert energy(turn @ residual, turn @ straight @ turn.T) == pytest.approx(energy(residual, straight), rel=1e-5)


def test_an_uncertain_depth_lets_a_joint_move_along_its_ray_only() -> None:
    expected = torch.zeros(1, 1, 2, 3)
    expected[..., 2] = 4.0
    expected[..., 1, 0] = 0.3
    along, across = torch.full((1, 1, 2), 0.5), torch.full((1, 1, 2), 0.05)

    def energy(offset: tuple[float, float, float]) -> float:
        joints = expected.clone()
        joints[..., 1, :] += torch.tensor(offset)
        return float(energies.prior_joints(joints, expected, along, across, 2.0))

    ray = torch.nn.functional.normalize(expected[0, 0, 1], dim=0)
    assert energy(tuple((0.1 * ray).tolist())) < 0.1 * energy((0.0, 0.1, 0.0))


def test_a_foot_slides_between_neighbouring_frames_only() -> None:
    soles, planted = torch.zeros(1, 4, 2, 1, 3), torch.ones(1, 4, 2)
    soles[:, 1:, 0, 0, 0] = 0.1  # between the first two frames
    soles[:, 3:, 0, 0, 0] = 5.1  # a step that is not seen, as the frames are spread over a long clip
    time = torch.tensor([0.0, 1 / 24, 2 / 24, 4.0])
    spread = float(energies.foot_slide(soles, planted, time))
    assert spread == pytest.approx(0.1**2 / 6)
    assert float(energies.foot_slide(soles, planted, torch.arange(4) / 24)) > 10 * spread


@pytest.mark.parametrize("rate", [5, 8, 10, 12, 24, 60])
def test_a_foot_slides_at_every_frame_rate(rate: int) -> None:
    soles, planted = torch.zeros(1, 40, 2, 1, 3), torch.ones(1, 40, 2)
    soles[:, :, 0, 0, 0] = 0.01 * torch.arange(40)
    assert float(energies.foot_slide(soles, planted, torch.arange(40) / rate)) == pytest.approx(0.01**2 / 2)


def test_a_foot_does_not_slide_over_a_gap_in_a_slow_clip() -> None:
    soles, planted = torch.zeros(1, 4, 2, 1, 3), torch.ones(1, 4, 2)
    soles[:, 2:, 0, 0, 0] = 0.5
    assert float(energies.foot_slide(soles, planted, torch.tensor([0.0, 1.0, 3.0, 4.0]) / 8)) == 0
