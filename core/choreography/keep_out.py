"""What keeps two people, and their arms and trunks, from passing through each other: spheres first, then the skin."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from scipy.spatial import KDTree
from torch import Tensor

from ..body.capsules import shaped
from ..body.model import rest_joints
from ..contract.skeleton import PARENTS, REGIONS
from .posing import Bases, Poses
from .scene import Actor, Scene
from .skin_points import BODY, Points
from .spots import sample_of, spheres_of

_LOOK_AGAIN = 10
"""Steps of the descent between two searches for what is near what."""
_NEAR = 0.03
"""metres apart that are still watched until the next search."""
_OVERLAP, _LENIENT, _TOUCHING, _OWN = 0.010, 0.035, 0.03, 0.015
"""metres by which spheres may overlap: those of different people, the same where skins are watched too or where the two people
are meant to touch, and an arm and the trunk of one person."""
_SPHERE, _INSIDE = 0.010, 0.004
"""Standard deviations, metres."""
_DEEPEST, _BESIDE = 0.07, 0.035
"""metres: skin deeper inside than this, or that far beside its partner, has found the wrong partner."""
_APART = 0.0005
_FLOOR = 0.02
"""metres by which a sphere may be under the floor: it is rounder than the body."""


def _of_regions(region: Tensor, *parts: str) -> Tensor:
    """bool [S]"""
    wanted = [index for index, name in enumerate(REGIONS) if any(part in name for part in parts)]
    return torch.isin(region, torch.tensor(wanted))


@dataclass
class Limbs:
    """Both people's spheres in some frames, and which of them are near each other."""

    joint: Tensor
    """int64 [P,S] and offset [P,S,3], radius [P,S] of each person's spheres"""
    offset: Tensor
    radius: Tensor
    allowed: Tensor
    """[T,S,S] metres by which person 0's and person 1's may overlap"""
    own: Tensor
    """[P,T,S,S] the same within a person; infinite where they do not matter"""
    on_floor: Tensor
    """bool [S] spheres that the floor keeps out"""
    pairs: tuple[Tensor, ...] = field(default=())

    @classmethod
    def of(cls, scene: Scene, bases: Bases, frames: Tensor, lenient: bool) -> Limbs:
        people = [shaped(spheres_of(actor.body), torch.from_numpy(actor.betas)) for actor in scene.actors]
        joint = torch.stack([_body_joint(spheres.joint) for spheres in people])
        offset = torch.stack(
            [_body_offset(spheres.joint, spheres.offset, actor) for spheres, actor in zip(people, scene.actors)]
        )
        radius = torch.stack([spheres.radius for spheres in people])
        region = people[0].region
        allowed = torch.full((len(frames), *([radius.shape[1]] * 2)), _LENIENT if lenient else _OVERLAP)
        for touch in scene.touches:
            first, second = (touch.spot, touch.on) if touch.person == 0 else (touch.on, touch.spot)
            both = _beside(region, first.region)[:, None] & _beside(region, second.region)
            weight = torch.from_numpy(touch.span.weight(scene.frames)).float()[frames]
            allowed = torch.maximum(allowed, weight[:, None, None] * both * max(_TOUCHING, _LENIENT * lenient))
        limbs = cls(joint, offset, radius, allowed, torch.zeros(0), ~_of_regions(region, "foot", "shin", "calf"))
        arms = _of_regions(region, "elbow", "forearm", "wrist", "palm", "hand_back", "fingers")
        trunk = _of_regions(region, "head", "face", "neck", "chest", "back", "belly", "hips", "thigh")
        matters = arms[:, None] & trunk
        right = torch.tensor([REGIONS[index].startswith("right") for index in region.tolist()])
        matters |= (arms & right)[:, None] & (arms & ~right)
        centres = limbs.centres(bases.joints, bases.world)
        overlap = radius[:, None, :, None] + radius[:, None, None, :] - torch.cdist(centres, centres)
        # the motion underneath may already bring an arm that near to the trunk
        limbs.own = torch.where(matters, overlap.clamp_min(0) + _OWN, torch.inf)
        return limbs

    def centres(self, joints: Tensor, world: Tensor) -> Tensor:
        """[P,T,S,3]"""
        found = []
        for p in (0, 1):
            turned = world[p][:, self.joint[p]] @ self.offset[p][..., None]
            found.append(joints[p][:, self.joint[p]] + turned[..., 0])
        return torch.stack(found)

    def term(self, poses: Poses, step: int) -> Tensor:
        centres = self.centres(poses.joints, poses.world)
        if step % _LOOK_AGAIN == 0:
            self.pairs = self._near(centres.detach())
        who, other, frame, first, second, bound = self.pairs
        apart = (centres[who, frame, first] - centres[other, frame, second] + 1e-6).norm(dim=-1)
        return (bound - apart).clamp_min(0).square().sum() / _SPHERE**2

    def floor(self, poses: Poses) -> Tensor:
        height = self.centres(poses.joints, poses.world)[..., 2] - self.radius[:, None]
        return ((-_FLOOR - height).clamp_min(0) * self.on_floor).square().sum() / _SPHERE**2

    def _near(self, centres: Tensor) -> tuple[Tensor, ...]:
        """Pairs that may come to matter: whose [M], other's [M], frame [M], spheres [M] and [M], and how far apart they stay."""
        touching = self.radius[0][:, None] + self.radius[1]
        between = touching - self.allowed
        apart = torch.cdist(centres[0], centres[1])
        frame, first, second = (apart < between + _NEAR).nonzero(as_tuple=True)
        found = [(torch.zeros_like(frame), torch.ones_like(frame), frame, first, second, between[frame, first, second])]
        for p in (0, 1):
            bound = self.radius[p][:, None] + self.radius[p] - self.own[p]
            frame, first, second = (torch.cdist(centres[p], centres[p]) < bound + _NEAR).nonzero(as_tuple=True)
            found.append(
                (
                    torch.full_like(frame, p),
                    torch.full_like(frame, p),
                    frame,
                    first,
                    second,
                    bound[frame, first, second],
                )
            )
        return tuple(torch.cat(parts) for parts in zip(*found))


