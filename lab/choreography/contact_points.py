"""Contact points on a body: the vertices around each, and how they move with the joints."""

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

from .scene import ContactPoint
from .skin_points import BODY, SkinPoints, point_matrix
from .skin_sample import SkinSample, rest_normals, skin_sample

_PATCH = 0.014
"""metres: radius of the patch of skin that stands for a contact point."""
_BODIES = 64
"""Bodies whose regions, normals and spheres are cached."""

body_regions = lru_cache(maxsize=_BODIES)(vertex_regions)
body_normals = lru_cache(maxsize=_BODIES)(rest_normals)


@lru_cache(maxsize=_BODIES)
def body_spheres(body: BodyModel) -> CollisionSpheres:
    return collision_spheres(body)


@lru_cache(maxsize=_BODIES)
def body_sample(body: BodyModel) -> SkinSample:
    return skin_sample(body)


@lru_cache(maxsize=1024)
def contact_point_vertices(body: BodyModel, spot: ContactPoint) -> Tensor:
    """int64 [N]: the vertices around a contact point. UserError `bad-spot` for an unknown region."""
    if spot.region not in REGIONS:
        raise UserError("bad-spot", f"There is no region {spot.region!r}.", f"Name one of {', '.join(REGIONS)}.")
    members = (body_regions(body) == REGIONS.index(spot.region)).nonzero()[:, 0]
    places = body.v_template[members]
    low, high = torch.quantile(places, torch.tensor([0.03, 0.97]), dim=0)
    at = torch.tensor(spot.coordinates, dtype=places.dtype)
    if spot.region.startswith("right_"):
        at = at * torch.tensor([-1.0, 1.0, 1.0])
    wanted = (low + high) / 2 + at * (high - low) / 2
    middle = int((places - wanted).norm(dim=1).argmin())
    normals = body_normals(body)[members]
    near = ((places - places[middle]).norm(dim=1) < _PATCH) & (normals @ normals[middle] > 0.5)
    return members[near]


@dataclass(frozen=True)
class SkinnedContactPoints:
    """S contact points of one person in T frames."""

    matrix: Tensor
    """[T,88,S], see `skin_points.point_matrix`."""
    rest_normals: Tensor
    """[S,3] in the rest pose"""
    joint_indices: Tensor
    """int64 [S]: the joint with the largest weight."""

    @classmethod
    def from_body(
        cls, body: BodyModel, betas: Tensor, fingers: Tensor, spots: list[ContactPoint], room: int
    ) -> SkinnedContactPoints:
        """`fingers` [T,33,3,3]; `room` is the length S of the result, padded with zeros."""
        levers = torch.zeros(len(fingers), room, BODY, 3)
        shares, normals = torch.zeros(room, BODY), torch.zeros(room, 3)
        for index, spot in enumerate(spots):
            vertices = contact_point_vertices(body, spot)
            points = SkinPoints.from_body(body.subset(vertices), betas, fingers, body_normals(body)[vertices])
            levers[:, index] = points.weighted_offsets().mean(1)
            shares[index] = points.dense_weights().mean(0)
            normals[index] = torch.nn.functional.normalize(points.rest_normals.mean(0), dim=-1)
        return cls(point_matrix(levers, shares.expand(len(fingers), -1, -1)), normals, shares.argmax(1))
