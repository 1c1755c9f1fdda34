"""Collisions between two people, and between a person's arms and trunk: of spheres first, then of the skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from core.body.collision import CollisionSpheres, with_shape
from core.body.model import rest_joints
from core.contract.skeleton import PARENTS, REGIONS

from .contact_points import body_sample, body_spheres
from .pose_parameters import Poses, ReferenceMotions
from .scene import Actor, Scene
from .skin_points import BODY, SkinPoints, joint_transforms, point_matrix

_LOOK_AGAIN, _SKINS_AGAIN = 10, 14
"""Steps of the descent between two searches for the pairs of spheres, and of skin points, that may collide."""
_NEAR = 0.03
"""metres: pairs up to this far apart are kept until the next search."""
_OVERLAP, _LENIENT, _TOUCHING, _OWN = 0.010, 0.035, 0.03, 0.015
"""metres by which spheres may overlap: of two people, the same where skins collide too or where a contact is a goal, and of
an arm and the trunk of one person."""
_SPHERE, _INSIDE = 0.010, 0.004
"""Standard deviations, metres."""
_DEEPEST, _BESIDE = 0.07, 0.035
"""metres: a skin point deeper inside, or farther beside its nearest point, is matched to the wrong one."""
_APART = 0.0005
"""metres: how far in front of its partner a skin point is to stay."""
_FLOOR = 0.02
"""metres by which a sphere may be below the floor: it is rounder than the body."""


def _of_regions(region: Tensor, *parts: str) -> Tensor:
    """bool [S]"""
    wanted = [index for index, name in enumerate(REGIONS) if any(part in name for part in parts)]
    return torch.isin(region, torch.tensor(wanted))


@dataclass
class SphereCollisions:
    """All people's spheres in some frames, and the pairs that may collide. Two people of each of B scenes, P = 2 B."""

    carried: Tensor
    """[P,88,S], see `skin_points.point_matrix`."""
    radius: Tensor
    """[P,S]"""
    allowed: Tensor
    """[B,T,S,S] metres by which a sphere of the first and one of the second person may overlap."""
    own: Tensor
    """[P,T,S,S] the same within a person; infinite for pairs that may not collide."""
    on_floor: Tensor
    """[S] 1 for spheres that collide with the floor."""
    pairs: tuple[Tensor, ...] = field(default=())

    @classmethod
    def from_scenes(
        cls, scenes: Sequence[Scene], bases: ReferenceMotions, frames: Tensor, lenient: bool
    ) -> SphereCollisions:
        """The spheres of all scenes' actors in the `frames` int64 [T]. `lenient` where the skin collides, too: spheres may then
        overlap farther. `bases` are the motions underneath, whose own overlaps are allowed."""
        actors = [actor for scene in scenes for actor in scene.actors]
        people = [with_shape(body_spheres(actor.body), torch.from_numpy(actor.betas)) for actor in actors]
        radius = torch.stack([spheres.radius for spheres in people])
        region = people[0].region
        on_floor = (~_of_regions(region, "foot", "shin", "calf")).float()
        limbs = cls(
            torch.stack([_carried(spheres, actor) for spheres, actor in zip(people, actors)]),
            radius,
            torch.stack([_allowed(scene, region, frames, lenient) for scene in scenes]),
            torch.zeros(0),
            on_floor,
        )
        arms = _of_regions(region, "elbow", "forearm", "wrist", "palm", "hand_back", "fingers")
        trunk = _of_regions(region, "head", "face", "neck", "chest", "back", "belly", "hips", "thigh")
        matters = arms[:, None] & trunk
        right = torch.tensor([REGIONS[index].startswith("right") for index in region.tolist()])
        matters |= (arms & right)[:, None] & (arms & ~right)
        centres = limbs.centres(joint_transforms(bases.joints, bases.global_rotations)).mT
        overlap = radius[:, None, :, None] + radius[:, None, None, :] - torch.cdist(centres, centres)
        # the motion underneath may already bring an arm that near to the trunk
        limbs.own = torch.where(matters, overlap.clamp_min(0) + _OWN, torch.inf)
        return limbs

    def centres(self, places: Tensor) -> Tensor:
        """`skin_points.columns` [P,T,3,88] -> [P,T,3,S]"""
        return places @ self.carried[:, None]

    def energy(self, places: Tensor, step: int) -> Tensor:
        """Squared standard deviations, summed over pairs and frames: what spheres overlap beyond what they may, between the
        two, within each, and with the floor. `places` as for `centres`; pairs are found anew in some `step` of the descent."""
        centres = self.centres(places)
        if step % _LOOK_AGAIN == 0:
            self.pairs = self._near(centres.detach().mT)
        first, second, bound = self.pairs
        every = centres.mT.reshape(-1, 3)
        apart = (every.index_select(0, first) - every.index_select(0, second) + 1e-6).norm(dim=-1)
        under = (-_FLOOR - centres[:, :, 2] + self.radius[:, None]).clamp_min(0) * self.on_floor
        return ((bound - apart).clamp_min(0).square().sum() + under.square().sum()) / _SPHERE**2

    def _near(self, centres: Tensor) -> tuple[Tensor, ...]:
        """Pairs that may come to matter: indices [M] and [M] into all centres, and how far apart they stay [M]."""
        people, frames, count = centres.shape[:3]
        radius = self.radius
        between = (radius[0::2, :, None] + radius[1::2, None])[:, None] - self.allowed
        within = (radius[:, :, None] + radius[:, None])[:, None] - self.own
        found = []
        for one, other, bound in (
            (torch.arange(0, people, 2), torch.arange(1, people, 2), between),
            (torch.arange(people), torch.arange(people), within),
        ):
            near = (torch.cdist(centres[one], centres[other]) < bound + _NEAR).nonzero(as_tuple=True)
            which, frame, first, second = near
            found.append(
                (
                    (one[which] * frames + frame) * count + first,
                    (other[which] * frames + frame) * count + second,
                    bound[near],
                )
            )
        return tuple(torch.cat(parts) for parts in zip(*found))


