"""The points of the skin that touch the floor."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from ..body.model import BodyModel
from ..contract.skeleton import JOINT_INDEX

POINTS_PER_FOOT = 6


def sole_vertices(body: BodyModel) -> Tensor:
    """Vertex ids [2,6] of the left and right sole: its lowest vertices, spread from heel to toes."""
    return _sole_vertices(_Key(body))


class _Key:
    """Lets `cache` recognise a body by its identity and device."""

    def __init__(self, body: BodyModel) -> None:
        self.body = body

    def __hash__(self) -> int:
        return hash((self.body.identity, str(self.body.template.device), len(self.body.template)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and hash(self) == hash(other)


@cache
def _sole_vertices(key: _Key) -> Tensor:
    body = key.body
    feet = []
    for side in ("left", "right"):
        joints = [JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]]
        on_foot = (body.weights[:, joints].sum(1) > 0.9).nonzero()[:, 0]
        points = body.template[on_foot]
        sole = on_foot[points[:, 1] < points[:, 1].min() + 0.012]
        depth = body.template[sole][:, 2]
        # one vertex each at even steps from heel to toes
        steps = torch.linspace(float(depth.min()), float(depth.max()), POINTS_PER_FOOT, device=depth.device)
        feet.append(sole[(depth[None] - steps[:, None]).abs().argmin(1)])
    return torch.stack(feet)
