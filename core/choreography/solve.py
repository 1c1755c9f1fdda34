"""From a scene to two people's motion: descent on what is wanted over the whole clip at once, from coarse to fine.

What moves are smooth offsets from the people's own motions (`posing`), so that their dynamics stay. Every term of what is
wanted is in units of what would still look right, summed over the seconds of the clip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.rotations import matrix_to_axis_angle
from ..contract.skeleton import JOINT_INDEX, PARENTS, REGIONS
from ..geometry.limits import joint_limits
from ..motion import PairMotion, motion_from_rotations
from .closing import closed_hands
from .feet import sole_points
from .handshapes import finger_rotations, hand_shapes
from .keep_out import Limbs, Skins
from .posing import FOOT_SHIFT, NUMBERS, SHIFT, SWIVEL, UPPER, Bases, Poses
from .scene import Direction, Place, Point, Scene, Span, Spot
from .skin_points import BODY
from .splines import on_curve, spline_basis
from .spots import Spots

_TOUCH = 0.003
_LIMIT = math.radians(4)
_MISSING, _FLOOR = 0.006, 0.004
"""Standard deviations that still look right: metres between surfaces that touch, radians beyond a joint's limit, metres that a
leg is too short by, metres under the floor."""
_CALM = 0.03
"""Change of speed of the offsets, in their units a frame squared."""
_EASE = 0.5
_REACHES_FREELY = 0.12
"""Share of the ease of an arm that is left while it touches something; of the trunk more is left."""
_TRUNK_FREELY = 0.4
_HEAD_HEIGHT = (0.0, 0.06, 0.0)
"""metres from the joint to between the eyes."""


@dataclass(frozen=True)
class Stage:
    every: int
    """Frames between two numbers of a curve."""
    stride: int
    """Frames between two that are looked at."""
    steps: int
    rate: float
    lenient: float
    """How much further off than at last touches may be."""
    skins: bool
    """Whether skins keep each other out, not only the bodies' spheres."""


STAGES = (Stage(8, 4, 110, 0.14, 4.0, False), Stage(4, 2, 70, 0.05, 1.5, False), Stage(4, 2, 60, 0.025, 1.0, True))


@dataclass(frozen=True)
class Solution:
    motion: PairMotion
    planted: np.ndarray
    """bool [2,T,2]"""


def solve(
    scene: Scene,
    stages: tuple[Stage, ...] = STAGES,
    report: Callable[[int, dict[str, float]], None] | None = None,
) -> Solution:
    """Both people's motion. Deterministic. `report(step, terms)` is told now and then what is still amiss."""
    bases = Bases.of(scene)
    shapes = hand_shapes(scene.hands, scene.frames)
    moved = torch.zeros(2, 3, requires_grad=True)
    controls, basis = torch.zeros(2, 0, NUMBERS), None
    done = 0
    for stage in stages:
        finer = spline_basis(scene.frames, stage.every)
        if basis is None:
            controls = torch.zeros(2, finer.shape[1], NUMBERS)
        elif basis.shape != finer.shape:
            controls = _on_finer(finer, on_curve(basis, controls.detach()))
        basis = finer
        controls = controls.detach().clone().requires_grad_()
        wanted = _Wanted(scene, bases, shapes, stage)
        optimizer = torch.optim.Adam([{"params": [controls]}, {"params": [moved]}], lr=stage.rate, betas=(0.9, 0.98))
        rates = [stage.rate, stage.rate * 0.4]
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rates, total_steps=stage.steps + 1, pct_start=0.15, final_div_factor=30
        )
        for step in range(stage.steps):
            terms = wanted.terms(controls, moved, basis, step)
            optimizer.zero_grad(set_to_none=True)
            torch.stack(list(terms.values())).sum().backward()
            optimizer.step()
            schedule.step()
            done += 1
            if report is not None and (step % 20 == 0 or step == stage.steps - 1):
                report(done, {name: float(value.detach()) for name, value in terms.items()})
    assert basis is not None
    with torch.no_grad():
        poses = bases.posed(on_curve(basis, controls), moved * _whole(scene))
        fingers = finger_rotations(closed_hands(scene, poses))
        rotations = torch.cat([_relative(poses.world), fingers], 2)
        betas = torch.stack([torch.from_numpy(actor.betas) for actor in scene.actors])
        motion = motion_from_rotations(rotations, poses.joints[:, :, 0], betas)
    return Solution(motion, np.stack([actor.base.planted for actor in scene.actors]))


