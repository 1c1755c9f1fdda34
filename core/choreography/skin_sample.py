"""Points of the skin with their normals, dense enough to see where one person is inside the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..body.model import BodyModel
from ..body.regions import region_points
from ..contract.skeleton import REGIONS

_PER_REGION = 64


@dataclass(frozen=True)
class SkinSample:
    """N points of the skin."""

    body: BodyModel
    """The body with only these vertices."""
    region: Tensor
    """int64 [N]"""
    joint: Tensor
    """int64 [N] the joint that moves the point most; its turn carries the normal."""
    normal: Tensor
    """[N,3] in the rest pose."""

    def of_regions(self, names: tuple[str, ...]) -> SkinSample:
        keep = torch.isin(self.region, torch.tensor([REGIONS.index(name) for name in names])).nonzero()[:, 0]
        return SkinSample(self.body.subset(keep), self.region[keep], self.joint[keep], self.normal[keep])

    def normals(self, world: Tensor) -> Tensor:
        """[...,N,3] for world rotations [...,55,3,3]."""
        return (world[..., self.joint, :, :] @ self.normal[:, :, None])[..., 0]


def skin_sample(body: BodyModel) -> SkinSample:
    vertices, region = region_points(body, _PER_REGION)
    return SkinSample(body.subset(vertices), region, body.weights[vertices].argmax(1), vertex_normals(body)[vertices])


def vertex_normals(body: BodyModel) -> Tensor:
    """Unit normals [V,3] of the mean shape in the rest pose, outwards."""
    corners = body.template[body.faces]
    by_face = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = torch.zeros_like(body.template)
    for corner in range(3):
        total.index_add_(0, body.faces[:, corner], by_face)
    return torch.nn.functional.normalize(total, dim=-1)


def nearest(points: Tensor, others: Tensor) -> Tensor:
    """int64 [F,N]: which of the others [F,M,3] is nearest to each of the points [F,N,3]. One frame at a time, for memory."""
    return torch.stack([torch.cdist(here, there).argmin(1) for here, there in zip(points, others)])


def signed_gap(points: Tensor, others: Tensor, normals: Tensor, partner: Tensor) -> Tensor:
    """[F,N] metres from the plane of each point's partner on the other's skin; negative inside.

    points [F,N,3], others and their normals [F,M,3], partner [F,N]. Points deeper than a limb is thick have the wrong
    partner, so only what is near the surface means anything.
    """
    index = partner[..., None].expand(*partner.shape, 3)
    return ((points - others.gather(1, index)) * normals.gather(1, index)).sum(-1)
