"""Makes a motion hold the animator's pins and locked feet exactly, and eases what that changes into the frames around.

A pinned pose is found by inverse kinematics, with the parents of the pinned joint free to follow and the feet where they are.
What it changes of the upper body is eased in as rotations, so that limbs move in arcs; feet are eased in as places, and legs
follow.
The easing takes a quarter of a second to one and a half, as long as it needs to add no more acceleration than the motion has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..body.model import BodyModel, rest_joints
from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from ..contract.edits import Pin
from ..contract.skeleton import BODY_JOINTS, JOINT_INDEX
from ..motion import BODY_COUNT, MotionEstimate, PairMotion, Timeline, motion_rotations
from .easing import ease_frames, eased
from .foot_locks import FootHold
from .inverse_kinematics import Poses, Targets, solve

Motion = TypeVar("Motion", bound=MotionEstimate)
_FEET = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
_TOES = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
_LEGS = [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("hip", "knee", "ankle")]
_FLEXIBILITY = {
    "pelvis": 0.01, "spine1": 0.06, "spine2": 0.06, "spine3": 0.06, "neck": 0.3, "head": 1.0, "collar": 0.1, "foot": 0.0,
}  # fmt: skip
"""How much a joint takes part in reaching a target, where 1 is that of shoulders, elbows, hips and knees."""
_PELVIS_FLEXIBILITY, _YIELDING_PELVIS = 0.004, 0.3
"""How much the pelvis gives way to a target: first, and where the limbs alone do not reach."""
_FEET_WEIGHT = 0.6
"""Weight of feet that nobody pinned, against 1 of a pin: a hand that is out of reach does not pull a person off both feet."""
_ROTATION_WEIGHT = 0.1
"""Weight of a radian against a metre's."""
_ROUNDS = 4
"""Rounds in which pins of different frames settle between each other."""
_CHUNK = 256
"""Frames that are solved at once."""
_ADDED_ACCELERATION = 0.4
"""Of a joint's largest acceleration in the motion, what easing may add."""
_TINY = 1e-7
"""radians and metres up to which nothing has moved."""
_ROUNDING = 1e-9
"""By which rotations and places, in double precision, may differ without having been moved."""


@dataclass(frozen=True)
class _Person:
    """One person's body over T frames in the world, double precision."""

    rotations: Float[Tensor, "T 22 3 3"]
    pelvis: Float[Tensor, "T 3"]
    rest: Float[Tensor, "22 3"]

    def poses(self, frames: Tensor | slice) -> Poses:
        return Poses(self.rotations[frames], self.pelvis[frames], self.rest)


def hold(
    motion: Motion, timeline: Timeline, body: BodyModel, pins: Sequence[Pin], feet: Sequence[FootHold] = ()
) -> Motion:
    """The motion with its pins and feet held. Pins outside of the timeline are left out; without any, the motion itself."""
    held_feet = [foot for foot in feet if len(foot.frames)]
    people = {pin.person for pin in pins} | {foot.person for foot in held_feet}
    if not people:
        return motion
    inworld = motion.motion_inworld
    rotations = motion_rotations(inworld).double()
    rest = rest_joints(body, torch.from_numpy(inworld.betas).to(body.device))[:, :BODY_COUNT].double().cpu()
    pelvis = torch.from_numpy(inworld.pelvis).double()
    moves = torch.zeros(pelvis.shape[:2], dtype=torch.bool)
    for index in sorted(people):
        before = _Person(rotations[index, :, :BODY_COUNT].clone(), pelvis[index].clone(), rest[index])
        person = _held(
            before,
            timeline,
            [pin for pin in pins if pin.person == index],
            [foot for foot in held_feet if foot.person == index],
        )
        rotations[index, :, :BODY_COUNT], pelvis[index] = person.rotations, person.pelvis
        rotated = (person.rotations - before.rotations).abs().amax((1, 2, 3))
        moves[index] = (rotated > _ROUNDING) | ((person.pelvis - before.pelvis).abs().amax(1) > _ROUNDING)
    angles = matrix_to_axis_angle(rotations[:, :, :BODY_COUNT]).float().numpy()
    moved = replace(inworld, global_orient=angles[:, :, 0], body_pose=angles[:, :, 1:], pelvis=pelvis.float().numpy())
    return replace(
        motion, motion_incam=_where(moves.numpy(), moved.transformed(motion.camera.T_cw), motion.motion_incam)
    )