def _on_finer(basis: Tensor, curves: Tensor) -> Tensor:
    """Controls [P,K,D] whose curves are nearest to given ones [P,T,D]."""
    return torch.linalg.pinv(basis) @ curves


def _relative(world: Tensor) -> Tensor:
    """World rotations [...,22,3,3] -> relative to the parents."""
    above = world[..., list(PARENTS[1:BODY]), :, :].mT
    return torch.cat([world[..., :1, :, :], above @ world[..., 1:, :, :]], -3)


def _whole(scene: Scene) -> Tensor:
    return torch.tensor([scene.moves, scene.moves, scene.turns])


class _Wanted:
    """All terms of a scene in the frames that a stage looks at."""

    def __init__(self, scene: Scene, bases: Bases, shapes: Tensor, stage: Stage) -> None:
        self.scene, self.stage = scene, stage
        self.frames = torch.arange(0, scene.frames, stage.stride)
        self.dt = stage.stride / scene.rate
        self.bases = bases.at(self.frames)
        fingers = finger_rotations(shapes[:, self.frames])
        self.spots, self.names = zip(*(self._spots_of(p, fingers[p]) for p in (0, 1)))
        self.soles = [sole_points(actor, len(self.frames)) for actor in scene.actors]
        self.limits = _limits(self.bases)
        self.ease = _ease_weights(scene)[:, self.frames]
        self.limbs = Limbs.of(scene, self.bases, self.frames, lenient=stage.skins)
        self.skins = Skins.of(scene, fingers, self.frames) if stage.skins else None

    def _spots_of(self, person: int, fingers: Tensor) -> tuple[Spots, list[Spot]]:
        wanted: dict[Spot, None] = {}
        for touch in self.scene.touches:
            wanted[touch.spot if touch.person == person else touch.on] = None
        for place in self.scene.places:
            if place.person == person and isinstance(place.point, Spot):
                wanted[place.point] = None
        actor = self.scene.actors[person]
        return Spots.of(actor.body, torch.from_numpy(actor.betas), fingers, list(wanted)), list(wanted)

    def terms(self, controls: Tensor, moved: Tensor, basis: Tensor, step: int) -> dict[str, Tensor]:
        numbers = on_curve(basis[self.frames], controls)
        poses = self.bases.posed(numbers, moved * _whole(self.scene))
        spots = [self.spots[p].at(poses.joints[p], poses.world[p]) for p in (0, 1)]
        change = (controls[:, 2:] - 2 * controls[:, 1:-1] + controls[:, :-2]) / self.stage.every**2
        found = {
            "ease": _EASE * self._total(self.ease * numbers.square()) + moved.square().sum(),
            "calm": change.square().sum() / _CALM**2 * self.stage.every / self.scene.rate,
            "limits": self._limit_term(poses),
            "legs": self._total(poses.missing.square()) / _MISSING**2,
            "floor": self._floor_term(poses),
        }
        for kind, value in (
            ("touch", self._touch_terms(spots)),
            ("place", [self._place_term(place, poses, spots) for place in self.scene.places]),
            ("direction", [self._direction_term(direction, poses) for direction in self.scene.directions]),
            ("gaze", self._gaze_terms(poses)),
        ):
            if value:
                found[kind] = torch.stack(value).sum()
        found["apart"] = self.limbs.term(poses, step) * self.dt
        if self.skins is not None:
            found["inside"] = self.skins.term(poses, step) * self.dt
        return found

    def _total(self, values: Tensor) -> Tensor:
        return values.sum() * self.dt

    def _weights(self, span: Span, sharp: bool) -> Tensor:
        """[T'] with short fades where `sharp`."""
        if sharp:
            span = Span(span.first, span.last, min(span.reach, 2), min(span.leave, 2))
        return torch.from_numpy(span.weight(self.scene.frames)).float()[self.frames]

    def _limit_term(self, poses: Poses) -> Tensor:
        low, high = self.limits
        angles = matrix_to_axis_angle(poses.turned[:, :, 1:])
        return self._total((low - angles).clamp_min(0).square() + (angles - high).clamp_min(0).square()) / _LIMIT**2

    def _floor_term(self, poses: Poses) -> Tensor:
        under = [
            points.all(poses.joints[p], poses.world[p])[0][..., 2].clamp_max(0).square().sum() * self.dt
            for p, points in enumerate(self.soles)
        ]
        return torch.stack(under).sum() / _FLOOR**2 / 6 + self.limbs.floor(poses) * self.dt

    def _touch_terms(self, spots: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        terms = []
        for touch in self.scene.touches:
            other = 1 - touch.person
            mine, theirs = self.names[touch.person].index(touch.spot), self.names[other].index(touch.on)
            place, normal = (part[:, mine] for part in spots[touch.person])
            there, towards = (part[:, theirs] for part in spots[other])
            weight, near = self._weights(touch.span, True), self._weights(touch.span, False)
            off = place - there
            height = (off * towards).sum(-1)
            along = off.square().sum(-1) - height.square()
            lenient = self.stage.lenient
            terms.append(self._total(weight * (height - touch.gap).square()) / (lenient * _TOUCH) ** 2)
            terms.append(self._total(weight * along) / max(touch.loose, lenient * _TOUCH) ** 2)
            if touch.facing is not None:
                opposed = (normal + towards).square().sum(-1)
                terms.append(self._total((weight + 0.15 * near) * opposed) / touch.facing**2)
        return terms

    def _point(self, person: int, point: Point, poses: Poses, spots: list[tuple[Tensor, Tensor]]) -> Tensor:
        if isinstance(point, Spot):
            return spots[person][0][:, self.names[person].index(point)]
        return poses.joints[person, :, JOINT_INDEX[point]]

    def _place_term(self, place: Place, poses: Poses, spots: list[tuple[Tensor, Tensor]]) -> Tensor:
        wanted = torch.as_tensor(np.asarray(place.at, np.float32))
        if wanted.ndim == 2:
            wanted = wanted[self.frames]
        off = self._point(place.person, place.point, poses, spots)
        if place.near is None:
            off = off - wanted
        else:
            who, joint = place.near[0], JOINT_INDEX[place.near[1]]
            off = ((off - poses.joints[who, :, joint])[:, None] @ poses.world[who, :, joint])[:, 0] - wanted
        off = off * torch.tensor(place.only)
        return self._total(self._weights(place.span, False) * off.square().sum(-1)) / place.sigma**2

    def _direction_term(self, direction: Direction, poses: Poses) -> Tensor:
        axis = torch.nn.functional.normalize(torch.tensor(direction.axis, dtype=torch.float32), dim=0)
        wanted = torch.nn.functional.normalize(torch.tensor(direction.to, dtype=torch.float32), dim=0)
        points = poses.world[direction.person, :, JOINT_INDEX[direction.joint]] @ axis
        if direction.near is not None:
            wanted = poses.world[direction.near[0], :, JOINT_INDEX[direction.near[1]]] @ wanted
        weight = self._weights(direction.span, False)
        return self._total(weight * (points - wanted).square().sum(-1)) / direction.sigma**2

    def _gaze_terms(self, poses: Poses) -> list[Tensor]:
        terms = []
        head = JOINT_INDEX["head"]
        eyes = poses.joints[:, :, head] + poses.world[:, :, head] @ torch.tensor(_HEAD_HEIGHT)
        for gaze in self.scene.gazes:
            forward = poses.world[gaze.person, :, head, :, 2]
            wanted = torch.nn.functional.normalize(eyes[1 - gaze.person] - eyes[gaze.person], dim=-1)
            off = (forward - wanted).square().sum(-1)
            terms.append(self._total(self._weights(gaze.span, False) * off) / gaze.sigma**2)
        return terms


def _limits(bases: Bases) -> tuple[Tensor, Tensor]:
    """[P,T,13,3] bounds of UPPER without the pelvis; where the motion underneath is already beyond, it may stay."""
    low, high = (bound[[joint - 1 for joint in UPPER[1:]]] for bound in joint_limits())
    own = matrix_to_axis_angle(bases.rotations[:, :, UPPER[1:]])
    return torch.minimum(low, own), torch.maximum(high, own)


def _ease_weights(scene: Scene) -> Tensor:
    """[P,T,NUMBERS]: less where a limb has something to do."""
    freely = torch.zeros(2, scene.frames, BODY)

    def free(person: int, point: Point, span: Span, share: float = 1.0) -> None:
        weight = share * torch.from_numpy(span.weight(scene.frames)).float()
        joint = JOINT_INDEX[point] if isinstance(point, str) else _CARRIERS[point.region]
        while joint >= 0:
            freely[person, :, joint] = torch.maximum(freely[person, :, joint], weight)
            joint = PARENTS[joint]

    for touch in scene.touches:
        free(touch.person, touch.spot, touch.span)
        if _CARRIERS[touch.on.region] >= JOINT_INDEX["left_shoulder"]:
            free(1 - touch.person, touch.on, touch.span)
    for place in scene.places:
        free(place.person, place.point, place.span)
    for direction in scene.directions:
        free(direction.person, direction.joint, direction.span, 0.5)
    for gaze in scene.gazes:
        free(gaze.person, "head", gaze.span, 0.5)
    weights = torch.ones(2, scene.frames, NUMBERS)
    for index, joint in enumerate(UPPER):
        left = _REACHES_FREELY if joint >= JOINT_INDEX["left_collar"] else _TRUNK_FREELY
        weights[..., 3 * index : 3 * index + 3] = (1 - (1 - left) * freely[..., joint])[..., None]
    weights[..., SHIFT] = weights[..., :1]
    for foot, side in enumerate(("left", "right")):
        own = 1 - (1 - _REACHES_FREELY) * freely[..., JOINT_INDEX[f"{side}_ankle"]][..., None]
        for start in (FOOT_SHIFT.start, FOOT_SHIFT.stop):
            weights[..., start + 3 * foot : start + 3 * foot + 3] = own
        weights[..., SWIVEL.start + foot : SWIVEL.start + foot + 1] = own
    return weights


def _carriers() -> dict[str, int]:
    """The joint that carries each region."""
    middle = {"head": "head", "face": "head", "neck": "neck", "chest": "spine3", "back": "spine3", "belly": "spine1"}
    limbs = {
        "shoulder": "collar", "upper_arm": "shoulder", "elbow": "elbow", "forearm": "elbow", "wrist": "wrist",
        "palm": "wrist", "hand_back": "wrist", "fingers": "wrist", "thigh": "hip", "knee": "knee", "shin": "knee",
        "calf": "knee", "foot": "ankle",
    }  # fmt: skip
    found = {}
    for region in REGIONS:
        side, _, part = region.partition("_")
        found[region] = JOINT_INDEX[f"{side}_{limbs[part]}" if part in limbs else middle.get(region, "pelvis")]
    return found


_CARRIERS = _carriers()
