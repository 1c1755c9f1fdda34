"""What the decoder is told beside the picture: points of keypoints, the person's mask, positions, and the camera's rays."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from .layers import ChannelNorm

KEYPOINT_COUNT = 70
NO_POINT = -2
"""Label of a point prompt that says nothing."""
PATCH = 16
"""px of a crop to each side of a pixel of the feature map."""
_BANDS, _HIGHEST = 16, 32.0
"""Frequencies of a ray's encoding: how many, and the highest in half-waves per unit; the lowest is 1."""
RAY_CHANNELS = 3 + 2 * 3 * _BANDS


class PositionEncoding(nn.Module):
    """Random Fourier features of places in the crop (Tancik et al., 2020), as in Segment Anything."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.zeros(2, channels // 2))

    def forward(self, places: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch C"]:
        """Places in 0-1, x and y."""
        phase = 2 * math.pi * ((2 * places - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([phase.sin(), phase.cos()], -1)

    def grid(self, side: int) -> Float[Tensor, "1 M C"]:
        """Of the middles of side x side pixels, row by row."""
        middle = (torch.arange(side, device=self.positional_encoding_gaussian_matrix.device) + 0.5) / side
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        return self(torch.stack([x, y], -1)).flatten(0, 1)[None]


class PromptEncoder(nn.Module):
    """Point prompts as tokens and a mask as a feature map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pe_layer = PositionEncoding(channels)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, channels) for _ in range(KEYPOINT_COUNT))
        self.not_a_point_embed = nn.Embedding(1, channels)
        self.invalid_point_embed = nn.Embedding(1, channels)
        self.no_mask_embed = nn.Embedding(1, channels)
        layers: list[nn.Module] = []
        for width, after in ((1, 4), (4, 16), (16, 64), (64, 256)):
            layers += [nn.Conv2d(width, after, 2, stride=2), ChannelNorm(after), nn.GELU()]
        self.mask_downscaling = nn.Sequential(*layers, nn.Conv2d(256, channels, 1))

    def points(self, places: Float[Tensor, "B N 2"], labels: Int[Tensor, "B N"]) -> Float[Tensor, "B N C"]:
        """Places in 0-1 of the crop with the number of a keypoint, -1 for "not here", or NO_POINT."""
        table = torch.cat(
            [self.get_parameter(f"point_embeddings.{number}.weight") for number in range(KEYPOINT_COUNT)]
            + [self.invalid_point_embed.weight, self.not_a_point_embed.weight]
        )  # so that labels -2 and -1 count from the end
        placed = torch.where((labels >= 0)[..., None], self.pe_layer(places), 0.0)
        return placed + table[labels]

    def mask(self, masks: Float[Tensor, "B 1 S S"], known: Float[Tensor, " B"]) -> Float[Tensor, "B C h w"]:
        """`known`: how sure the mask is; 0 where there is none."""
        given = known[:, None, None, None]
        return torch.where(given > 0, given * self.mask_downscaling(masks), self.no_mask_embed.weight[..., None, None])


class RayEncoder(nn.Module):
    """Tells the feature map in which direction of the camera each of its pixels looks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels + RAY_CHANNELS, channels, 1, bias=False)
        self.norm = ChannelNorm(channels)

    def forward(self, features: Float[Tensor, "B C h w"], rays: Float[Tensor, "B h w 2"]) -> Float[Tensor, "B C h w"]:
        rays = torch.cat([rays, torch.ones_like(rays[..., :1])], -1)
        bands = torch.linspace(1.0, _HIGHEST, _BANDS, device=rays.device)
        phase = math.pi * (rays[..., None] * bands).flatten(-2)
        encoded = torch.cat([rays, phase.sin(), phase.cos()], -1).movedim(-1, 1)
        return self.norm(self.conv(torch.cat([features, encoded], 1)))


def patch_places(side: int, device: torch.device) -> Float[Tensor, " n"]:
    """px of the crop that each pixel of the feature map stands for along one axis.

    They are the pixels' numbers, averaged by a triangle twice as wide as a patch that is cut off at the border.
    """
    numbers = torch.arange(side, dtype=torch.float32, device=device)[None, None, None]
    return functional.interpolate(
        numbers, scale_factor=(1.0, 1 / PATCH), mode="bilinear", align_corners=False, antialias=True
    )[0, 0, 0]
