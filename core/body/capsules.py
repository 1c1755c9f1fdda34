"""The body's volume as a few spheres on its bones: what keeps two people from passing through each other.

They fit inside the mean shape's rest pose and are chosen greedily to cover it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from .model import BodyModel

_GRID = 0.016
"""metres between the points that stand for the inside of the body."""
_SMALLEST = 0.016
"""metres; thinner parts (fingers) are left to the contacts."""
_CRUST = 0.012
"""metres that a sphere's surface may lie below the skin and still stand for it."""
_MOST = 90
_STRIDE = 4


@dataclass(frozen=True)
class Spheres:
    """S spheres, each riding on one joint."""

    joint: Tensor
    """int64 [S]"""
    offset: Tensor
    """[S,3] from the joint to the centre, in the joint's rest axes, metres."""
    radius: Tensor
    """[S] metres."""


def body_spheres(body: BodyModel) -> Spheres:
    """The spheres of a body, on its device. Computed once for each body file."""
    device = body.template.device
    arrays = _fitted(_Mesh(body))
    return Spheres(*(torch.from_numpy(array).to(device) for array in arrays))


def sphere_centres(spheres: Spheres, joints: Tensor, world: Tensor) -> Tensor:
    """Centres [...,S,3] for joints [...,55,3] and world rotations [...,55,3,3] of forward kinematics."""
    turned = world[..., spheres.joint, :, :] @ spheres.offset[:, :, None]
    return joints[..., spheres.joint, :] + turned[..., 0]


class _Mesh:
    """A body's surface, hashable by the file it comes from."""

    def __init__(self, body: BodyModel) -> None:
        self.identity = body.identity
        self.body = body

    def __hash__(self) -> int:
        return hash(self.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Mesh) and other.identity == self.identity


@lru_cache(maxsize=4)
def _fitted(mesh: _Mesh) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vertices = mesh.body.template.double().cpu().numpy()
    inside, depth = _inside(vertices, mesh.body.faces.cpu().numpy())
    centres, radii = _greedy(inside, depth)
    weights = mesh.body.weights.double().cpu().numpy()
    joints = mesh.body.joint_template.double().cpu().numpy()
    riding = np.array(
        [weights[near].sum(0).argmax() for near in cKDTree(vertices).query_ball_point(centres, radii * 1.15 + 0.005)]
    )
    offset = centres - joints[riding]
    return riding.astype(np.int64), offset.astype(np.float32), radii.astype(np.float32)


def _inside(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grid points [N,3] inside a closed surface and their depth [N] below it."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middle = corners.mean(1)
    axes = [np.arange(low, high, _GRID) for low, high in zip(vertices.min(0), vertices.max(0))]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    distance, nearest = cKDTree(middle).query(grid, k=4, distance_upper_bound=0.3)
    near = np.isfinite(distance).all(1)
    grid, distance, nearest = grid[near], distance[near, 0], nearest[near]
    # below the surface as all of the nearest faces have it: parts that nearly touch do not make an inside between them
    below = ((grid[:, None] - middle[nearest]) * normal[nearest]).sum(-1) < 0
    return grid[below.all(1)], distance[below.all(1)]


def _greedy(points: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The spheres that together cover the inside: each time the one that covers most of what is left."""
    tree = cKDTree(points)
    candidates = np.flatnonzero(depth > _SMALLEST)[::_STRIDE]
    covers = tree.query_ball_point(points[candidates], depth[candidates] + _CRUST)
    left = np.ones(len(points), bool)
    chosen = []
    while len(chosen) < _MOST:
        gain = np.array([left[covered].sum() for covered in covers])
        best = int(gain.argmax())
        if gain[best] == 0:
            break
        left[covers[best]] = False
        chosen.append(candidates[best])
    return points[chosen], depth[chosen]
