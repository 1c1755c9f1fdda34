"""The frame of reference of the learned models: the ground under two people, seen the way that the camera looks at them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..motion import Camera
from ..transforms import (
    inverse_transform_points,
    inverse_transform_rotations,
    inverse_transform_vectors,
    origin_of,
    transform_points,
    transform_rotations,
    transform_vectors,
)

_LEAST_HORIZONTAL = 0.15
"""Horizontal distance of the camera over its height above the people below which it counts as looking straight down."""


@dataclass(frozen=True)
class GroundView:
    """A frame of reference with Z up, the floor at z = 0, +Y away from the camera and +X to the right of the picture; metres.

    It does not depend on which of the two people comes first, and is one for a whole clip: all windows of it share their axes.
    """

    T_cv: Float[Tensor, "4 4"]
    """float32, view -> camera."""

    @property
    def camera_centre(self) -> Float[Tensor, "3"]:
        """The camera's place in the view."""
        return origin_of(self.T_cv)

    def points_inview(self, points_incam: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        return inverse_transform_points(self.T_cv, points_incam)

    def points_incam(self, points_inview: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        return transform_points(self.T_cv, points_inview)

    def vectors_inview(self, vectors_incam: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        return inverse_transform_vectors(self.T_cv, vectors_incam)

    def vectors_incam(self, vectors_inview: Float[Tensor, "*n 3"]) -> Float[Tensor, "*n 3"]:
        return transform_vectors(self.T_cv, vectors_inview)

    def rotations_inview(self, rotations_incam: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n 3 3"]:
        return inverse_transform_rotations(self.T_cv, rotations_incam)

    def rotations_incam(self, rotations_inview: Float[Tensor, "*n 3 3"]) -> Float[Tensor, "*n 3 3"]:
        return transform_rotations(self.T_cv, rotations_inview)


def ground_view(camera: Camera, pelvis_incam: Float[Tensor, "2 T 3"]) -> GroundView:
    """The view of two people with these pelvises.

    +Y points from the camera to the middle between the people over the whole clip, not along the optical axis: that would turn
    with a wrongly guessed focal length. For a camera straight above them it points up in the picture. The origin lies on the
    floor under that middle.
    """
    device = pelvis_incam.device
    T_cw = torch.as_tensor(camera.T_cw, dtype=torch.float64)
    pelvis = inverse_transform_points(T_cw, pelvis_incam.detach().double().cpu())
    middle = (pelvis[0] + pelvis[1]).mean(0) / 2  # this sum is the same for both orders, a mean over all need not be
    centre = origin_of(T_cw)
    away, upwards = (middle - centre)[:2], -T_cw[1, :2]
    if away.norm() < _LEAST_HORIZONTAL * (centre - middle)[2].abs():
        away = upwards
    x, y = (away / away.norm().clamp_min(1e-9)).tolist()
    T_wv = torch.eye(4, dtype=torch.float64)
    T_wv[:3, :3] = torch.tensor([[y, x, 0.0], [-x, y, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    T_wv[:2, 3] = middle[:2]
    return GroundView((T_cw @ T_wv).float().to(device))
