"""The body's volume as some ninety spheres on its bones: what keeps two people from passing through each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..contract.skeleton import JOINT_INDEX, REGIONS
from .model import BodyModel
from .regions import vertex_regions


@dataclass(frozen=True)
class CollisionSpheres:
    """S spheres, each riding on one joint. Of the mean shape, until `shaped` makes them a person's."""

    joint: Tensor
    """int64 [S]"""
    offset: Tensor
    """[S,3] from the joint to the centre, in the joint's rest axes, metres; [...,S,3] of people."""
    radius: Tensor
    """[S] metres; [...,S] of people."""
    region: Tensor
    """int64 [S]: index into `skeleton.REGIONS` of most of the skin that a sphere stands for."""
    offset_shapedirs: Tensor
    """[S,3,16] metres per beta"""
    radius_shapedirs: Tensor
    """[S,16] metres per beta"""


@lru_cache(maxsize=4)
def collision_spheres(body: BodyModel) -> CollisionSpheres:
    """The spheres of a body's mean shape, on its device: placed by the skeleton, then fitted to the skin."""
    skin = _Skin.of(body)
    centres, radii = _first_guess(skin)
    for _ in range(_ROUNDS):
        near, error = _nearest_sphere(skin.points, centres, radii)
        # what sticks out of the skin counts more than what falls short of it
        weight = skin.area * np.where(error < 0, _OUTSIDE_COUNTS, 1.0)
        change = _fit_patches(skin.points, centres, near, weight, error[:, None])[..., 0]
        centres, radii = centres + change[:, :3], radii + change[:, 3]
    near, _ = _nearest_sphere(skin.points, centres, radii)
    centre_directions, radius_directions = _follow_shape(skin, centres, near)
    riding = _most_common(near, skin.weights, len(centres))
    whole = np.eye(len(REGIONS))[skin.region]
    device, kind = body.device, body.dtype
    return CollisionSpheres(
        joint=torch.from_numpy(riding).to(device),
        offset=torch.from_numpy(centres - skin.joints[riding]).to(device, kind),
        radius=torch.from_numpy(radii).to(device, kind),
        region=torch.from_numpy(_most_common(near, whole, len(centres))).to(device),
        offset_shapedirs=torch.from_numpy(centre_directions - skin.joint_directions[riding]).to(device, kind),
        radius_shapedirs=torch.from_numpy(radius_directions).to(device, kind),
    )


def with_shape(spheres: CollisionSpheres, betas: Tensor) -> CollisionSpheres:
    """The spheres of people with shapes betas [...,16]: offsets [...,S,3] and radii [...,S]."""
    return replace(
        spheres,
        offset=spheres.offset + torch.einsum("sdk,...k->...sd", spheres.offset_shapedirs, betas),
        radius=spheres.radius + torch.einsum("sk,...k->...s", spheres.radius_shapedirs, betas),
    )


def sphere_centres(spheres: CollisionSpheres, joints: Tensor, world: Tensor) -> Tensor:
    """Centres [...,S,3] for joints [...,55,3] and world rotations [...,55,3,3] of forward kinematics.

    Offsets of people [P,S,3] go with joints [P,T,55,3] as `offset[:, None]`: leading shapes broadcast.
    """
    turned = world[..., spheres.joint, :, :] @ spheres.offset[..., None]
    return joints[..., spheres.joint, :] + turned[..., 0]


_ROUNDS = 12
_OUTSIDE_COUNTS = 3.0
_INERTIA = 0.15
"""How much a sphere resists moving where its patch of skin says little, as a share of the patch."""


class _Part(NamedTuple):
    """Spheres in rows along an axis and columns across it, in the skin that some joints move."""

    joints: tuple[str, ...]
    axis: tuple[str, str]
    """from one joint to another; their line gives the direction only"""
    across: tuple[str, str]
    rows: int
    columns: int


def _parts() -> list[_Part]:
    shoulders, up = ("right_shoulder", "left_shoulder"), ("pelvis", "neck")
    parts = [
        _Part(("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"), up, shoulders, 6, 3),
        _Part(("neck",), ("neck", "head"), shoulders, 1, 1),
        _Part(("head", "jaw"), ("neck", "head"), ("head", "left_eye_smplhf"), 2, 2),
    ]
    for side in ("left", "right"):
        hip, knee, ankle, foot, shoulder, elbow, wrist, index, middle, pinky = (
            f"{side}_{name}"
            for name in (
                *("hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist"),
                *("index1", "middle1", "pinky1"),
            )
        )
        parts += [
            _Part((hip,), (hip, knee), shoulders, 4, 1),
            _Part((knee,), (knee, ankle), shoulders, 5, 1),
            _Part((ankle, foot), (ankle, foot), shoulders, 4, 1),
            _Part((shoulder,), (shoulder, elbow), up, 4, 1),
            _Part((elbow,), (elbow, wrist), up, 4, 1),
            _Part((wrist,), (wrist, middle), (index, pinky), 2, 2),
        ]
        for finger in ("index", "middle", "pinky", "ring", "thumb"):
            phalanges = tuple(f"{side}_{finger}{i}" for i in (1, 2, 3))
            parts.append(_Part(phalanges, (phalanges[0], phalanges[2]), (index, pinky), 2, 1))
    return parts


