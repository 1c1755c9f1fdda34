"""The frame that learned models work in: the ground under two people, seen the way that the camera looks at them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..motion import Camera

_ASIDE = 0.15
"""How far aside the camera has to stand, against its height over the people: else it looks straight down at them."""


@dataclass(frozen=True)
class GroundView:
    """A frame with Z up, floor at z = 0, +Y away from the camera and +X to the right of the picture; metres.

    It does not depend on which of the two people comes first, and is one for a whole clip: windows of it share their axes."""

    rotation: Tensor
    """[3,3] world -> view."""
    origin: Tensor
    """[3] in the world, on the floor."""

    def to_view(self, points: Tensor) -> Tensor:
        """World points [...,3] in the view."""
        return _turned(points - self.origin, self.rotation)

    def from_view(self, points: Tensor) -> Tensor:
        return _turned(points, self.rotation.T) + self.origin

    def rotate_to_view(self, rotations: Tensor) -> Tensor:
        """Rotations [...,3,3] into world axes -> into the view's."""
        return self.rotation @ rotations

    def rotate_from_view(self, rotations: Tensor) -> Tensor:
        return self.rotation.T @ rotations


def ground_view(camera: Camera, pelvis: Tensor) -> GroundView:
    """The view of two people with pelvises [2,T,3] (world, metres).

    +Y points from the camera to the people's middle over the whole clip, not along the optical axis: that would turn with a
    focal length guessed wrong. For a camera straight above them it points up in the picture. The origin is that middle.
    """
    pelvis = pelvis.detach().double()
    middle = (pelvis[0] + pelvis[1]).mean(0) / 2  # this sum is the same for both orders, a mean over all need not be
    world = torch.as_tensor(camera.T_cw, dtype=torch.float64).to(pelvis.device)
    centre = -world[:3, :3].T @ world[:3, 3]
    away, upwards = (middle - centre)[:2], -world[1, :2]
    if away.norm() < _ASIDE * (centre - middle)[2].abs():
        away = upwards
    x, y = (away / away.norm().clamp_min(1e-9)).tolist()
    turn = pelvis.new_tensor([[y, -x, 0.0], [x, y, 0.0], [0.0, 0.0, 1.0]])
    return GroundView(turn.float(), (middle * middle.new_tensor([1.0, 1.0, 0.0])).float())


def camera_in_view(camera: Camera, view: GroundView) -> tuple[Tensor, Tensor]:
    """Rotation [3,3] from view axes to the camera's, and the camera's place [3] in the view."""
    world = torch.as_tensor(camera.T_cw).float().to(view.rotation.device)
    centre = -world[:3, :3].T @ world[:3, 3]
    return world[:3, :3] @ view.rotation.T, view.to_view(centre)


def _turned(vectors: Tensor, turn: Tensor) -> Tensor:
    return (turn @ vectors[..., None])[..., 0]
