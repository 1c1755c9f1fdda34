"""Collision proxies: about ninety spheres attached to the joints that fill the body's volume.

Used to keep two people from penetrating each other, where signed distances to whole meshes would be too slow. Spheres are placed
along the bones and then fitted to the skin by a damped Gauss-Newton method, each to the patch of skin nearest to it.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..contract.skeleton import JOINT_INDEX, REGIONS
from .model import BodyModel
from .regions import vertex_regions
from .surface import vertex_areas


@dataclass(frozen=True)
class CollisionSpheres:
    """S spheres, each attached to one joint; of the mean shape or, after `with_shape`, of people with shapes of their own."""

    joint: Int[Tensor, " S"]
    """Index of the joint that a sphere moves with."""
    offset: Float[Tensor, "*people S 3"]
    """From the joint to the sphere's centre, in the joint's rest frame, metres."""
    radius: Float[Tensor, "*people S"]
    """Metres."""
    region: Int[Tensor, " S"]
    """Index into `skeleton.REGIONS` of most of the skin that a sphere stands for."""
    offset_shapedirs: Float[Tensor, "S 3 16"]
    """Blend shapes of `offset`, metres per beta."""
    radius_shapedirs: Float[Tensor, "S 16"]
    """Blend shapes of `radius`, metres per beta."""


@dataclass(frozen=True)
class SphereFitSettings:
    """Settings of the fit of the spheres to the skin."""

    iterations: int = 12
    outside_weight: float = 3.0
    """Weight of points of the skin inside a sphere (it sticks out of the body), relative to points outside."""
    damping: float = 0.15
    """Levenberg damping, as a fraction of the weight of a sphere's patch of skin."""


@lru_cache(maxsize=4)
def collision_spheres(body: BodyModel) -> CollisionSpheres:
    """The spheres of a body's mean shape, on the body's device. Deterministic, and cached for each body."""
    settings = SphereFitSettings()
    skin = _Skin.of(body)
    centres, radii = _initial_spheres(skin)
    for _ in range(settings.iterations):
        nearest, residual = _nearest_sphere(skin.points, centres, radii)
        weight = skin.area * np.where(residual < 0, settings.outside_weight, 1.0)
        step = _solve_patches(skin.points, centres, nearest, weight, residual[:, None], settings.damping)[..., 0]
        centres, radii = centres + step[:, :3], radii + step[:, 3]
    nearest, _ = _nearest_sphere(skin.points, centres, radii)
    centre_shapedirs, radius_shapedirs = _sphere_shapedirs(skin, centres, nearest, settings.damping)
    joint = _dominant_column(nearest, skin.lbs_weights, len(centres))
    one_hot_regions = np.eye(len(REGIONS))[skin.region]
    device, dtype = body.device, body.dtype
    return CollisionSpheres(
        joint=torch.from_numpy(joint).to(device),
        offset=torch.from_numpy(centres - skin.J_template[joint]).to(device, dtype),
        radius=torch.from_numpy(radii).to(device, dtype),
        region=torch.from_numpy(_dominant_column(nearest, one_hot_regions, len(centres))).to(device),
        offset_shapedirs=torch.from_numpy(centre_shapedirs - skin.J_shapedirs[joint]).to(device, dtype),
        radius_shapedirs=torch.from_numpy(radius_shapedirs).to(device, dtype),
    )


def with_shape(spheres: CollisionSpheres, betas: Float[Tensor, "*people 16"]) -> CollisionSpheres:
    """The spheres of people with the given shapes: offsets [*people,S,3] and radii [*people,S]."""
    return replace(
        spheres,
        offset=spheres.offset + torch.einsum("sdk,...k->...sd", spheres.offset_shapedirs, betas),
        radius=spheres.radius + torch.einsum("sk,...k->...s", spheres.radius_shapedirs, betas),
    )


def sphere_centres(
    spheres: CollisionSpheres, joints: Float[Tensor, "*#batch 55 3"], global_rotations: Float[Tensor, "*#batch 55 3 3"]
) -> Float[Tensor, "*batch S 3"]:
    """Centres of the spheres in the pose and the frame that forward kinematics gave.

    The leading dimensions broadcast with those of the offsets: shape people [P] as `with_shape(spheres, betas[:, None])` for
    joints [P,T,55,3].
    """
    rotated = global_rotations[..., spheres.joint, :, :] @ spheres.offset[..., None]
    return joints[..., spheres.joint, :] + rotated[..., 0]


class _Part(NamedTuple):
    """A grid of spheres within the skin of some joints: rows along an axis, columns across it."""

    joints: tuple[str, ...]
    axis: tuple[str, str]
    """Two joints whose line gives the direction of the rows."""
    across: tuple[str, str]
    """Two joints whose line gives the direction of the columns."""
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
    """The N vertices of the skin, without eyes and mouth, of the mean shape in the rest pose; float64."""

    points: Float[np.ndarray, "N 3"]
    area: Float[np.ndarray, " N"]
    region: Int[np.ndarray, " N"]
    lbs_weights: Float[np.ndarray, "N 55"]
    shapedirs: Float[np.ndarray, "N 3 16"]
    J_template: Float[np.ndarray, "55 3"]
    J_shapedirs: Float[np.ndarray, "55 3 16"]

    @classmethod
    def of(cls, body: BodyModel) -> _Skin:
        region = vertex_regions(body).cpu().numpy()
        is_skin = region >= 0
        v_template, shapedirs, lbs_weights, J_template, J_shapedirs = (
            tensor.double().cpu().numpy()
            for tensor in (
                body.v_template,
                body.shapedirs,
                body.lbs_weights,
                body.J_template,
                body.J_shapedirs,
            )
        )
        area = vertex_areas(v_template, body.faces.cpu().numpy())
        return cls(
            v_template[is_skin],
            area[is_skin],
            region[is_skin],
            lbs_weights[is_skin],
            shapedirs[is_skin],
            J_template,
            J_shapedirs,
        )


