"""The objectives of a batch of scenes: all goals of a kind in one batched term.

B scenes, P = 2 B people (two of each scene, one scene after the other), T frames. Every term is a sum of squares in standard
deviations, integrated over time in seconds. The terms are pure functions, except that the pairs that may collide are searched
anew every few steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.body.rotations import matrix_to_axis_angle
from core.contract.skeleton import JOINT_INDEX, PARENTS, REGIONS
from core.fitting.limits import joint_limits

from .collision import SkinCollisions, SphereCollisions
from .contact_points import SkinnedContactPoints
from .foot_planting import sole_points
from .pose_parameters import FOOT_OFFSET, KNEE_SWIVEL, PARAMETERS, PELVIS_OFFSET, UPPER_BODY, Poses, ReferenceMotions
from .scene import ContactPoint, Interval, PointOrJoint, Scene
from .skin_points import BODY, joint_transforms, point_matrix

_TOUCH = 0.003
_LIMIT = math.radians(4)
_MISSING, _FLOOR = 0.006, 0.004
"""Standard deviations: metres between surfaces in contact, radians beyond a joint's limit, metres by which a leg is too short,
metres below the floor."""
_CALM = 0.03
"""Standard deviation of the parameters' second difference, in their units per frame squared."""
_EASE = 0.5
_REACHES_FREELY, _TRUNK_FREELY = 0.12, 0.4
"""Factors of the pull to the actor's motion, for a limb with a goal and for the trunk above it."""
_ARM_IDLE = 3.0
"""Factor of the same for arms without a goal: they may get out of the way, but not wander."""
_HEAD_HEIGHT = (0.0, 0.06, 0.0)
"""metres from the head joint to the point between the eyes."""
_SHARP = 2
"""Frames over which a contact fades in."""
_TURNS_BEFORE = 0.15
"""Weight of opposed normals during the approach, relative to the contact itself."""
_EYES, _HEAD = torch.tensor(_HEAD_HEIGHT), JOINT_INDEX["head"]


class _Frame(NamedTuple):
    """The frames of reference of N goals."""

    person: Tensor
    joint: Tensor
    """int64 [N]; ignored for the world."""
    body: Tensor
    """[N] 1 for the frame of a joint, 0 for the world."""


class _Touches(NamedTuple):
    person: Tensor
    spot: Tensor
    other: Tensor
    on: Tensor
    weight: Tensor
    """[N,T]; `near` is the same with the approach."""
    near: Tensor
    loose: Tensor
    facing: Tensor
    """[N] one over the variance of the normals' angle; 0 for any angle."""
    gap: Tensor


class _Places(NamedTuple):
    person: Tensor
    point: Tensor
    """int64 [N]: a joint or, counted after all joints, a contact point."""
    at: Tensor
    """[N,T,3]"""
    frame: _Frame
    weight: Tensor
    """[N,T], divided by the variance."""
    only: Tensor
    """[N,3]"""


class _Directions(NamedTuple):
    person: Tensor
    joint: Tensor
    axis: Tensor
    to: Tensor
    frame: _Frame
    weight: Tensor


class _Gazes(NamedTuple):
    person: Tensor
    other: Tensor
    weight: Tensor


