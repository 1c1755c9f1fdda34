"""Samples what scenes are made of: people with bodies, and recorded motions of one split."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.random import Generator

from core.body.model import BodyModel, forward_kinematics, rest_joints
from core.body.rotations import axis_angle_to_matrix
from core.contract.errors import UserError
from core.contract.skeleton import JOINT_INDEX
from core.fitting.limits import relaxed_pose

from ..mocap.blending import fit_to_length, join
from ..mocap.motion_clip import MotionClip, mirror, place_at, reverse, standing_height, time_warp, trim
from ..mocap.motion_features import motion_features
from ..mocap.windows import Action, Window
from .scene import Actor

_SHAPES, _WIDEST = 8, 2.0
"""How many betas vary, and their largest absolute value."""
_PELVIS_HEIGHTS = (0.84, 1.06)
"""metres of an adult's pelvis above the floor, least and most."""
_STOPPING = 16
"""Frames in which a walk comes to a stand."""
_HANGING_DOWN, _HANGING_AHEAD = -0.30, 0.28
"""metres: greatest height of a wrist above its shoulder, and distance in front of it, while an arm hangs down."""
_UPRIGHT, _HANDS_LOW = 0.90, -0.12
"""Of a plain walk: least height of the pelvis relative to standing, greatest height of a wrist above its shoulder (metres)."""
_BACKWARDS = 1.6
"""Ratio of the durations of a walk backwards and the same walk forwards."""
_STRAIGHT = math.radians(25)
_ARMS_HANG = {"shoulder": (math.radians(-4), math.radians(-72)), "elbow": (math.radians(-12), 0.0)}


@dataclass(frozen=True)
class Person:
    """Somebody's body, before they have a motion."""

    body: BodyModel
    betas: np.ndarray
    """float32 [16], zeros for a held-out body."""
    heldout_body: int | None = None
    """Index of a held-out body in `SceneSampler.heldout_bodies`."""

    def rest_joints(self) -> np.ndarray:
        """[55,3] joints in the rest pose, metres."""
        return rest_joints(self.body, torch.from_numpy(self.betas)).numpy()

    def bone_length(self, *joints: str) -> float:
        """metres along the bones from joint to joint."""
        places = self.rest_joints()[[JOINT_INDEX[name] for name in joints]]
        return float(np.linalg.norm(np.diff(places, axis=0), axis=1).sum())

    @property
    def arm_length(self) -> float:
        """metres from the shoulder to the middle of the palm."""
        return self.bone_length("left_shoulder", "left_elbow", "left_wrist") + 0.7 * self.bone_length(
            "left_wrist", "left_middle1"
        )

    @property
    def pelvis_height(self) -> float:
        """metres above the soles, standing straight."""
        return standing_height(self.body, self.betas)

    def joint_height(self, joint: str) -> float:
        """metres of a joint above the soles, standing straight."""
        rest = self.rest_joints()
        return self.pelvis_height + float(rest[JOINT_INDEX[joint], 1] - rest[0, 1])


Finder = Callable[[Action, int], Sequence[Window]]
"""Finds the windows of an action, with a number of frames, in the captures of the split."""


