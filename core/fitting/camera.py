"""The clip's camera: intrinsics from the field of view, extrinsics from pitch, roll and height over the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.errors import UserError
from ..contract.requests import MAX_FOV, MIN_FOV
from ..transforms import origin_of


@dataclass(frozen=True)
class KnownCamera:
    """What the user says of the camera; None is estimated."""

    fov: float | None = None
    """Horizontal field of view, degrees."""
    pitch: float | None = None
    """degrees, positive looks down."""
    roll: float | None = None
    """degrees, positive is turned clockwise seen from behind the camera."""
    height: float | None = None
    """metres over the floor."""

    @property
    def is_constrained(self) -> bool:
        return self != KnownCamera()

    def over(self, earlier: KnownCamera) -> KnownCamera:
        """What both say; where they differ, what this one says."""
        said: dict[str, float] = {name: value for name, value in vars(self).items() if value is not None}
        return replace(earlier, **said)


def intrinsics(width: int, height: int, horizontal_fov: float | None) -> np.ndarray:
    """K [3,3] float64 with the principal point in the middle of a width x height picture.

    `horizontal_fov` in degrees; None stands for a focal length of the picture's diagonal (a diagonal view of 53
    degrees, between a phone and a normal lens), the usual choice where nothing is known (Kissos et al., 2020).
    """
    if horizontal_fov is None:
        return intrinsics_of_focal(math.hypot(width, height), width, height)
    if not MIN_FOV <= horizontal_fov <= MAX_FOV:
        raise UserError(
            "bad-fov",
            f"A horizontal field of view of {horizontal_fov:g} degrees is not plausible.",
            f"Give {MIN_FOV} to {MAX_FOV} degrees, or leave it out.",
        )
    return intrinsics_of_focal(focal_of_fov(horizontal_fov, width), width, height)


def intrinsics_of_focal(focal: float, width: int, height: int) -> np.ndarray:
    """K [3,3] float64 of a focal length in px, with the principal point in the middle of a width x height picture."""
    return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])


def focal_of_fov(horizontal_fov: float, width: int) -> float:
    """The focal length in px of a horizontal field of view in degrees."""
    return width / 2 / math.tan(math.radians(horizontal_fov) / 2)


def extrinsics(pitch: Float[Tensor, ""], roll: Float[Tensor, ""], height: Float[Tensor, ""]) -> Float[Tensor, "4 4"]:
    """T_cw, world -> camera, of a camera `height` metres above the origin that looks along +Y.

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
    translation = -rotation @ torch.stack([zero, zero, height])
    bottom = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=rotation.dtype, device=rotation.device)
    return torch.cat([torch.cat([rotation, translation[:, None]], 1), bottom])


def floor_from_extrinsics(T_cw: Float[Tensor, "4 4"]) -> Float[Tensor, " 3"]:
    """Pitch, roll and height of a camera whose extrinsics are made by `extrinsics`."""
    up = T_cw[:3, 2]
    height = origin_of(T_cw)[2]
    return torch.stack([-torch.asin(up[2].clamp(-1, 1)), torch.atan2(-up[0], -up[1]), height])


def corrected_extrinsics(T_cw: Float[np.ndarray, "4 4"], known: KnownCamera) -> Float[np.ndarray, "4 4"]:
    """float64, extrinsics as those of `extrinsics` with the pitch, roll and height that are known in place of their own."""
    pitch, roll, height = floor_from_extrinsics(torch.as_tensor(T_cw, dtype=torch.float64))
    angles = [
        own if value is None else torch.tensor(math.radians(value), dtype=torch.float64)
        for own, value in ((pitch, known.pitch), (roll, known.roll))
    ]
    height = height if known.height is None else torch.tensor(known.height, dtype=torch.float64)
    return extrinsics(angles[0], angles[1], height).numpy()
