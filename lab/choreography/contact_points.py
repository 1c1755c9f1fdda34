"""Spots on the skin worked out on a body: which vertices they are, and where those go."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from core.body.collision import CollisionSpheres, collision_spheres
from core.body.model import BodyModel
from core.body.regions import vertex_regions
from core.contract.errors import UserError
from core.contract.skeleton import REGIONS

from .scene import Spot
from .skin_points import BODY, Points, carried
from .skin_sample import SkinSample, skin_sample, vertex_normals

_PATCH = 0.014
"""metres around a spot's middle that belong to it."""
_BODIES = 64
"""Bodies whose derived parts are kept."""

regions_of = lru_cache(maxsize=_BODIES)(vertex_regions)
normals_of = lru_cache(maxsize=_BODIES)(vertex_normals)


@lru_cache(maxsize=_BODIES)
def spheres_of(body: BodyModel) -> CollisionSpheres:
    return collision_spheres(body)


@lru_cache(maxsize=_BODIES)
def sample_of(body: BodyModel) -> SkinSample:
    return skin_sample(body)


@lru_cache(maxsize=1024)
def spot_vertices(body: BodyModel, spot: Spot) -> Tensor:
    """int64 [N] the vertices of a spot. UserError for a region that there is not."""
    if spot.region not in REGIONS:
        raise UserError("bad-spot", f"There is no region {spot.region!r}.", f"Name one of {', '.join(REGIONS)}.")
    members = (regions_of(body) == REGIONS.index(spot.region)).nonzero()[:, 0]
    places = body.v_template[members]
    low, high = torch.quantile(places, torch.tensor([0.03, 0.97]), dim=0)
    at = torch.tensor(spot.at, dtype=places.dtype)
    if spot.region.startswith("right_"):
        at = at * torch.tensor([-1.0, 1.0, 1.0])
    wanted = (low + high) / 2 + at * (high - low) / 2
    middle = int((places - wanted).norm(dim=1).argmin())
    normals = normals_of(body)[members]
    near = ((places - places[middle]).norm(dim=1) < _PATCH) & (normals @ normals[middle] > 0.5)
    return members[near]


@dataclass(frozen=True)
class Spots:
    """S spots of one person in T frames."""

    carried: Tensor
    """[T,88,S] (`skin_points.carried`)"""
    normal: Tensor
    """[S,3] in the rest pose"""
    joint: Tensor
    """int64 [S] the joint that carries most of it"""

    @classmethod
    def of(cls, body: BodyModel, betas: Tensor, fingers: Tensor, spots: list[Spot], room: int) -> Spots:
        """`fingers` [T,33,3,3]; `room` for so many spots, those that there are not being nowhere."""
        levers = torch.zeros(len(fingers), room, BODY, 3)
        shares, normals = torch.zeros(room, BODY), torch.zeros(room, 3)
        for index, spot in enumerate(spots):
            vertices = spot_vertices(body, spot)
            points = Points.of(body.subset(vertices), betas, fingers, normals_of(body)[vertices])
            levers[:, index] = points.levers().mean(1)
            shares[index] = points.dense().mean(0)
            normals[index] = torch.nn.functional.normalize(points.normal.mean(0), dim=-1)
        return cls(carried(levers, shares.expand(len(fingers), -1, -1)), normals, shares.argmax(1))