def _allowed(scene: Scene, region: Tensor, frames: Tensor, lenient: bool) -> Tensor:
    """[T,S,S]"""
    allowed = torch.full((len(frames), len(region), len(region)), _LENIENT if lenient else _OVERLAP)
    for touch in scene.contact_goals:
        first, second = (touch.point, touch.target) if touch.person == 0 else (touch.target, touch.point)
        both = _beside(region, first.region)[:, None] & _beside(region, second.region)
        weight = torch.from_numpy(touch.interval.weights(int(frames[-1]) + 1)).float()[frames]
        allowed = torch.maximum(allowed, weight[:, None, None] * both * max(_TOUCHING, _LENIENT * lenient))
    return allowed


def _carried(spheres: CollisionSpheres, actor: Actor) -> Tensor:
    """[88,S]"""
    rest = rest_joints(actor.body, torch.from_numpy(actor.betas))
    joint = _body_joint(spheres.joint)
    offset = spheres.offset + rest[spheres.joint] - rest[joint]
    share = torch.nn.functional.one_hot(joint, BODY).float()
    return point_matrix(share[..., None] * offset[:, None], share)


def _body_joint(joint: Tensor) -> Tensor:
    """Joints of face and fingers -> the head and the wrists."""
    found = []
    for index in joint.tolist():
        while index >= BODY:
            index = PARENTS[index]
        found.append(index)
    return torch.tensor(found)


def _beside(region: Tensor, name: str) -> Tensor:
    """bool [S] spheres of the region's limb or trunk."""
    if "_" not in name or name.split("_")[0] not in ("left", "right"):
        trunk = ("chest", "back", "belly", "hips", "shoulder", "neck")
        return _of_regions(region, "head", "face", "neck") if name in ("head", "face") else _of_regions(region, *trunk)
    side, _, part = name.partition("_")
    groups = (
        ("palm", "hand_back", "fingers", "wrist"), ("elbow", "forearm", "wrist"), ("shoulder", "upper_arm", "elbow"),
        ("thigh", "knee"), ("shin", "calf", "knee"), ("foot",),
    )  # fmt: skip
    near = {f"{side}_{other}" for group in groups if part in group for other in group}
    return torch.isin(region, torch.tensor([REGIONS.index(other) for other in near]))


@dataclass(frozen=True)
class _Pins:
    """M points of skin in some frames: what carries each, and where it is in the rest pose."""

    row: Tensor
    """int64 [M,K] carriers, as rows of all joints of all people and frames"""
    share: Tensor
    """[M,K]"""
    rest: Tensor
    """[M,3]"""
    normal: Tensor
    """[M,3]"""

    def at(self, carriers: Tensor) -> tuple[Tensor, Tensor]:
        """Places and normals [M,3]; carriers [P*T*22,12], rotation and shift of each joint in each frame."""
        moved = torch.nn.functional.embedding_bag(self.row, carriers, per_sample_weights=self.share, mode="sum")
        turn = moved[:, :9].unflatten(1, (3, 3))
        return (turn * self.rest[:, None]).sum(2) + moved[:, 9:], (turn * self.normal[:, None]).sum(2)


