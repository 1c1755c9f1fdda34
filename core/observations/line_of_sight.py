"""Lines of sight: what a network sees in a crop is relative to the ray through the crop's middle."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.rotations import rotation_between_vectors
from ..projection import normalized


def line_of_sight_rotation(pixels: Float[Tensor, "*#n 2"], K: Float[Tensor, "3 3"]) -> Float[Tensor, "*#n 3 3"]:
    """The smallest rotations that take the optical axis to the lines of sight through the pixels.

    Metric landmarks come from a crop about a person and are relative to the line of sight to that person: somebody at the
    picture's edge who stands square to the camera is seen from the side.
    """
    ray = torch.cat([normalized(pixels, K), torch.ones_like(pixels[..., :1])], -1)
    return rotation_between_vectors(ray.new_tensor([0.0, 0.0, 1.0]), ray)
