"""The clip's camera: intrinsics from the user or a sensible field of view; its place over the floor."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..contract.errors import UserError


def intrinsics(width: int, height: int, horizontal_fov: float | None) -> np.ndarray:
    """K [3,3] float64 with the principal point in the middle of a width x height picture.

    `horizontal_fov` in degrees; None stands for a focal length of the picture's diagonal (a diagonal view of 53
    degrees, between a phone and a normal lens), the usual choice where nothing is known (Kissos et al., 2020).
    """
    if horizontal_fov is None:
        focal = math.hypot(width, height)
    elif 5 <= horizontal_fov <= 150:
        focal = width / 2 / math.tan(math.radians(horizontal_fov) / 2)
    else:
        raise UserError(
            "bad-fov",
            f"A horizontal field of view of {horizontal_fov:g} degrees is not plausible.",
            "Give 5 to 150 degrees, or leave it out.",
        )
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def extrinsics(pitch: Tensor, roll: Tensor, height: Tensor) -> Tensor:
    """World -> camera [4,4] of a camera `height` metres above the origin that looks along +Y.

    `pitch` radians, positive looks down; `roll` radians, positive turns the camera clockwise seen from behind it.
    """
    zero, one = torch.zeros_like(pitch), torch.ones_like(pitch)
    sin_pitch, cos_pitch, sin_roll, cos_roll = pitch.sin(), pitch.cos(), roll.sin(), roll.cos()
    # rows: the camera's right, down and forward axes in the world, before rolling
    level = torch.stack(
        [one, zero, zero, zero, -sin_pitch, -cos_pitch, zero, cos_pitch, -sin_pitch],
    ).reshape(3, 3)
    rolling = torch.stack([cos_roll, sin_roll, zero, -sin_roll, cos_roll, zero, zero, zero, one]).reshape(3, 3)
    rotation = rolling @ level
    shift = -rotation @ torch.stack([zero, zero, height])
    bottom = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=rotation.dtype, device=rotation.device)
    return torch.cat([torch.cat([rotation, shift[:, None]], 1), bottom])


def back_to_world(points: Tensor, world: Tensor) -> Tensor:
    """Points [...,3] in the camera frame -> world frame."""
    return (points - world[:3, 3]) @ world[:3, :3]
