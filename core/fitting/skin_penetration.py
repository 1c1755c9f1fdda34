"""The energy of skin that is inside the other person.

Collision spheres (`body.collision`) keep two people apart wherever they are, but only to within the centimetre by which spheres
and skin differ. Here points of one skin are compared with the nearest vertices of the other, where both nearly touch.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree
from torch import Tensor

from ..body.model import BodyModel
from ..body.regions import region_points, vertex_regions
from ..body.surface import vertex_areas, vertex_normals
from ..contract.skeleton import REGIONS
from ..motion import Posed

_PROBES_PER_REGION = 32
"""Points of the skin that are watched."""
_OUTSIDE = 0.01
"""metres outside the other person up to which a point is watched, as it may get inside."""
_DEEPEST = 0.05
"""metres from the nearest vertex; what is deeper is left to the spheres, as the nearest side may be the wrong one."""
_FACING = -0.3
"""Cosine between the normals of two skins that face each other. A point that has passed the middle of a limb is nearest to the
far side, whose normal is like its own, and would be pushed on."""
_FRAMES_PER_CHUNK = 32
"""Frames whose whole skin is held in memory at once."""


@dataclass(frozen=True)
class FacingSkin:
    """N points of either person's skin, each with the nearest vertex of the other's. Both move with one joint each."""

    frame: Int[Tensor, " N"]
    person: Int[Tensor, " N"]
    """Whose point it is."""
    joints: Int[Tensor, "N 2"]
    """That the point and the other person's vertex move with."""
    offsets: Float[Tensor, "N 2 3"]
    """metres from these joints, in their frames."""
    normal: Float[Tensor, "N 3"]
    """Of the other person's skin, in the frame of its joint."""
    area: Float[Tensor, " N"]
    """m^2 of skin that the point stands for."""


