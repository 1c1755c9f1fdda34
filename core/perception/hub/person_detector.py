"""Finds people in whole pictures: RF-DETR's boxes with instance masks, or D-FINE's boxes alone.

Both are DETRs: each query answers with class logits and a box (centre and size in 0-1 of the picture), RF-DETR's with the logits
of a mask too (Robinson et al., 2025; Peng et al., "D-FINE", 2024). Decoding is that of transformers' processors, for one class.
"""

# transformers' models are typed by strings
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from jaxtyping import Float32, UInt8

from .pictures import Preparation
from .running import HubModelKind, HubNetwork, model_damaged

LEAST_SCORE = 0.3
"""Score from which somebody counts as found; what is nobody does not become a track."""
MOST_PEOPLE = 12
"""People of one picture that are looked at further, best first."""
_PERSON = "person"


@dataclass(frozen=True)
class DetectedPerson:
    """Somebody in one picture."""

    score: float
    """0-1"""
    box: Float32[np.ndarray, " 4"]
    """Left, top, right, bottom in px."""
    mask: UInt8[np.ndarray, "h w"] | None
    """0-255 in the whole picture, at the network's own resolution; None where it gives boxes alone."""


class PersonDetector(Protocol):
    """Finds people as boxes."""

    def find(self, images: Sequence[UInt8[np.ndarray, "H W 3"]]) -> list[list[DetectedPerson]]:
        """The people in each of some pictures of one size, best first."""
        ...

    def free(self) -> None: ...


def _load_rf_detr(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import RfDetrForInstanceSegmentation

    return RfDetrForInstanceSegmentation.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=dtype
    )


def _load_d_fine(folder: Path, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import DFineForObjectDetection

    return DFineForObjectDetection.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=dtype)


RF_DETR = HubModelKind("rf-detr-seg", "RF-DETR", _load_rf_detr, batch=8)
D_FINE = HubModelKind("d-fine-medium", "D-FINE", _load_d_fine, half=torch.float32, batch=8)
_USUAL = {
    RF_DETR.name: Preparation((432, 432)),
    D_FINE.name: Preparation((640, 640), None, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""What holds where the model's own constants do not say otherwise."""


class DetrDetector:
    """A detector of the DETR family."""

    def __init__(self, network: HubNetwork) -> None:
        """UserError `model-damaged`."""
        self._network = network
        try:
            self._preparation = Preparation.of_folder(network.folder, _USUAL[network.kind.name])
        except (ValueError, OSError) as error:
            raise model_damaged(network.kind.title, network.folder, str(error)) from error

    def find(self, images: Sequence[UInt8[np.ndarray, "H W 3"]]) -> list[list[DetectedPerson]]:
        """UserError `model-damaged`, NoMemory."""
        return self._network.run(images, self._predict)

    def free(self) -> None:
        self._network.free()

    def _predict(self, network: Any, images: Sequence[np.ndarray]) -> list[list[DetectedPerson]]:
        person = self._person(network)
        outputs = network(pixel_values=self._preparation.prepared(images, self._network.device, self._network.dtype))
        scores = outputs.logits[..., person].float().sigmoid().cpu().numpy()
        boxes = outputs.pred_boxes.float().cpu().numpy()
        masks = getattr(outputs, "pred_masks", None)
        height, width = images[0].shape[:2]
        found: list[list[DetectedPerson]] = []
        for number, (score, box) in enumerate(zip(scores, boxes)):
            order = np.argsort(-score, kind="stable")[:MOST_PEOPLE]
            kept = [int(query) for query in order if score[query] > LEAST_SCORE]
            corners = box_corners(box[kept], (width, height))
            drawn = [None] * len(kept) if masks is None else _drawn(masks[number, kept])
            found.append([DetectedPerson(float(score[q]), c, m) for q, c, m in zip(kept, corners, drawn)])
        return found

    def _person(self, network: Any) -> int:
        labels = {str(name).lower(): int(index) for index, name in network.config.id2label.items()}
        if _PERSON not in labels:
            raise model_damaged(self._network.kind.title, self._network.folder, "it knows no class 'person'")
        return labels[_PERSON]


def box_corners(boxes: np.ndarray, picture_size: tuple[int, int]) -> Float32[np.ndarray, "n 4"]:
    """Left, top, right, bottom in px within the picture of (width, height), from centre and size [n,4] in 0-1 of it."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], 1).clip(0, 1)
    return (corners * np.tile(np.array(picture_size, np.float32), 2)).astype(np.float32)


def _drawn(logits: torch.Tensor) -> list[UInt8[np.ndarray, "h w"] | None]:
    return list((255 * logits.float().sigmoid()).round().byte().cpu().numpy())
