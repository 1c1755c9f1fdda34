"""Points of the skin with their normals, dense enough to see where one person is inside the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.body.model import BodyModel
from core.body.regions import region_points

_PER_REGION = 64


@dataclass(frozen=True)
class SkinSample:
    """N points of the skin."""

    body: BodyModel
    """The body with only these vertices."""
    normals: Tensor
    """[N,3] in the rest pose."""


def skin_sample(body: BodyModel) -> SkinSample:
    """An even sample of the skin, with its normals in the rest pose."""
    vertices, _ = region_points(body, _PER_REGION)
    return SkinSample(body.subset(vertices), rest_normals(body)[vertices])


def rest_normals(body: BodyModel) -> Tensor:
    """Unit normals [V,3] of the mean shape in the rest pose, outwards."""
    corners = body.v_template[body.faces]
    by_face = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = torch.zeros_like(body.v_template)
    for corner in range(3):
        total.index_add_(0, body.faces[:, corner], by_face)
    return torch.nn.functional.normalize(total, dim=-1)