@dataclass
class Objectives:
    """The objectives of all scenes in some frames."""

    dt: float
    """seconds between two frames."""
    every: float
    """seconds per frame of the clip."""
    present: Tensor
    """[P,T] 1 in the frames of the scene, 0 in the padding."""
    bases: ReferenceMotions
    """In these frames."""
    limits: tuple[Tensor, Tensor]
    ease: Tensor
    """[P,T,PARAMETERS] weights of the pull to the actors' motions."""
    soles: Tensor
    """[P,88,12]"""
    spots: Tensor
    """[P,T,88,S]"""
    normals: Tensor
    """[P,S,3] and the joints that carry them, int64 [P,S]"""
    carriers: Tensor
    touches: _Touches | None
    places: _Places | None
    directions: _Directions | None
    gazes: _Gazes | None
    limbs: SphereCollisions
    skins: SkinCollisions | None
    lenient: float

    @classmethod
    def from_scenes(
        cls,
        scenes: Sequence[Scene],
        bases: ReferenceMotions,
        fingers: Tensor,
        frames: Tensor,
        lenient: float,
        skins: bool,
    ) -> Objectives:
        """`fingers` [P,T,33,3,3] in these frames; `lenient`: factor of the tolerances of contacts (`Stage.tolerance_scale`)."""
        bases = bases.at_frames(frames)
        rate = scenes[0].rate
        names = [_spots_of(scene, person) for scene in scenes for person in (0, 1)]
        actors = [actor for scene in scenes for actor in scene.actors]
        room = max(1, *(len(wanted) for wanted in names))
        spots = [
            SkinnedContactPoints.from_body(actor.body, torch.from_numpy(actor.betas), fingers[p], names[p], room)
            for p, actor in enumerate(actors)
        ]
        soles = [sole_points(actor, 1) for actor in actors]
        stride = int(frames[1] - frames[0]) if len(frames) > 1 else 1
        return cls(
            dt=stride / rate,
            every=1 / rate,
            present=torch.stack([(frames < scene.frames).float() for scene in scenes for _ in (0, 1)]),
            bases=bases,
            limits=_limits(bases),
            ease=torch.cat([_ease_weights(scene, frames) for scene in scenes]),
            soles=torch.stack([point_matrix(points.weighted_offsets()[0], points.dense_weights()) for points in soles]),
            spots=torch.stack([part.matrix for part in spots]),
            normals=torch.stack([part.rest_normals for part in spots]),
            carriers=torch.stack([part.joint_indices for part in spots]),
            touches=_touches(scenes, names, frames),
            places=_places(scenes, names, frames),
            directions=_directions(scenes, frames),
            gazes=_gazes(scenes, frames),
            limbs=SphereCollisions.from_scenes(scenes, bases, frames, lenient=skins),
            skins=SkinCollisions.from_scenes(scenes, fingers) if skins else None,
            lenient=lenient,
        )

    def terms(self, numbers: Tensor, change: Tensor, moved: Tensor, whole: Tensor, step: int) -> dict[str, Tensor]:
        """The value of each objective.

        `numbers` [P,T,PARAMETERS] in these frames; `change` [P,K,PARAMETERS] their second difference per frame squared at K
        control values; `moved` [P,3] (see `ReferenceMotions.pose`) in units of `whole` [P,3]. Before step 0 nothing collides.
        """
        poses = self.bases.pose(numbers, moved * whole)
        places = joint_transforms(poses.joints, poses.global_rotations)
        soles = (places[:, :, 2] @ self.soles).clamp_max(0)
        found = {
            "ease": _EASE * self.dt * (self.ease * numbers.square()).sum() + moved.square().sum(),
            "calm": change.square().sum() * self.every / _CALM**2,
            "limits": self._limit_term(poses),
            "legs": self.dt * (self.present[..., None] * poses.leg_shortfall.square()).sum() / _MISSING**2,
            "floor": self.dt * soles.square().sum() / _FLOOR**2 / 6,
        }
        if step >= 0:
            found["apart"] = self.dt * self.limbs.energy(places, step)
        spots = (places @ self.spots).mT
        if self.touches is not None:
            found["touch"] = self.dt * self._touch_term(self.touches, poses, spots)
        if self.places is not None:
            found["place"] = self.dt * self._place_term(self.places, poses, spots)
        if self.directions is not None:
            found["direction"] = self.dt * self._direction_term(self.directions, poses)
        if self.gazes is not None:
            found["gaze"] = self.dt * self._gaze_term(self.gazes, poses)
        if self.skins is not None:
            found["inside"] = self.dt * self.skins.energy(poses, step)
        return found

    def _limit_term(self, poses: Poses) -> Tensor:
        low, high = self.limits
        angles = matrix_to_axis_angle(poses.local_rotations[:, :, 1:])
        over = (low - angles).clamp_min(0).square() + (angles - high).clamp_min(0).square()
        return self.dt * (self.present * over.sum((2, 3))).sum() / _LIMIT**2

    def _touch_term(self, touches: _Touches, poses: Poses, spots: Tensor) -> Tensor:
        towards = self._normal(touches.other, touches.on, poses)
        off = spots[touches.person, :, touches.spot] - spots[touches.other, :, touches.on]
        height = (off * towards).sum(-1)
        along = off.square().sum(-1) - height.square()
        close = (self.lenient * _TOUCH) ** 2
        loose = touches.loose.clamp_min(self.lenient * _TOUCH).square()
        opposed = (self._normal(touches.person, touches.spot, poses) + towards).square().sum(-1)
        return (
            (touches.weight * (height - touches.gap[:, None]).square()).sum() / close
            + (touches.weight * along / loose[:, None]).sum()
            + ((touches.weight + _TURNS_BEFORE * touches.near) * opposed * touches.facing[:, None]).sum()
        )

    def _normal(self, person: Tensor, spot: Tensor, poses: Poses) -> Tensor:
        """[N,T,3]"""
        turn = poses.global_rotations[person, :, self.carriers[person, spot]]
        return (turn @ self.normals[person, spot][:, None, :, None])[..., 0]

    def _place_term(self, places: _Places, poses: Poses, spots: Tensor) -> Tensor:
        points = torch.cat([poses.joints, spots], 2)[places.person, :, places.point]
        frame = places.frame
        start = poses.joints[frame.person, :, frame.joint] * frame.body[:, None, None]
        off = ((points - start)[:, :, None] @ _axes(frame, poses))[:, :, 0] - places.at
        return (places.weight[..., None] * (off * places.only[:, None]).square()).sum()

    def _direction_term(self, directions: _Directions, poses: Poses) -> Tensor:
        points = poses.global_rotations[directions.person, :, directions.joint] @ directions.axis[:, None, :, None]
        wanted = _axes(directions.frame, poses) @ directions.to[:, None, :, None]
        return (directions.weight * (points - wanted).square().sum((2, 3))).sum()

    def _gaze_term(self, gazes: _Gazes, poses: Poses) -> Tensor:
        eyes = poses.joints[:, :, _HEAD] + poses.global_rotations[:, :, _HEAD] @ _EYES
        wanted = torch.nn.functional.normalize(eyes[gazes.other] - eyes[gazes.person], dim=-1)
        off = poses.global_rotations[gazes.person, :, _HEAD, :, 2] - wanted
        return (gazes.weight * off.square().sum(-1)).sum()