def _where(moves: Bool[np.ndarray, "P T"], moved: PairMotion, before: PairMotion) -> PairMotion:
    """The moved motion where somebody moves, and every number as it was elsewhere."""
    return replace(
        moved,
        global_orient=np.where(moves[..., None], moved.global_orient, before.global_orient),
        body_pose=np.where(moves[..., None, None], moved.body_pose, before.body_pose),
        pelvis=np.where(moves[..., None], moved.pelvis, before.pelvis),
    )


def _held(person: _Person, timeline: Timeline, pins: Sequence[Pin], feet: Sequence[FootHold]) -> _Person:
    goals = _Goals.of(person, timeline, pins, feet)
    if not bool(goals.pinned.any()):
        return person
    easing = _Easing.of(person, timeline)
    foot_places, foot_rotations = _foot_paths(person, goals, easing)
    upper = _UpperBody.of(person)
    frames = goals.pinned.nonzero()[:, 0]
    current = person
    for _ in range(_ROUNDS):
        solved = _solved_at(current, goals, frames, foot_places, foot_rotations)
        upper = upper.changed(person, current, solved, frames, goals)
        moved = upper.applied(person, easing)
        current = _with_feet(moved, person, foot_places, foot_rotations)
    return current


@dataclass(frozen=True)
class _Goals:
    """What is pinned in T frames."""

    targets: Targets
    local: Float[Tensor, "T 22 3 3"]
    is_local: Bool[Tensor, "T 22"]

    @property
    def pinned(self) -> Bool[Tensor, " T"]:
        weights = self.targets.position_weights + self.targets.rotation_weights
        return (weights > 0).any(1) | self.is_local.any(1)

    @classmethod
    def of(cls, person: _Person, timeline: Timeline, pins: Sequence[Pin], feet: Sequence[FootHold]) -> _Goals:
        positions, rotations = (each.clone() for each in person.poses(slice(None)).joints())
        count = len(person.pelvis)
        position_weights = positions.new_zeros(count, BODY_COUNT)
        rotation_weights = torch.zeros_like(position_weights)
        local, is_local = person.rotations.clone(), torch.zeros(count, BODY_COUNT, dtype=torch.bool)
        at = {int(frame): index for index, frame in enumerate(timeline.frame_index)}
        for foot in feet:
            joint = _FEET[foot.foot]
            positions[foot.frames, joint] = torch.from_numpy(foot.place).double()
            rotations[foot.frames, joint] = torch.from_numpy(foot.rotation).double()
            position_weights[foot.frames, joint], rotation_weights[foot.frames, joint] = 1.0, _ROTATION_WEIGHT
            local[foot.frames, _TOES[foot.foot]] = torch.from_numpy(foot.toes).double()
            is_local[foot.frames, _TOES[foot.foot]] = True
        for pin in pins:
            if pin.frame not in at:
                continue
            frame, joint = at[pin.frame], JOINT_INDEX[pin.joint]
            if pin.position is not None:
                positions[frame, joint] = torch.tensor(pin.position, dtype=torch.float64)
                position_weights[frame, joint] = 1.0
            world = pin.rotation if joint == 0 and pin.world_rotation is None else pin.world_rotation
            if world is not None:
                rotations[frame, joint] = axis_angle_to_matrix(torch.tensor(world, dtype=torch.float64))
                rotation_weights[frame, joint] = _ROTATION_WEIGHT
            elif pin.rotation is not None:
                local[frame, joint] = axis_angle_to_matrix(torch.tensor(pin.rotation, dtype=torch.float64))
                is_local[frame, joint] = True
        return cls(Targets(positions, position_weights, rotations, rotation_weights), local, is_local)


@dataclass(frozen=True)
class _Easing:
    """How fast changes may come and go in a motion."""

    acceleration: Float[np.ndarray, " 22"]
    """metres per frame squared that easing may add to each joint."""
    frame_rate: float

    @classmethod
    def of(cls, person: _Person, timeline: Timeline) -> _Easing:
        positions, _ = person.poses(slice(None)).joints()
        rate = 1 / max(1e-3, timeline.time_step)
        if len(positions) < 3:
            return cls(np.full(BODY_COUNT, 1e-3), rate)
        largest = positions.diff(n=2, dim=0).norm(dim=-1).amax(0).numpy()
        return cls(np.maximum(_ADDED_ACCELERATION * largest, 1e-3), rate)

    def reach(self, moved: Float[np.ndarray, "T 22"]) -> int:
        """Frames to ease over what moves joints by so many metres."""
        change = moved.max(0)
        return max(
            ease_frames(float(each), float(limit), self.frame_rate) for each, limit in zip(change, self.acceleration)
        )