@dataclass(frozen=True)
class SceneSampler:
    """Draws people, recorded motions and where they stand, for the families to make scenes of."""

    body: BodyModel
    find_windows: Finder | None = None
    """None: people stand at ease, without recorded motion."""
    heldout_bodies: tuple[BodyModel, ...] = ()
    """Held-out bodies to sample from, instead of shapes of `body`."""
    _found: dict[tuple[Action, int], Sequence[Window]] = field(default_factory=dict, repr=False)

    def sample_person(self, rng: Generator) -> Person:
        if self.heldout_bodies:
            number = int(rng.integers(len(self.heldout_bodies)))
            return Person(self.heldout_bodies[number], np.zeros(16, np.float32), number)
        while True:
            betas = np.zeros(16, np.float32)
            betas[:_SHAPES] = rng.normal(0, 0.8, _SHAPES).clip(-_WIDEST, _WIDEST)
            person = Person(self.body, betas)
            if _PELVIS_HEIGHTS[0] < person.pelvis_height < _PELVIS_HEIGHTS[1]:
                return person

    def windows(self, kind: Action, frames: int) -> Sequence[Window]:
        """All windows of an action with that many frames, cached. UserError `no-motion` where the split has none."""
        if self.find_windows is None:
            raise UserError("no-motion", "There are no recordings in hand.", "Give a folder of motion capture.")
        if (kind, frames) not in self._found:
            self._found[kind, frames] = self.find_windows(kind, frames)
        if not self._found[kind, frames]:
            raise UserError(
                "no-motion",
                f"No recording of this split holds {frames} frames of {kind}.",
                "Give a folder with more motion capture, or leave families out that need it.",
            )
        return self._found[kind, frames]

    def sample_motion(
        self,
        kind: Action,
        person: Person,
        frames: int,
        rng: Generator,
        suits: Callable[[Window], bool] | None = None,
    ) -> MotionClip:
        """A recorded motion of an action on a person's body, where it was recorded; half of the draws are mirrored.

        `suits` filters the windows; UserError `no-motion` where none is left. `MotionClip.peak` is the frame in which a kick or a
        punch is fully extended, or somebody who gets up is upright.
        """
        found = [window for window in self.windows(kind, frames) if suits is None or suits(window)]
        if not found:
            raise UserError("no-motion", f"No recording of {kind} in this split suits.", "Leave the family out.")
        idle = None
        if kind in ("kicking", "punching", "getting_up"):
            standing = self.windows("standing", frames)
            idle = standing[int(rng.integers(len(standing)))]
        # whole ones first: what is too short has to be prolonged
        found = [window for window in found if window.frames >= frames] or found
        window = found[int(rng.integers(len(found)))]
        motion = fit_to_length(window, person.body, person.betas, frames, idle)
        return mirror(motion) if rng.random() < 0.5 else motion

    def standing_motion(self, person: Person, frames: int, rng: Generator, free_arms: bool = False) -> MotionClip:
        """A person who stands, shifting weight and looking about; with `free_arms` without folded arms."""
        if self.find_windows is None:
            return stand_at_ease(person, frames)
        return self.sample_motion("standing", person, frames, rng, arms_hang_down if free_arms else None)

    def approaching_motion(
        self, person: Person, frames: int, rng: Generator, arrive: int, free_arms: bool = False
    ) -> MotionClip:
        """A person who walks up and stands from frame `arrive` on."""
        if self.find_windows is None:
            return stand_at_ease(person, frames)
        walking = self.sample_motion("walking", person, max(arrive, _STOPPING + 2), rng, walks_straight)
        standing = self.standing_motion(person, frames - walking.frames + _STOPPING, rng, free_arms)
        return trim(join(walking, standing, person.body, person.betas, _STOPPING), 0, frames)

    def with_retreat(self, motion: MotionClip, person: Person, rng: Generator, leave: int) -> MotionClip:
        """The motion until frame `leave`, from which on the person steps back."""
        if self.find_windows is None or leave > motion.frames - _STOPPING:
            return motion
        more = motion.frames - leave
        walking = self.sample_motion("walking", person, max(int(more / _BACKWARDS), _STOPPING + 2), rng, walks_straight)
        back = time_warp(reverse(walking), more)
        return trim(join(trim(motion, 0, leave + _STOPPING), back, person.body, person.betas), 0, motion.frames)

    def face_to_face(
        self,
        people: tuple[Person, Person],
        frames: int,
        rng: Generator,
        apart: float,
        frame: int | None = None,
        aside: float = 0.0,
        coming: tuple[bool, bool] = (False, False),
        free_arms: bool = False,
        leave: int | None = None,
    ) -> tuple[Actor, Actor]:
        """Two people who face each other across the origin along X.

        In `frame` (None: the middle one) their pelvises are `apart` metres from each other, each `aside` metres to the
        person's own left. A person who is `coming` walks up until then. `free_arms` as in `standing_motion`. From frame
        `leave` on both step back.
        """
        at = frames // 2 if frame is None else frame
        actors = []
        for person, side, comes in zip(people, (-1, 1), coming):
            heading = (0.0 if side < 0 else math.pi) + float(rng.normal(0, 0.06))
            stand = (person, frames, rng)
            motion = (
                self.approaching_motion(*stand, at, free_arms) if comes else self.standing_motion(*stand, free_arms)
            )
            if leave is not None:
                motion = self.with_retreat(motion, person, rng, leave + int(rng.integers(0, 8)))
            position = (side * apart / 2, -side * aside)
            actors.append(Actor(person.body, person.betas, place_at(motion, heading, position, at)))
        return actors[0], actors[1]


def arms_hang_down(window: Window) -> bool:
    """Whether both hands hang beside the body in every frame."""
    seen = motion_features(window.capture)
    part = slice(window.start, window.end)
    return bool((seen.hand_height[part] < _HANGING_DOWN).all() and (seen.hand_forward[part] < _HANGING_AHEAD).all())


def walks_straight(window: Window) -> bool:
    """Whether somebody walks straight on, upright and with the hands below the shoulders."""
    seen = motion_features(window.capture)
    part = slice(window.start, window.end)
    upright = seen.height[part].min() > _UPRIGHT and seen.hand_height[part].max() < _HANDS_LOW
    return bool(upright and abs(window.heading_change) < _STRAIGHT)


def stand_at_ease(person: Person, frames: int) -> MotionClip:
    """A person who stands still at the origin, arms down, facing +X."""
    facing = axis_angle_to_matrix(torch.tensor([0.0, 0.0, math.pi / 2]))
    upright = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))
    angles = relaxed_pose()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for part, (y, z) in _ARMS_HANG.items():
            angles[JOINT_INDEX[f"{side}_{part}"] - 1] = torch.tensor([0.0, sign * y, sign * z])
    rotations = torch.cat([(facing @ upright)[None], axis_angle_to_matrix(angles)])
    pelvis = np.tile(np.array([0.0, 0.0, 0.985 * person.pelvis_height], np.float32), (frames, 1))
    return MotionClip(
        rotations.expand(frames, 22, 3, 3).numpy().copy(), pelvis, np.ones((frames, 2), bool), "at-ease", "nobody"
    )


def actor_joints(actor: Actor) -> np.ndarray:
    """[T,22,3] joints of the actor's motion before the goals are added, metres."""
    rest = rest_joints(actor.body, torch.from_numpy(actor.betas))[:22]
    places, _ = forward_kinematics(
        torch.from_numpy(actor.motion.rotations), rest, torch.from_numpy(actor.motion.pelvis)
    )
    return places.numpy()


def least_joint_distance(first: Actor, second: Actor, joints: Sequence[int] = range(22)) -> float:
    """The smallest distance in metres between any of these joints of the two, over the clip, before the goals are added."""
    one, other = (actor_joints(actor)[:, list(joints)] for actor in (first, second))
    return float(np.linalg.norm(one[:, :, None] - other[:, None], axis=-1).min())