def _axes(frame: _Frame, poses: Poses) -> Tensor:
    """[N,T,3,3] from a frame to the world."""
    body = frame.body[:, None, None, None]
    return body * poses.global_rotations[frame.person, :, frame.joint] + (1 - body) * torch.eye(3)


def _weights(spans: Sequence[Interval], scenes: Sequence[Scene], frames: Tensor, sharp: bool = False) -> Tensor:
    """[N,T], nothing after a scene's end."""
    rows = []
    for span, scene in zip(spans, scenes):
        if sharp:
            span = Interval(span.start, span.end, min(span.fade_in, _SHARP), min(span.fade_out, _SHARP))
        weight = np.zeros(int(frames[-1]) + 1, np.float32)
        kept = min(scene.frames, len(weight))
        weight[:kept] = span.weights(scene.frames)[:kept]
        rows.append(torch.from_numpy(weight)[frames])
    return torch.stack(rows)


def _spots_of(scene: Scene, person: int) -> list[ContactPoint]:
    wanted: dict[ContactPoint, None] = {}
    for touch in scene.contact_goals:
        wanted[touch.point if touch.person == person else touch.target] = None
    for place in scene.position_goals:
        if place.person == person and isinstance(place.point, ContactPoint):
            wanted[place.point] = None
    return list(wanted)


