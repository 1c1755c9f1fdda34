"""Two people in the rest pose, back to back: what is inside the other one is found, and driven out."""

from __future__ import annotations

import math

import pytest
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.body.rotations import axis_angle_to_matrix
from core.fitting.skin_penetration import facing_skin, skin_penetration
from core.motion import Posed, pose
from lab.evaluation.surface_metrics import penetration_metrics

FRAMES = torch.arange(2)
WEIGHT = 6e4  # about the fit's: the gradient is not lost beside Adam's epsilon


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body(None)


def back_to_back(body: BodyModel, apart: torch.Tensor) -> Posed:
    """Person 1 stands `apart` metres behind person 0, facing away, in two frames."""
    rotations = torch.eye(3).repeat(2, len(FRAMES), 55, 1, 1)
    rotations[1, :, 0] = axis_angle_to_matrix(torch.tensor([0.0, math.pi, 0.0]))
    pelvis = torch.zeros(2, len(FRAMES), 3)
    direction = torch.tensor([0.0, 0.0, -1.0])
    return pose(
        body, rotations, pelvis + torch.stack([0 * apart, apart])[:, None, None] * direction, torch.zeros(2, 16)
    )


def deepest(body: BodyModel, apart: torch.Tensor) -> float:
    """metres."""
    skin = back_to_back(body, apart).skin(body).detach().numpy()
    return penetration_metrics(skin, body.faces.numpy())["penetration_max"] / 1000


@pytest.fixture(scope="module")
def touching(body: BodyModel) -> torch.Tensor:
    """The distance at which the two just touch."""
    near, far = 0.1, 0.6
    for _ in range(12):
        middle = (near + far) / 2
        near, far = (middle, far) if deepest(body, torch.tensor(middle)) > 0 else (near, middle)
    return torch.tensor(far)


def test_people_who_do_not_touch_have_nothing_inside(body, touching):
    posed = back_to_back(body, touching + 0.1)
    facing = facing_skin(posed, body, FRAMES)
    assert len(facing.frame) == 0
    assert float(skin_penetration(posed, facing)) == 0


def test_skin_just_outside_is_watched_and_costs_nothing_yet(body, touching):
    posed = back_to_back(body, touching + 0.004)
    facing = facing_skin(posed, body, FRAMES)
    assert set(facing.frame.tolist()) == {0, 1} and set(facing.person.tolist()) == {0, 1}
    assert float(skin_penetration(posed, facing)) == 0
    moved = back_to_back(body, touching - 0.004)  # the points that were found go with the people
    assert float(skin_penetration(moved, facing)) > 0


def test_the_energy_drives_people_apart_until_nothing_is_inside(body, touching):
    apart = (touching - 0.012).clone().requires_grad_()
    before = deepest(body, apart)
    assert before > 0.005
    facing = facing_skin(back_to_back(body, apart.detach()), body, FRAMES)
    optimizer = torch.optim.Adam([apart], lr=0.001)
    for _ in range(30):
        optimizer.zero_grad()
        (WEIGHT * skin_penetration(back_to_back(body, apart), facing)).backward()
        optimizer.step()
    assert deepest(body, apart.detach()) < 0.2 * before
    assert float(apart.detach() - touching) < 0.01  # and no farther