def _initial_spheres(skin: _Skin) -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii before the fit: parts are cut into rows along their axis, which hold their columns side by side."""
    dominant_joint = skin.lbs_weights.argmax(1)
    centres, radii = [], []
    for part in _parts():
        points = skin.points[np.isin(dominant_joint, [JOINT_INDEX[name] for name in part.joints])]
        frame = _part_frame(part, skin.J_template)
        local = points @ frame
        edges = np.linspace(local[:, 0].min(), local[:, 0].max(), part.rows + 1)
        for low, high in zip(edges, edges[1:]):
            row = local[(local[:, 0] >= low) & (local[:, 0] <= high)]
            centre, half = _centre_and_half_extent(row)
            radius = half[1:].min() if part.columns > 1 else half[1:].mean()
            spread = max(half[1] - radius, 0) if part.columns > 1 else 0.0
            for shift in np.linspace(-spread, spread, part.columns):
                centres.append(frame @ (centre + np.array([0, shift, 0])))
                radii.append(radius)
    return np.array(centres), np.array(radii)


def _part_frame(part: _Part, joints: np.ndarray) -> np.ndarray:
    """Orthonormal columns: along the part, across it, and through it."""
    along, across = (joints[JOINT_INDEX[end]] - joints[JOINT_INDEX[start]] for start, end in (part.axis, part.across))
    along = along / np.linalg.norm(along)
    through = np.cross(along, across)
    through /= np.linalg.norm(through)
    return np.stack([along, np.cross(through, along), through], 1)


def _centre_and_half_extent(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre and half extent of points, without the outermost five per cent on each side."""
    low, high = np.quantile(points, [0.05, 0.95], axis=0)
    return (low + high) / 2, (high - low) / 2


def _nearest_sphere(
    points: Float[np.ndarray, "N 3"], centres: Float[np.ndarray, "S 3"], radii: Float[np.ndarray, " S"]
) -> tuple[Int[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """The sphere whose surface is nearest to each point, and the point's signed distance from it (negative inside), metres."""
    squared = (points**2).sum(1)[:, None] - 2 * points @ centres.T + (centres**2).sum(1)
    distance = np.sqrt(np.maximum(squared, 0)) - radii
    nearest = distance.argmin(1)
    return nearest, distance[np.arange(len(points)), nearest]


def _solve_patches(
    points: Float[np.ndarray, "N 3"],
    centres: Float[np.ndarray, "S 3"],
    nearest: Int[np.ndarray, " N"],
    weight: Float[np.ndarray, " N"],
    residual: Float[np.ndarray, "N K"],
    damping: float,
) -> Float[np.ndarray, "S 4 K"]:
    """Gauss-Newton steps of centres and radii that absorb the residuals of each sphere's patch, by damped least squares."""
    normal = points - centres[nearest]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    jacobian = np.c_[normal, np.ones(len(points))]
    weighted = weight[:, None] * jacobian
    normal_matrix = _sum_patches(weighted[:, :, None] * jacobian[:, None, :], nearest, len(centres))
    right_side = _sum_patches(weighted[:, :, None] * residual[:, None, :], nearest, len(centres))
    diagonal = damping * np.bincount(nearest, weight, len(centres)) + 1e-12
    return np.linalg.solve(normal_matrix + diagonal[:, None, None] * np.eye(4), right_side)


def _sphere_shapedirs(
    skin: _Skin, centres: Float[np.ndarray, "S 3"], nearest: Int[np.ndarray, " N"], damping: float
) -> tuple[Float[np.ndarray, "S 3 16"], Float[np.ndarray, "S 16"]]:
    """Blend shapes of centres and radii: those of the patch's mean, corrected by a fit of what the mean leaves."""
    total = _sum_patches(skin.area[:, None, None] * skin.shapedirs, nearest, len(centres))
    mean = total / np.maximum(np.bincount(nearest, skin.area, len(centres)), 1e-12)[:, None, None]
    normal = skin.points - centres[nearest]
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    residual = np.einsum("nd,ndk->nk", normal, skin.shapedirs - mean[nearest])
    step = _solve_patches(skin.points, centres, nearest, skin.area, residual, damping)
    return mean + step[:, :3], step[:, 3]


def _sum_patches(
    values: Float[np.ndarray, "N *values"], nearest: Int[np.ndarray, " N"], count: int
) -> Float[np.ndarray, "S *values"]:
    """Sums of values over the points of each of `count` patches."""
    members = np.zeros((count, len(values)))
    members[nearest, np.arange(len(values))] = 1
    return (members @ values.reshape(len(values), -1)).reshape(count, *values.shape[1:])


def _dominant_column(
    nearest: Int[np.ndarray, " N"], columns: Float[np.ndarray, "N C"], count: int
) -> Int[np.ndarray, " S"]:
    """The column with the greatest sum over the points of each of `count` patches."""
    return _sum_patches(columns, nearest, count).argmax(1)