def _ids(values: Sequence[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int64)


def _frames_of(wishes: Sequence[tuple[int, tuple[int, str] | None]]) -> _Frame:
    """Of each wish its scene and in whose frame it is."""
    return _Frame(
        _ids([2 * scene + (near[0] if near else 0) for scene, near in wishes]),
        _ids([JOINT_INDEX[near[1]] if near else 0 for _, near in wishes]),
        torch.tensor([1.0 if near else 0.0 for _, near in wishes]),
    )


def _touches(scenes: Sequence[Scene], names: list[list[ContactPoint]], frames: Tensor) -> _Touches | None:
    every = [(index, scene, touch) for index, scene in enumerate(scenes) for touch in scene.contact_goals]
    if not every:
        return None
    spans, owners = [touch.interval for *_, touch in every], [scene for _, scene, _ in every]
    people = [(2 * index + touch.person, 2 * index + 1 - touch.person) for index, _, touch in every]
    return _Touches(
        _ids([person for person, _ in people]),
        _ids([names[person].index(touch.point) for (person, _), (*_, touch) in zip(people, every)]),
        _ids([other for _, other in people]),
        _ids([names[other].index(touch.target) for (_, other), (*_, touch) in zip(people, every)]),
        _weights(spans, owners, frames, sharp=True),
        _weights(spans, owners, frames),
        torch.tensor([touch.tolerance for *_, touch in every]),
        torch.tensor([0.0 if touch.normal_tolerance is None else touch.normal_tolerance**-2 for *_, touch in every]),
        torch.tensor([float(touch.gap) for *_, touch in every]),
    )


def _places(scenes: Sequence[Scene], names: list[list[ContactPoint]], frames: Tensor) -> _Places | None:
    every = [(index, scene, place) for index, scene in enumerate(scenes) for place in scene.position_goals]
    if not every:
        return None
    people = _ids([2 * index + place.person for index, _, place in every])
    weight = _weights([place.interval for *_, place in every], [scene for _, scene, _ in every], frames)
    return _Places(
        people,
        _ids([_number(place.point, names[person]) for person, (*_, place) in zip(people.tolist(), every)]),
        torch.stack([_path(place.target, frames) for *_, place in every]),
        _frames_of([(index, place.frame) for index, _, place in every]),
        weight / torch.tensor([place.sigma for *_, place in every])[:, None].square(),
        torch.tensor([[float(value) for value in place.axis_weights] for *_, place in every]),
    )


def _number(point: PointOrJoint, spots: list[ContactPoint]) -> int:
    return BODY + spots.index(point) if isinstance(point, ContactPoint) else JOINT_INDEX[point]


def _path(at: tuple[float, float, float] | np.ndarray, frames: Tensor) -> Tensor:
    path = torch.as_tensor(np.asarray(at, np.float32))
    return path.expand(len(frames), 3) if path.ndim == 1 else path[frames.clamp_max(len(path) - 1)]


def _directions(scenes: Sequence[Scene], frames: Tensor) -> _Directions | None:
    every = [(index, scene, direction) for index, scene in enumerate(scenes) for direction in scene.direction_goals]
    if not every:
        return None
    weight = _weights([direction.interval for *_, direction in every], [scene for _, scene, _ in every], frames)
    return _Directions(
        _ids([2 * index + direction.person for index, _, direction in every]),
        _ids([JOINT_INDEX[direction.joint] for *_, direction in every]),
        _units([direction.axis for *_, direction in every]),
        _units([direction.target for *_, direction in every]),
        _frames_of([(index, direction.frame) for index, _, direction in every]),
        weight / torch.tensor([direction.sigma for *_, direction in every])[:, None].square(),
    )


def _units(vectors: Sequence[tuple[float, float, float]]) -> Tensor:
    return torch.nn.functional.normalize(torch.tensor([[float(x) for x in vector] for vector in vectors]), dim=-1)


def _gazes(scenes: Sequence[Scene], frames: Tensor) -> _Gazes | None:
    every = [(index, scene, gaze) for index, scene in enumerate(scenes) for gaze in scene.gaze_goals]
    if not every:
        return None
    weight = _weights([gaze.interval for *_, gaze in every], [scene for _, scene, _ in every], frames)
    return _Gazes(
        _ids([2 * index + gaze.person for index, _, gaze in every]),
        _ids([2 * index + 1 - gaze.person for index, _, gaze in every]),
        weight / torch.tensor([gaze.sigma for *_, gaze in every])[:, None].square(),
    )


def _limits(bases: ReferenceMotions) -> tuple[Tensor, Tensor]:
    """[P,T,13,3] bounds of UPPER_BODY without the pelvis, widened where the actor's motion is already beyond them."""
    low, high = (bound[[joint - 1 for joint in UPPER_BODY[1:]]] for bound in joint_limits())
    own = matrix_to_axis_angle(bases.rotations[:, :, UPPER_BODY[1:]])
    return torch.minimum(low, own), torch.maximum(high, own)


def _ease_weights(scene: Scene, looked_at: Tensor) -> Tensor:
    """[2,T,PARAMETERS]: smaller for limbs with a goal, 0 after the scene's end."""
    frames = scene.frames
    freely = torch.zeros(2, frames, BODY)

    def free(person: int, point: PointOrJoint, span: Interval, share: float = 1.0) -> None:
        weight = share * torch.from_numpy(span.weights(frames)).float()
        joint = JOINT_INDEX[point] if isinstance(point, str) else _CARRIERS[point.region]
        while joint >= 0:
            freely[person, :, joint] = torch.maximum(freely[person, :, joint], weight)
            joint = PARENTS[joint]

    for touch in scene.contact_goals:
        free(touch.person, touch.point, touch.interval)
        if _CARRIERS[touch.target.region] >= JOINT_INDEX["left_shoulder"]:
            free(1 - touch.person, touch.target, touch.interval)
    for place in scene.position_goals:
        free(place.person, place.point, place.interval)
    for direction in scene.direction_goals:
        free(direction.person, direction.joint, direction.interval, 0.5)
    for gaze in scene.gaze_goals:
        free(gaze.person, "head", gaze.interval, 0.5)
    weights = torch.ones(2, frames, PARAMETERS)
    for index, joint in enumerate(UPPER_BODY):
        is_arm = joint >= JOINT_INDEX["left_collar"] and joint != JOINT_INDEX["head"]
        idle, busy = (_ARM_IDLE, _REACHES_FREELY) if is_arm else (1.0, _TRUNK_FREELY)
        weights[..., 3 * index : 3 * index + 3] = (idle + (busy - idle) * freely[..., joint])[..., None]
    weights[..., PELVIS_OFFSET] = weights[..., :1]
    for foot, side in enumerate(("left", "right")):
        own = 1 - (1 - _REACHES_FREELY) * freely[..., JOINT_INDEX[f"{side}_ankle"]][..., None]
        for start in (FOOT_OFFSET.start, FOOT_OFFSET.stop):
            weights[..., start + 3 * foot : start + 3 * foot + 3] = own
        weights[..., KNEE_SWIVEL.start + foot : KNEE_SWIVEL.start + foot + 1] = own
    inside = looked_at < frames
    return weights[:, looked_at.clamp_max(frames - 1)] * inside[:, None]


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
