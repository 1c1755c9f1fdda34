"""ViTPose++'s 17 keypoints of the person in a box, with what its heat maps say of how exactly each is known.

The crop and the refinement of the maximum are those of transformers' processor: unbiased data processing (Huang et al., CVPR
2020) and DARK (Zhang et al., CVPR 2020).

**Covariance.** The network is trained with a squared error to draw, for a keypoint at x, a Gaussian g of height one and of
TARGET_SPREAD cells around x. What minimises that error is the expectation of what has to be drawn: h(y) = ∫ p(x) g(y - x) dx,
with the density p of where the keypoint is, as far as the picture tells. So h holds the probability that the keypoint is there
at all, as its sum over that of one Gaussian, and its second moment is p's covariance plus TARGET_SPREAD² along each axis.
"""

# transformers' models are typed by strings
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from scipy.ndimage import gaussian_filter

from ..movenet import KEYPOINTS, FoundPerson
from .pictures import Preparation
from .running import HubModelKind, HubNetwork, model_damaged

TARGET_SPREAD = 2.0
"""Standard deviation in cells of the Gaussians that the network was trained to draw."""
_COCO = 0
"""`dataset_index` of the COCO expert: ViTPose++ has one for each data set that it was trained on."""
_PADDING = 1.25
"""Of the box, so that the crop shows the whole person."""
_FLOOR = 0.1
"""Fraction of a map's maximum below which a cell is noise."""
_KEPT = 1 + _FLOOR * np.log(_FLOOR) / (1 - _FLOOR)
"""What is left of a Gaussian's second moment without the cells below _FLOOR of its maximum."""
_WINDOW = 6
"""Cells around the maximum, three target deviations: the mass inside is the probability that the keypoint is about there."""
_LEAST_SIGMA = 0.25
"""Cells; no keypoint is known more exactly."""
_FADED = 0.6
"""How far somebody else's pixels are faded to grey in a person's crop."""
_REFINE_SIGMA, _REFINE_RADIUS = 0.8, 5
_GREY = 124


@dataclass(frozen=True)
class HubKeypoints:
    """The 17 keypoints of one person, in the order of `movenet.KEYPOINTS`."""

    points: Float32[np.ndarray, "17 2"]
    """px"""
    confidence: Float32[np.ndarray, " 17"]
    """0-1, the probability that the keypoint is about there."""
    covariance: Float32[np.ndarray, "17 2 2"]
    """px², of the error."""

    def person(self, score: float, box: Float32[np.ndarray, " 4"]) -> FoundPerson:
        """Somebody with these keypoints, as MoveNet would have found them."""
        return FoundPerson(score, box, self.points, self.confidence)


@dataclass(frozen=True)
class KeypointQuery:
    """Whose keypoints are asked for."""

    image: UInt8[np.ndarray, "H W 3"]
    box: Float32[np.ndarray, " 4"]
    """Left, top, right, bottom in px."""
    others: UInt8[np.ndarray, "h w"] | None = None
    """0-255 in the whole picture at any resolution: where other people are, and this one is not."""


class KeypointNetwork(Protocol):
    """Finds the keypoints of people whose boxes are known."""

    def predict(self, queries: Sequence[KeypointQuery]) -> list[HubKeypoints]:
        """The keypoints of each of some people, of one picture or of several."""
        ...

    def free(self) -> None: ...


def _load(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import VitPoseForPoseEstimation

    return VitPoseForPoseEstimation.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=dtype)


VITPOSE = HubModelKind("vitpose-plus-base", "ViTPose++", _load, batch=32)


class VitPose:
    """The keypoint network of the hub."""

    def __init__(self, network: HubNetwork) -> None:
        """UserError `model-damaged`."""
        self._network = network
        try:
            self._preparation = Preparation.of_folder(network.folder, Preparation((256, 192)))
        except (ValueError, OSError) as error:
            raise model_damaged(network.kind.title, network.folder, str(error)) from error

    def predict(self, queries: Sequence[KeypointQuery]) -> list[HubKeypoints]:
        """UserError `model-damaged`, NoMemory."""
        return self._network.run(queries, self._predict)

    def free(self) -> None:
        self._network.free()

    def _predict(self, network: Any, queries: Sequence[KeypointQuery]) -> list[HubKeypoints]:
        config = network.config
        if config.num_labels != len(KEYPOINTS):
            raise model_damaged(
                self._network.kind.title,
                self._network.folder,
                f"it has {config.num_labels} keypoints, not {len(KEYPOINTS)}",
            )
        height, width = self._preparation.size or (256, 192)
        crops = [CropOfBox.around(query.box, (width, height)) for query in queries]
        seen = np.stack([crop.cut(query.image, query.others) for crop, query in zip(crops, queries)])
        pixels = torch.from_numpy(seen).to(self._network.device).permute(0, 3, 1, 2).float()
        experts = getattr(config.backbone_config, "num_experts", 1)
        told = {"dataset_index": torch.full((len(seen),), _COCO, device=pixels.device)} if experts > 1 else {}
        heat = network(pixel_values=self._preparation.normalized(pixels).to(self._network.dtype), **told).heatmaps
        return [decode(crop, maps) for crop, maps in zip(crops, heat.float().cpu().numpy())]