def facing_skin(posed: Posed, body: BodyModel, frames: Int[Tensor, " F"]) -> FacingSkin:
    """The points that are inside the other person in some frames, or less than a centimetre outside."""
    surface = _Surface.of(body)
    parts = [_facing_skin(posed, surface, chunk) for chunk in frames.split(_FRAMES_PER_CHUNK)]
    names = [field.name for field in fields(FacingSkin)]
    return FacingSkin(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def skin_penetration(posed: Posed, facing: FacingSkin) -> Float[Tensor, ""]:
    """Squared depths in metres^2 times the areas in m^2 of the points that are inside, summed over points, mean over frames.

    The depth is measured from the plane through the nearest vertex. Until they are found anew, points and vertices move as if
    attached to the joint that moves them most.
    """
    (own_joint, other_joint), own, other = facing.joints.unbind(1), facing.person, 1 - facing.person
    rotations, joints = posed.global_rotations, posed.joints

    def turned(person: Tensor, joint: Tensor, vector: Tensor) -> Tensor:
        return (rotations[person, facing.frame, joint] @ vector[..., None])[..., 0]

    point = joints[own, facing.frame, own_joint] + turned(own, own_joint, facing.offsets[:, 0])
    vertex = joints[other, facing.frame, other_joint] + turned(other, other_joint, facing.offsets[:, 1])
    height = ((point - vertex) * turned(other, other_joint, facing.normal)).sum(-1)
    return (facing.area * height.clamp_max(0).square()).sum() / joints.shape[1]


@dataclass(frozen=True, eq=False)
class _Surface:
    """A body's skin, without eyes and mouth: V vertices, of which N are probes."""

    body: BodyModel
    """With the skin's vertices only."""
    joint: Int[Tensor, " V"]
    """The joint with the largest skinning weight."""
    rest_normals: Float[Tensor, "V 3"]
    probes: Int[np.ndarray, " N"]
    area: Float[Tensor, " V"]
    """m^2 that a probe stands for, zero for other vertices."""

    @staticmethod
    @lru_cache(maxsize=4)
    def of(body: BodyModel) -> _Surface:
        regions = vertex_regions(body)
        skin = (regions >= 0).nonzero()[:, 0]
        mesh = body.v_template.double().cpu().numpy(), body.faces.cpu().numpy()
        is_probe = torch.isin(skin, region_points(body, _PROBES_PER_REGION)[0])
        area = _area_of_probes(regions[skin].cpu(), is_probe.cpu(), torch.from_numpy(vertex_areas(*mesh))[skin.cpu()])
        return _Surface(
            body.subset(skin),
            body.lbs_weights[skin].argmax(1),
            torch.from_numpy(vertex_normals(*mesh)).to(body.v_template)[skin],
            is_probe.nonzero()[:, 0].cpu().numpy(),
            area.to(body.v_template),
        )

    def normals(self, posed: Posed, person: Tensor, frame: Tensor, vertex: Tensor) -> Float[Tensor, "N 3"]:
        """Unit normals of vertices in the pose of a person in a frame: those of the rest pose, rotated as the skin is."""
        blended = torch.einsum("nj,njab->nab", self.body.lbs_weights[vertex], posed.global_rotations[person, frame])
        return torch.nn.functional.normalize((blended @ self.rest_normals[vertex][..., None])[..., 0], dim=-1)


def _area_of_probes(
    region: Int[Tensor, " V"], is_probe: Bool[Tensor, " V"], area: Float[Tensor, " V"]
) -> Float[Tensor, " V"]:
    """The area of each region, divided equally between its probes."""
    of_region = torch.bincount(region, area, len(REGIONS))
    probes = torch.bincount(region[is_probe], minlength=len(REGIONS)).clamp_min(1)
    return is_probe * (of_region / probes)[region]


def _facing_skin(posed: Posed, surface: _Surface, frames: Int[Tensor, " F"]) -> FacingSkin:
    skin = posed.frames(frames).skin(surface.body)
    position, own, probe, vertex = _nearest_vertices(skin.cpu().numpy(), surface.probes).to(skin.device).unbind(1)
    frame, other = frames[position], 1 - own
    point, nearest = skin[own, position, probe], skin[other, position, vertex]
    own_normal, normal = surface.normals(posed, own, frame, probe), surface.normals(posed, other, frame, vertex)
    is_facing = (own_normal * normal).sum(-1) < _FACING
    is_watched = is_facing & (((point - nearest) * normal).sum(-1) < _OUTSIDE)
    own_joint, other_joint = surface.joint[probe], surface.joint[vertex]

    def offset(person: Tensor, joint: Tensor, place: Tensor) -> Tensor:
        return _unrotated(posed, person, frame, joint, place - posed.joints[person, frame, joint])

    found = FacingSkin(
        frame,
        own,
        torch.stack([own_joint, other_joint], 1),
        torch.stack([offset(own, own_joint, point), offset(other, other_joint, nearest)], 1),
        _unrotated(posed, other, frame, other_joint, normal),
        surface.area[probe],
    )
    return FacingSkin(*(getattr(found, field.name)[is_watched] for field in fields(found)))


def _unrotated(posed: Posed, person: Tensor, frame: Tensor, joint: Tensor, vectors: Tensor) -> Tensor:
    """Vectors [N,3] in the frames of joints."""
    return (posed.global_rotations[person, frame, joint].mT @ vectors[..., None])[..., 0]


def _nearest_vertices(skin: Float[np.ndarray, "2 F V 3"], probes: Int[np.ndarray, " N"]) -> Int[Tensor, "K 4"]:
    """The frame, the person and the vertex of each probe that is near the other person's skin, and the nearest vertex there."""
    found = [np.zeros((0, 4), np.int64)]
    low, high = skin.min(2).max(0) - _OUTSIDE, skin.max(2).min(0) + _OUTSIDE
    for frame in range(skin.shape[1]):
        for person in (0, 1):
            own, other = skin[person, frame], skin[1 - person, frame]
            candidates = probes[_is_within(own[probes], low[frame], high[frame])]
            if not len(candidates):
                continue
            places = own[candidates]
            vertices = np.flatnonzero(_is_within(other, places.min(0) - _DEEPEST, places.max(0) + _DEEPEST))
            if len(vertices):
                # trees that are not balanced are built faster than these few points can make up for
                tree = KDTree(other[vertices], compact_nodes=False, balanced_tree=False)
                distance, nearest = tree.query(places, distance_upper_bound=_DEEPEST)
                near = np.flatnonzero(np.isfinite(distance))
                ends = candidates[near], vertices[np.asarray(nearest)[near]]
                found.append(np.stack([np.full(len(near), frame), np.full(len(near), person), *ends], 1))
    return torch.from_numpy(np.concatenate(found))


def _is_within(
    points: Float[np.ndarray, "N 3"], low: Float[np.ndarray, " 3"], high: Float[np.ndarray, " 3"]
) -> Bool[np.ndarray, " N"]:
    return np.asarray(((points > low) & (points < high)).all(1))