def _body_joint(joint: Tensor) -> Tensor:
    """Joints of face and fingers -> the head and the wrists."""
    found = []
    for index in joint.tolist():
        while index >= BODY:
            index = PARENTS[index]
        found.append(index)
    return torch.tensor(found)


def _body_offset(joint: Tensor, offset: Tensor, actor: Actor) -> Tensor:
    rest = rest_joints(actor.body, torch.from_numpy(actor.betas))
    return offset + rest[joint] - rest[_body_joint(joint)]


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


@dataclass
class Skins:
    """Points of both people's skins in some frames, and which are near the other's."""

    points: tuple[Points, Points]
    pairs: tuple[Tensor, ...] = field(default=())

    @classmethod
    def of(cls, scene: Scene, fingers: Tensor, frames: Tensor) -> Skins:
        """fingers [P,T,33,3,3]"""
        points = []
        for actor, turned in zip(scene.actors, fingers):
            sample = sample_of(actor.body)
            points.append(Points.of(sample.body, torch.from_numpy(actor.betas), turned, sample.normal))
        return cls((points[0], points[1]))

    def term(self, poses: Poses, step: int) -> Tensor:
        if step % _LOOK_AGAIN == 0:
            with torch.no_grad():
                self.pairs = self._near(poses)
        total = poses.joints.new_zeros(())
        for p in (0, 1):
            frame, point, partner = self.pairs[3 * p : 3 * p + 3]
            if not len(frame):
                continue
            here, _ = self.points[p].some(poses.joints[p], poses.world[p], frame, point)
            there, normal = self.points[1 - p].some(poses.joints[1 - p], poses.world[1 - p], frame, partner)
            gap = ((here - there) * normal).sum(-1)
            total = total + (_APART - gap).clamp_min(0).square().sum() / _INSIDE**2
        return 0.25 * total

    def _near(self, poses: Poses) -> tuple[Tensor, ...]:
        """For each person: frames [M], their points [M] and the other's nearest points [M], near the surface or inside."""
        skins = [self.points[p].all(poses.joints[p], poses.world[p]) for p in (0, 1)]
        low = torch.stack([places.amin(1) for places, _ in skins])
        high = torch.stack([places.amax(1) for places, _ in skins])
        low, high = low.amax(0) - _NEAR, high.amin(0) + _NEAR
        found: list[list[tuple[Tensor, Tensor, Tensor]]] = [[], []]
        for frame in (low < high).all(-1).nonzero()[:, 0].tolist():
            inside = [
                ((skins[p][0][frame] > low[frame]) & (skins[p][0][frame] < high[frame])).all(-1).nonzero()[:, 0]
                for p in (0, 1)
            ]
            if not (len(inside[0]) and len(inside[1])):
                continue
            places = [skins[p][0][frame, inside[p]].numpy() for p in (0, 1)]
            for p in (0, 1):
                _, index = KDTree(places[1 - p]).query(places[p], distance_upper_bound=_DEEPEST)
                # what is too far from everything counts as beside its partner
                nearest = inside[1 - p][torch.from_numpy(index).clamp_max(len(inside[1 - p]) - 1)]
                off = skins[p][0][frame, inside[p]] - skins[1 - p][0][frame, nearest]
                height = (off * skins[1 - p][1][frame, nearest]).sum(-1)
                beside = (off.square().sum(-1) - height.square()).clamp_min(0).sqrt()
                keep = (height < _NEAR / 2) & (height > -_DEEPEST) & (beside < _BESIDE)
                found[p].append((torch.full((int(keep.sum()),), frame), inside[p][keep], nearest[keep]))
        none = torch.zeros(0, dtype=torch.int64)
        return tuple(torch.cat([none, *(part[index] for part in found[p])]) for p in (0, 1) for index in range(3))