class _Skin(NamedTuple):
    """The skin's N vertices on the mean shape in the rest pose."""

    points: np.ndarray
    area: np.ndarray
    region: np.ndarray
    weights: np.ndarray
    directions: np.ndarray
    joints: np.ndarray
    joint_directions: np.ndarray

    @classmethod
    def of(cls, body: BodyModel) -> _Skin:
        region = vertex_regions(body).cpu().numpy()
        is_skin = region >= 0
        template, directions, weights, joints, joint_directions = (
            tensor.double().cpu().numpy()
            for tensor in (
                body.v_template,
                body.shapedirs,
                body.lbs_weights,
                body.J_template,
                body.J_shapedirs,
            )
        )
        corners = template[body.faces.cpu().numpy()]
        by_face = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
        area = np.bincount(body.faces.cpu().numpy().ravel(), by_face.repeat(3), len(template))
        return cls(
            template[is_skin],
            area[is_skin],
            region[is_skin],
            weights[is_skin],
            directions[is_skin],
            joints,
            joint_directions,
        )


def _first_guess(skin: _Skin) -> tuple[np.ndarray, np.ndarray]:
    """Centres [S,3] and radii [S]: each part cut into rows, its columns side by side in each row."""
    strongest = skin.weights.argmax(1)
    centres, radii = [], []
    for part in _parts():
        points = skin.points[np.isin(strongest, [JOINT_INDEX[name] for name in part.joints])]
        frame = _part_frame(part, skin.joints)
        local = points @ frame
        edges = np.linspace(local[:, 0].min(), local[:, 0].max(), part.rows + 1)
        for low, high in zip(edges, edges[1:]):
            row = local[(local[:, 0] >= low) & (local[:, 0] <= high)]
            middle, half = _middle_and_half(row)
            radius = half[1:].min() if part.columns > 1 else half[1:].mean()
            apart = max(half[1] - radius, 0) if part.columns > 1 else 0.0
            for place in np.linspace(-apart, apart, part.columns):
                centres.append(frame @ (middle + np.array([0, place, 0])))
                radii.append(radius)
    return np.array(centres), np.array(radii)


def _part_frame(part: _Part, joints: np.ndarray) -> np.ndarray:
    """Orthonormal columns: along, across, and through a part."""
    along, across = (joints[JOINT_INDEX[end]] - joints[JOINT_INDEX[start]] for start, end in (part.axis, part.across))
    along = along / np.linalg.norm(along)
    through = np.cross(along, across)
    through /= np.linalg.norm(through)
    return np.stack([along, np.cross(through, along), through], 1)


def _middle_and_half(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Middle and half size [3] of points, without the outermost of them."""
    low, high = np.quantile(points, [0.05, 0.95], axis=0)
    return (low + high) / 2, (high - low) / 2


def _nearest_sphere(points: np.ndarray, centres: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sphere [N] whose surface is outermost at each point, and how far [N] the point lies above it (metres)."""
    squared = (points**2).sum(1)[:, None] - 2 * points @ centres.T + (centres**2).sum(1)
    above = np.sqrt(np.maximum(squared, 0)) - radii
    near = above.argmin(1)
    return near, above[np.arange(len(points)), near]


def _fit_patches(
    points: np.ndarray, centres: np.ndarray, near: np.ndarray, weight: np.ndarray, error: np.ndarray
) -> np.ndarray:
    """Changes [S,4,K] of centres and radii that take up errors [N,K] along the normals, by damped least squares."""
    normal = points - centres[near]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    rows = np.c_[normal, np.ones(len(points))]
    weighted = weight[:, None] * rows
    matrix = _patch_sums(weighted[:, :, None] * rows[:, None, :], near, len(centres))
    right = _patch_sums(weighted[:, :, None] * error[:, None, :], near, len(centres))
    damping = _INERTIA * np.bincount(near, weight, len(centres)) + 1e-12
    return np.linalg.solve(matrix + damping[:, None, None] * np.eye(4), right)


def _follow_shape(skin: _Skin, centres: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How centres [S,3,16] and radii [S,16] follow the patches of skin that they stand for, per beta."""
    total = _patch_sums(skin.area[:, None, None] * skin.directions, near, len(centres))
    mean = total / np.maximum(np.bincount(near, skin.area, len(centres)), 1e-12)[:, None, None]
    normal = skin.points - centres[near]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    error = np.einsum("nd,ndk->nk", normal, skin.directions - mean[near])
    change = _fit_patches(skin.points, centres, near, skin.area, error)
    return mean + change[:, :3], change[:, 3]


def _patch_sums(values: np.ndarray, near: np.ndarray, count: int) -> np.ndarray:
    """Sums [count,...] of values [N,...] over the points of each patch."""
    members = np.zeros((count, len(values)))
    members[near, np.arange(len(values))] = 1
    return (members @ values.reshape(len(values), -1)).reshape(count, *values.shape[1:])


def _most_common(near: np.ndarray, shares: np.ndarray, count: int) -> np.ndarray:
    """The column of shares [N,C] that is greatest over the points of each of `count` patches, int64 [S]."""
    return _patch_sums(shares, near, count).argmax(1)
