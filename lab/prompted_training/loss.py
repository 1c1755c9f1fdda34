"""The loss of the prompted landmark network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from core.contract.skeleton import LANDMARK_INDEX, LANDMARKS
from core.perception.prompted_landmarks import SIDE, TARGET_SPREAD, gaussians

from .network import PromptedHead
from .samples import Sample

_COUNT = len(LANDMARKS)
_HIPS = [LANDMARK_INDEX["left_hip"], LANDMARK_INDEX["right_hip"]]
_METRIC_WEIGHT, _VISIBLE_WEIGHT, _MASK_WEIGHT, _FRONT_WEIGHT = 8.0, 1.0, 3.0, 0.4
_METRIC_KNEE = 0.03
"""metres of error below which the loss of metric positions is quadratic."""


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of B samples, channels first."""

    inputs: Float[Tensor, "B C 64 64"]
    coarse: tuple[Tensor, ...]
    """The trunk's coarser features [B,c,s,s]."""
    heat: Float[Tensor, "B 33 4096"]
    """Probabilities over the cells; even where nobody is there."""
    is_there: Float[Tensor, " B"]
    weight: Float[Tensor, "B 33"]
    visible: Float[Tensor, "B 33"]
    metric: Float[Tensor, "B 33 3"]
    mask: Float[Tensor, "B 64 64"]
    front: Float[Tensor, " B"]
    overlap: Float[Tensor, " B"]


def make_batch(
    inputs: Sequence[Float[np.ndarray, "B _ _ _"]], samples: Sequence[Sample], device: torch.device
) -> Batch:
    """`inputs` are those of the head: its maps and the trunk's coarser features."""

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(each, name) for each in samples]).astype(np.float32)).to(device)

    heat = []
    for each in samples:
        maps = gaussians(each.cells, np.ones(_COUNT), np.full(_COUNT, TARGET_SPREAD)).reshape(-1, _COUNT).T
        if not each.is_there:
            maps = np.ones_like(maps)
        heat.append(maps / np.maximum(maps.sum(1, keepdims=True), 1e-6))
    # a permuted view: in memory the channels stay last, as convolutions on a CPU want them
    maps, *coarse = (torch.from_numpy(each).permute(0, 3, 1, 2).to(device) for each in inputs)
    return Batch(
        inputs=maps,
        coarse=tuple(coarse),
        heat=torch.from_numpy(np.stack(heat).astype(np.float32)).to(device),
        **{name: stacked(name) for name in ("is_there", "weight", "visible", "metric", "mask", "front", "overlap")},
    )


def prompted_loss(network: PromptedHead, batch: Batch) -> tuple[Tensor, Mapping[str, Tensor | float]]:
    """The loss and its parts."""
    with torch.autocast(batch.inputs.device.type, torch.bfloat16):
        outputs = network(batch.inputs, *batch.coarse)
    maps, locations, whole = (each.float() for each in outputs)
    logits = maps[:, :_COUNT].flatten(2)
    cross_entropy = -(batch.heat * logits.log_softmax(-1)).sum(-1)
    total = batch.weight.sum().clamp(min=1)
    heat = (cross_entropy * batch.weight).sum() / total
    metric, visible = read_locations(logits.softmax(-1).detach(), locations, whole)
    error = functional.smooth_l1_loss(metric, batch.metric, beta=_METRIC_KNEE, reduction="none").sum(-1)
    parts = {
        "heat": heat,
        # the positions of landmarks outside the crop are as well defined as those of others
        "metric": _METRIC_WEIGHT * (error.mean(1) * batch.is_there).sum() / batch.is_there.sum().clamp(min=1),
        "visible": _VISIBLE_WEIGHT * functional.binary_cross_entropy_with_logits(visible, batch.visible),
        "mask": _MASK_WEIGHT * functional.binary_cross_entropy_with_logits(maps[:, _COUNT], batch.mask),
        "front": _FRONT_WEIGHT
        * functional.binary_cross_entropy_with_logits(whole[:, -1], batch.front, batch.overlap, reduction="sum")
        / batch.overlap.sum().clamp(min=1),
    }
    return torch.stack(list(parts.values())).sum(), parts


def read_locations(
    probability: Float[Tensor, "B 33 4096"], locations: Float[Tensor, "B 132 16 16"], whole: Float[Tensor, "B 100"]
) -> tuple[Float[Tensor, "B 33 3"], Float[Tensor, "B 33"]]:
    """See `core.perception.prompted_landmarks.metric_and_visibility`."""
    weight = functional.avg_pool2d(probability.unflatten(-1, (SIDE, SIDE)), 4).flatten(2)
    weight = weight / weight.sum(-1, keepdim=True).clamp(min=1e-12)
    values = torch.einsum("bnc,bnkc->bnk", weight, locations.flatten(2).unflatten(1, (_COUNT, 4)))
    metric = values[..., :3] + whole[:, :-1].unflatten(1, (_COUNT, 3))
    return metric - metric[:, _HIPS].mean(1, keepdim=True), values[..., 3]