@dataclass
class SkinCollisions:
    """Points of all people's skins in some frames, and which are near the other's."""

    points: tuple[SkinPoints, ...]
    """Of each person"""
    near: tuple[_Pins, _Pins] | None = None

    @classmethod
    def from_scenes(cls, scenes: Sequence[Scene], fingers: Tensor) -> SkinCollisions:
        """fingers [P,T,33,3,3]"""
        points = []
        for actor, turned in zip((actor for scene in scenes for actor in scene.actors), fingers):
            sample = body_sample(actor.body)
            points.append(SkinPoints.from_body(sample.body, torch.from_numpy(actor.betas), turned, sample.normals))
        return cls(tuple(points))

    def energy(self, poses: Poses, step: int) -> Tensor:
        """Half squared standard deviations, summed over skin points: how deep they are inside the other person. Points are
        matched anew in some `step` of the descent."""
        if step % _SKINS_AGAIN == 0:
            with torch.no_grad():
                self.near = self._near(poses)
        assert self.near is not None
        rest = torch.stack([points.rest_joints for points in self.points])
        shift = poses.joints - (poses.global_rotations @ rest[:, None, ..., None])[..., 0]
        carriers = torch.cat([poses.global_rotations.flatten(-2), shift], -1).reshape(-1, 12)
        (here, _), (there, normal) = (pins.at(carriers) for pins in self.near)
        gap = ((here - there) * normal).sum(-1)
        return 0.5 * (_APART - gap).clamp_min(0).square().sum() / _INSIDE**2

    def _near(self, poses: Poses) -> tuple[_Pins, _Pins]:
        """Points near the other's surface or inside it, and the nearest of the other's."""
        frames = poses.joints.shape[1]
        found: list[tuple[list[Tensor], list[Tensor]]] = []
        for first in range(0, len(self.points), 2):
            skins = [self.points[p].pose(poses.joints[p], poses.global_rotations[p]) for p in (first, first + 1)]
            for p, (frame, point, partner) in enumerate(_neighbours(skins)):
                found.append(
                    (
                        self._pinned(first + p, frame, point, frames),
                        self._pinned(first + 1 - p, frame, partner, frames),
                    )
                )
        here, there = (_Pins(*(torch.cat(parts) for parts in zip(*(pair[side] for pair in found)))) for side in (0, 1))
        return here, there

    def _pinned(self, person: int, frame: Tensor, point: Tensor, frames: int) -> list[Tensor]:
        points = self.points[person]
        row = ((person * frames + frame) * BODY)[:, None] + points.joint_indices[point]
        return [row, points.joint_weights[point], points.rest_positions[frame, point], points.rest_normals[point]]


def _neighbours(skins: list[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Places and normals [T,N,3] of two people -> for each of them frames [M], points [M] and the other's nearest points [M]."""
    low = torch.stack([places.amin(1) for places, _ in skins]).amax(0) - _NEAR
    high = torch.stack([places.amax(1) for places, _ in skins]).amin(0) + _NEAR
    none = torch.zeros(0, dtype=torch.int64)
    found: list[list[tuple[Tensor, ...]]] = [[(none, none, none)], [(none, none, none)]]
    for frame in (low < high).all(-1).nonzero()[:, 0].tolist():
        places = [skin[0][frame] for skin in skins]
        inside = [((part > low[frame]) & (part < high[frame])).all(-1).nonzero()[:, 0] for part in places]
        if not (len(inside[0]) and len(inside[1])):
            continue
        for p in (0, 1):
            own, others = places[p][inside[p]], places[1 - p][inside[1 - p]]
            _, index = KDTree(others.numpy(), balanced_tree=False, compact_nodes=False).query(
                own.numpy(), distance_upper_bound=_DEEPEST
            )
            # what is too far from everything counts as beside its partner
            nearest = inside[1 - p][torch.from_numpy(np.asarray(index)).clamp_max(len(others) - 1)]
            off = own - places[1 - p][nearest]
            height = (off * skins[1 - p][1][frame, nearest]).sum(-1)
            beside = (off.square().sum(-1) - height.square()).clamp_min(0).sqrt()
            keep = (height < _NEAR / 2) & (height > -_DEEPEST) & (beside < _BESIDE)
            point = inside[p][keep]
            found[p].append((torch.full_like(point, frame), point, nearest[keep]))
    frames, points, partners = zip(*([torch.cat(parts) for parts in zip(*found[p])] for p in (0, 1)))
    return list(zip(frames, points, partners))