def _foot_paths(
    person: _Person, goals: _Goals, easing: _Easing
) -> tuple[Float[Tensor, "T 2 3"], Float[Tensor, "T 2 3 3"]]:
    """Where the feet are to be in every frame: where the motion has them, but for what is pinned, eased in and out."""
    positions, rotations = (each[:, _FEET] for each in person.poses(slice(None)).joints())
    targets = goals.targets
    held_positions, held_rotations = positions.clone(), rotations.clone()
    for foot, joint in enumerate(_FEET):
        offset = (targets.positions[:, joint] - positions[:, foot]).numpy()
        rotation = matrix_to_axis_angle(targets.rotations[:, joint] @ rotations[:, foot].mT).numpy()
        is_placed = (targets.position_weights[:, joint] > 0).numpy()
        is_rotated = (targets.rotation_weights[:, joint] > 0).numpy()
        moved = np.linalg.norm(offset, axis=-1)[:, None] * is_placed[:, None]
        change = float(moved.max(initial=0.0))
        reach = ease_frames(change, float(easing.acceleration[joint]), easing.frame_rate)
        held_positions[:, foot] += torch.from_numpy(eased(offset, is_placed, reach))
        eased_rotation = axis_angle_to_matrix(torch.from_numpy(eased(rotation, is_rotated, reach)))
        held_rotations[:, foot] = eased_rotation @ held_rotations[:, foot]
    return held_positions, held_rotations


def _solved_at(person: _Person, goals: _Goals, frames: Tensor, foot_places: Tensor, foot_rotations: Tensor) -> _Person:
    """The poses of the pinned frames with everything that is pinned in them where it belongs."""
    rotations, pelvis = person.rotations.clone(), person.pelvis.clone()
    for chunk in frames.split(_CHUNK) if len(frames) else ():
        is_local = goals.is_local[chunk]
        poses = person.poses(chunk)
        start = torch.where(is_local[..., None, None], goals.local[chunk], poses.rotations)
        targets = _keeping_feet(goals.targets.along("K", chunk), foot_places[chunk], foot_rotations[chunk])
        flexibility = _flexibility().repeat(len(chunk), 1) * ~is_local
        solved = solve(replace(poses, rotations=start), targets, flexibility, _PELVIS_FLEXIBILITY)
        solved = solve(solved, targets, flexibility, _YIELDING_PELVIS)  # where limbs alone do not reach
        rotations[chunk], pelvis[chunk] = solved.rotations, solved.pelvis
    return replace(person, rotations=rotations, pelvis=pelvis)


def _keeping_feet(targets: Targets, foot_places: Tensor, foot_rotations: Tensor) -> Targets:
    """Feet without a pin stay where they are, if they can; those of pinned hips follow later."""
    positions, rotations = targets.positions.clone(), targets.rotations.clone()
    position_weights, rotation_weights = targets.position_weights.clone(), targets.rotation_weights.clone()
    positions[:, _FEET], rotations[:, _FEET] = foot_places, foot_rotations
    weight = torch.where(position_weights[:, :1] > 0, 0.0, _FEET_WEIGHT)
    position_weights[:, _FEET] = torch.maximum(position_weights[:, _FEET], weight)
    rotation_weights[:, _FEET] = torch.maximum(rotation_weights[:, _FEET], weight * _ROTATION_WEIGHT)
    return Targets(positions, position_weights, rotations, rotation_weights)


def _flexibility() -> Float[Tensor, " 22"]:
    names = (name.removeprefix("left_").removeprefix("right_") for name in BODY_JOINTS)
    return torch.tensor([_FLEXIBILITY.get(name, 1.0) for name in names], dtype=torch.float64)