@dataclass(frozen=True)
class CropOfBox:
    """The part of a picture that the network looks at."""

    centre: Float[np.ndarray, " 2"]
    """px"""
    extent: Float[np.ndarray, " 2"]
    """Width and height in px."""
    size: tuple[int, int]
    """Width and height of the network's input."""

    @classmethod
    def around(cls, box: Float32[np.ndarray, " 4"], size: tuple[int, int]) -> CropOfBox:
        """The box, widened to the shape of the network's input and by _PADDING."""
        low, high = box[:2].astype(np.float64), box[2:].astype(np.float64)
        width, height = np.maximum(high - low, 1.0)
        shape = size[0] / size[1]
        extent = np.array([max(width, height * shape), max(height, width / shape)])
        return cls((low + high) / 2, extent * _PADDING, size)

    def cut(
        self, image: UInt8[np.ndarray, "H W 3"], others: UInt8[np.ndarray, "h w"] | None = None
    ) -> UInt8[np.ndarray, "y x 3"]:
        """The crop, black outside the picture, with other people's pixels faded so that the network answers for this one."""
        seen = cv2.warpAffine(image, self._matrix(1.0, 1.0), self.size, flags=cv2.INTER_LINEAR)
        if others is None:
            return seen
        scale = others.shape[1] / image.shape[1], others.shape[0] / image.shape[0]
        hidden = cv2.warpAffine(others, self._matrix(*scale), self.size, flags=cv2.INTER_LINEAR)
        weight = (_FADED / 255) * hidden[..., None].astype(np.float32)
        return ((1 - weight) * seen + weight * _GREY).round().astype(np.uint8)

    def to_picture(self, cells: Float[np.ndarray, "n 2"], maps: tuple[int, int]) -> Float[np.ndarray, "n 2"]:
        """Cells of heat maps of (width, height) -> px of the picture."""
        return cells * self.cell(maps) + self.centre - self.extent / 2

    def cell(self, maps: tuple[int, int]) -> Float[np.ndarray, " 2"]:
        """px of the picture between two cells of heat maps of (width, height)."""
        return self.extent / (np.array(maps) - 1.0)

    def _matrix(self, horizontal: float, vertical: float) -> np.ndarray:
        """From a picture that was scaled by these factors to the crop."""
        scale = (np.array(self.size) - 1.0) / self.extent
        shift = scale * (self.extent / 2 - self.centre)
        return np.column_stack([np.diag(scale / (horizontal, vertical)), shift])


def decode(crop: CropOfBox, maps: Float32[np.ndarray, "17 h w"]) -> HubKeypoints:
    """The keypoints that heat maps show."""
    maps = np.nan_to_num(maps)  # half precision may overflow
    height, width = maps.shape[1:]
    cells = refined_maxima(maps)
    confidence, covariance = moments(maps, cells)
    to_px = np.diag(crop.cell((width, height)))
    return HubKeypoints(
        crop.to_picture(cells, (width, height)).astype(np.float32),
        confidence,
        (to_px @ covariance @ to_px).astype(np.float32),
    )


def refined_maxima(maps: Float32[np.ndarray, "k h w"]) -> Float[np.ndarray, "k 2"]:
    """Cells, x first: each map's maximum, moved to that of the parabola through the logarithms around it (DARK)."""
    count, height, width = maps.shape
    row, column = np.unravel_index(maps.reshape(count, -1).argmax(1), (height, width))
    smooth = np.stack([gaussian_filter(each, _REFINE_SIGMA, radius=_REFINE_RADIUS) for each in maps])
    logs = np.pad(np.log(np.clip(smooth, 0.001, 50)), ((0, 0), (1, 1), (1, 1)), mode="edge")
    number = np.arange(count)

    def at(down: int, right: int) -> np.ndarray:
        return logs[number, row + 1 + down, column + 1 + right]

    middle = at(0, 0)
    gradient = np.stack([at(0, 1) - at(0, -1), at(1, 0) - at(-1, 0)], -1) / 2
    xx = at(0, 1) - 2 * middle + at(0, -1)
    yy = at(1, 0) - 2 * middle + at(-1, 0)
    xy = (at(1, 1) - at(0, 1) - at(1, 0) + 2 * middle - at(0, -1) - at(-1, 0) + at(-1, -1)) / 2
    hessian = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2) + np.finfo(np.float32).eps * np.eye(2)
    step = (np.linalg.pinv(hessian) @ gradient[..., None])[..., 0]
    # a parabola that opens upwards, or is flat, has no maximum: the cell itself stands
    usable = np.all(np.abs(step) < 1.5, axis=-1)
    return np.stack([column, row], -1) - np.where(usable[:, None], step, 0.0)


def moments(
    maps: Float32[np.ndarray, "k h w"], cells: Float[np.ndarray, "k 2"]
) -> tuple[Float32[np.ndarray, " k"], Float[np.ndarray, "k 2 2"]]:
    """The probability that each keypoint is about where its map's maximum is, and its error's covariance in cells²: see above."""
    height, width = maps.shape[1:]
    heat = np.where(maps > _FLOOR * np.maximum(maps.max((1, 2), keepdims=True), 1e-6), maps, 0.0)
    dx = np.arange(width)[None] - cells[:, :1]
    dy = np.arange(height)[None] - cells[:, 1:]
    near = heat * (np.abs(dy) <= _WINDOW)[:, :, None] * (np.abs(dx) <= _WINDOW)[:, None]
    one = 2 * np.pi * TARGET_SPREAD**2 * (1 - _FLOOR)
    confidence = np.clip(near.sum((1, 2)) / one, 0, 1)
    weight = heat / np.maximum(heat.sum((1, 2), keepdims=True), 1e-9)
    xx = (weight.sum(1) * dx**2).sum(1)
    yy = (weight.sum(2) * dy**2).sum(1)
    xy = np.einsum("kyx,ky,kx->k", weight, dy, dx)
    second = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2) / _KEPT
    values, vectors = np.linalg.eigh(second)
    values = np.maximum(values - TARGET_SPREAD**2, _LEAST_SIGMA**2)
    return confidence.astype(np.float32), (vectors * values[:, None]) @ vectors.swapaxes(1, 2)
