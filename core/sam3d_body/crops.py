"""Square crops about people and hands: where they lie in the picture, and the pictures and masks within them."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ..perception.hub.pictures import IMAGENET_MEAN, IMAGENET_STD
from ..projection import normalized
from .prompts import patch_places

CROP = 512
"""px, the side of a crop."""
BODY_PADDING, HAND_PADDING = 1.25, 0.9
"""Sides of a crop over those of its box."""
_UPRIGHT = 0.75
"""Width over height that a box is widened to before it is made square."""


@dataclass(frozen=True)
class CropGeometry:
    """Where B crops lie in pictures of one camera."""

    centre: Float[Tensor, "B 2"]
    """px of the picture."""
    size: Float[Tensor, " B"]
    """px of the picture, the side."""
    K: Float[Tensor, "3 3"]

    @property
    def zoom(self) -> Float[Tensor, " B"]:
        """px of the crop for one of the picture."""
        return CROP / self.size

    @property
    def condition(self) -> Float[Tensor, "B 3"]:
        """What the decoder is told of a crop: its place from the optical axis and its side, over the focal length."""
        return torch.cat([self.centre - self.K[:2, 2], self.size[:, None]], -1) / self.K[0, 0]

    def in_crop(self, pixels: Float[Tensor, "B N 2"]) -> Float[Tensor, "B N 2"]:
        """Pixels of the picture in -0.5 to 0.5 of the crop."""
        return (pixels - self.centre[:, None]) / self.size[:, None, None]

    def rays(self) -> Float[Tensor, "B h w 2"]:
        """Directions x/z and y/z in which the pixels of the feature map look."""
        places = patch_places(CROP, self.centre.device)
        corner = self.centre - self.size[:, None] / 2
        pixels = places[None, :, None] / self.zoom[:, None, None] + corner[:, None]  # [B,n,2]
        rays = normalized(pixels, self.K)
        count = len(places)
        x, y = rays[..., 0][:, None].expand(-1, count, -1), rays[..., 1][..., None].expand(-1, -1, count)
        return torch.stack([x, y], -1)

    def mirrored(self, width: int) -> CropGeometry:
        """The same crops in the mirrored picture."""
        K = self.K.clone()
        K[0, 2] = width - K[0, 2]
        return replace(self, centre=torch.stack([width - 1 - self.centre[:, 0], self.centre[:, 1]], -1), K=K)


def crops_of_boxes(boxes: Float[Tensor, "B 4"], K: Float[Tensor, "3 3"], padding: float) -> CropGeometry:
    """Crops about boxes left, top, right, bottom in px."""
    width, height = ((boxes[:, 2:] - boxes[:, :2]) * padding).unbind(-1)
    upright = torch.where(width > height * _UPRIGHT, width / _UPRIGHT, height)
    return CropGeometry((boxes[:, :2] + boxes[:, 2:]) / 2, upright, K)


def warped(
    picture: UInt8[np.ndarray, "H W *c"], centre: Sequence[float], size: float
) -> UInt8[np.ndarray, "512 512 *c"]:
    """The crop of a picture; black beyond its border."""
    zoom = CROP / size
    matrix = np.array([[zoom, 0, CROP / 2 - zoom * centre[0]], [0, zoom, CROP / 2 - zoom * centre[1]]])
    return cv2.warpAffine(picture, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR)


def network_input(pictures: UInt8[Tensor, "B 512 512 3"]) -> Float[Tensor, "B 3 512 512"]:
    """RGB crops as the backbone reads them."""
    mean, deviation = (torch.tensor(values, device=pictures.device) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return ((pictures.float() / 255 - mean) / deviation).movedim(-1, 1)