@dataclass(frozen=True)
class _UpperBody:
    """What pinned frames change of pelvis and upper body, against the motion."""

    axis_angles: Float[np.ndarray, "T 22 3"]
    """Axis-angles that rotate the motion's joints, in their own axes."""
    offset: Float[np.ndarray, "T 3"]
    """metres, of the pelvis in the world."""
    given: Bool[np.ndarray, "T 23"]
    """Where they are changed: of the 22 joints, and of the pelvis' place."""

    @classmethod
    def of(cls, person: _Person) -> _UpperBody:
        count = len(person.pelvis)
        return cls(np.zeros((count, BODY_COUNT, 3)), np.zeros((count, 3)), np.zeros((count, BODY_COUNT + 1), bool))

    def changed(self, motion: _Person, current: _Person, solved: _Person, frames: Tensor, goals: _Goals) -> _UpperBody:
        """With what the solution of some frames has changed of the current motion, against the motion as it was."""
        at = frames.numpy()
        step = matrix_to_axis_angle(current.rotations[frames].mT @ solved.rotations[frames]).norm(dim=-1)
        given = self.given.copy()
        given[at, :BODY_COUNT] |= ((step > _TINY) | goals.is_local[frames]).numpy()
        given[at, BODY_COUNT] |= ((solved.pelvis - current.pelvis)[frames].norm(dim=-1) > _TINY).numpy()
        given[:, _LEGS] = False
        axis_angles, offset = self.axis_angles.copy(), self.offset.copy()
        axis_angles[at] = matrix_to_axis_angle(motion.rotations[frames].mT @ solved.rotations[frames]).numpy()
        offset[at] = (solved.pelvis - motion.pelvis)[frames].numpy()
        return _UpperBody(axis_angles, offset, given)

    def applied(self, motion: _Person, easing: _Easing) -> _Person:
        """The motion with the changes eased in; legs are as they were."""
        reach = easing.reach(self._moved(motion))
        axis_angles = np.stack([eased(self.axis_angles[:, j], self.given[:, j], reach) for j in range(BODY_COUNT)], 1)
        offset = eased(self.offset, self.given[:, BODY_COUNT], reach)
        rotations = motion.rotations @ axis_angle_to_matrix(torch.from_numpy(axis_angles))
        return replace(motion, rotations=rotations, pelvis=motion.pelvis + torch.from_numpy(offset))

    def _moved(self, motion: _Person) -> Float[np.ndarray, "T 22"]:
        """metres that joints move in the frames that are changed; legs follow their feet."""
        at = np.flatnonzero(self.given.any(1))
        moved = np.zeros((len(self.given), BODY_COUNT))
        if len(at):
            axis_angles = torch.from_numpy(np.where(self.given[at, :BODY_COUNT, None], self.axis_angles[at], 0))
            before = motion.poses(torch.from_numpy(at))
            offset = torch.from_numpy(self.offset[at] * self.given[at, BODY_COUNT:])
            after = replace(
                before, rotations=before.rotations @ axis_angle_to_matrix(axis_angles), pelvis=before.pelvis + offset
            )
            moved[at] = (after.joints()[0] - before.joints()[0]).norm(dim=-1).numpy()
        moved[:, _LEGS] = 0
        return moved


def _with_feet(moved: _Person, motion: _Person, foot_places: Tensor, foot_rotations: Tensor) -> _Person:
    """With legs that bring the feet to their places, in every frame in which these or the hips have moved."""
    before = motion.poses(slice(None)).joints()
    after = moved.poses(slice(None)).joints()
    off = (after[0][:, _FEET] - foot_places).norm(dim=-1).amax(1)
    off = off + matrix_to_axis_angle(foot_rotations @ after[1][:, _FEET].mT).norm(dim=-1).amax(1)
    frames = (off > _TINY).nonzero()[:, 0]
    rotations = moved.rotations.clone()
    for chunk in frames.split(_CHUNK) if len(frames) else ():
        nothing = torch.zeros(len(chunk), BODY_COUNT, dtype=torch.float64)
        free = Targets(before[0][chunk], nothing, before[1][chunk], nothing)
        targets = _keeping_feet(free, foot_places[chunk], foot_rotations[chunk])
        targets = replace(
            targets,
            position_weights=targets.position_weights / _FEET_WEIGHT,
            rotation_weights=targets.rotation_weights / _FEET_WEIGHT,
        )
        flexibility = torch.zeros_like(nothing)
        flexibility[:, _LEGS] = 1.0
        rotations[chunk] = solve(moved.poses(chunk), targets, flexibility).rotations
    return replace(moved, rotations=rotations)
