"""Pictures as the hub's networks take them, by the constants that lie beside their weights.

transformers' own processors for these networks need torchvision, which we do without. Resizing is torch's own antialiased
bilinear interpolation, which is what torchvision does with tensors; Pillow's differs by a grey level at most.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from ...contract.json_reading import parse_json

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the colours red, green and blue in 0-1, which the backbones were trained with."""
_CONFIG = "preprocessor_config.json"
_JOINT_CONFIG = "processor_config.json"
"""Newer repositories keep the constants of all their processors in one file."""
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes a network's input."""

    size: tuple[int, int] | None
    """Height and width, whatever the picture's shape."""
    edges: tuple[int, int] | None = None
    """Instead: the shorter side, and the most that the longer one may have; the shape is kept."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    @classmethod
    def of_folder(cls, folder: Path, usual: Preparation) -> Preparation:
        """As a model's `preprocessor_config.json` says; what it leaves out is as in `usual`. ValueError, OSError."""
        config = _constants(folder)
        size, edges = _sizes(config.get("size"), usual)
        if config.get("do_normalize", True) is False:
            return cls(size, edges, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        mean, std = (
            _colour(config.get(name), value) for name, value in (("image_mean", usual.mean), ("image_std", usual.std))
        )
        return cls(size, edges, mean, std)

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the input for a picture of that size."""
        if self.size is not None or self.edges is None:
            return self.size or (height, width)
        short, longest = self.edges
        scale = min(short / min(height, width), longest / max(height, width))
        return round(height * scale), round(width * scale)

    def prepared(
        self, images: Sequence[UInt8[np.ndarray, "H W 3"]], device: torch.device, dtype: torch.dtype
    ) -> Float[Tensor, "B 3 h w"]:
        """The input for pictures of one size."""
        stacked = torch.from_numpy(np.ascontiguousarray(np.stack(images))).to(device).permute(0, 3, 1, 2).float()
        target = self.target(*images[0].shape[:2])
        if target != tuple(images[0].shape[:2]):
            stacked = torch.nn.functional.interpolate(
                stacked, size=target, mode="bilinear", align_corners=False, antialias=True
            ).round()
        return self.normalized(stacked).to(dtype)

    def normalized(self, pictures: Float[Tensor, "B 3 h w"]) -> Float[Tensor, "B 3 h w"]:
        """Pictures with grey levels 0-255 in the range that the network was trained on."""
        mean, std = (torch.tensor(each, device=pictures.device).view(1, 3, 1, 1) for each in (self.mean, self.std))
        return (pictures / 255 - mean) / std


def _constants(folder: Path) -> dict[str, Any]:
    """The constants of pictures; none where the folder has no file of them."""
    for name, member in ((_CONFIG, None), (_JOINT_CONFIG, "image_processor")):
        if not (folder / name).is_file():
            continue
        config = parse_json((folder / name).read_text(encoding="utf-8"))
        found = config.get(member) if member is not None and isinstance(config, dict) else config
        if not isinstance(found, dict):
            raise ValueError(f"{name} is no record")
        return found
    return {}


def _sizes(size: Any, usual: Preparation) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    if size is None:
        return usual.size, usual.edges
    if isinstance(size, int):
        size = {"height": size, "width": size}
    if not isinstance(size, dict):
        raise ValueError(f"{_CONFIG} has the size {size!r}")
    for names in (("height", "width"), ("shortest_edge", "longest_edge")):
        first, second = (_side(size.get(name)) for name in names)
        if first and second:
            return ((first, second), None) if names[0] == "height" else (None, (first, second))
    raise ValueError(f"{_CONFIG} has the size {size!r}")


def _side(value: Any) -> int:
    """0 where it is no side of a picture."""
    return value if isinstance(value, int) and 0 < value <= _LARGEST_SIDE else 0


def _colour(values: Any, usual: tuple[float, float, float]) -> tuple[float, float, float]:
    if values is None:
        return usual
    if not isinstance(values, list) or len(values) != 3 or not all(isinstance(each, int | float) for each in values):
        raise ValueError(f"{_CONFIG} has the colour {values!r}")
    return float(values[0]), float(values[1]), float(values[2])
