"""A scene: the goals of two people as plain data, and the motions that the goals are added to.

World: metres, Z up, floor at z = 0. Frames count from 0. Directions and places on a body are in its rest axes: X to the
person's left, Y up, Z forward, so that (0, 1, 0) in the frame of `spine3` is along the trunk towards the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.body.model import BodyModel

from ..mocap.capture import FRAME_RATE
from ..mocap.motion_clip import MotionClip
from .timing import Side, fade_weights

Vector = tuple[float, float, float]
HandShape = Literal["relaxed", "flat", "spread", "clasped", "hooked", "fist"]


@dataclass(frozen=True)
class ContactPoint:
    """A point of the skin.

    `coordinates` are a place in the bounding box of the region, each from -1 to 1, in the rest pose with the arms to the sides
    and the palms down: away from the body's middle line (for regions on the middle line: towards the person's left), up, forward.
    The point is the skin of the region nearest to that place: (0, 0, -1) on `back` is the middle of the back, (0, -1, 0) on
    `right_palm` the middle of the palm.
    """

    region: str
    coordinates: Vector = (0.0, 0.0, 0.0)


PALM_GAP = 0.006
"""metres between the middles of two palms that lie on each other: palms are hollow."""

PointOrJoint = ContactPoint | str
"""A point of the skin, or the name of a joint."""


@dataclass(frozen=True)
class Interval:
    """The frames from `start` to `end`, with a fade of `fade_in` frames before and of `fade_out` frames after."""

    start: float
    end: float
    fade_in: float = 14
    fade_out: float = 14

    def weights(self, frames: int) -> np.ndarray:
        """[T] 1 in the interval, 0 outside its fades, smooth in between."""
        return fade_weights(np.arange(frames), self.start, self.end, self.fade_in, self.fade_out)

    def contains(self, frames: int) -> np.ndarray:
        """bool [T]: whether a frame is in the interval, without its fades."""
        t = np.arange(frames)
        return (t >= self.start) & (t <= self.end)


@dataclass(frozen=True)
class ContactGoal:
    """The person's skin at `point` touches the other person's skin at `target`."""

    person: int
    point: ContactPoint
    target: ContactPoint
    interval: Interval
    tolerance: float = 0.008
    """metres, standard deviation of the place along the skin."""
    normal_tolerance: float | None = 0.25
    """radians, standard deviation of the angle between one normal and the opposite of the other; None: any angle."""
    gap: float = 0.0
    """metres between the two surfaces."""
    required: bool = True
    """Whether a clip in which the contact stays open is rejected."""


@dataclass(frozen=True)
class PositionGoal:
    """A point of a person goes to a place in the world or, with `frame` (person, joint), in the frame of a joint."""

    person: int
    point: PointOrJoint
    target: Vector | np.ndarray
    """metres, [3] or a path [T,3]"""
    interval: Interval
    frame: tuple[int, str] | None = None
    sigma: float = 0.04
    """metres, standard deviation."""
    axis_weights: Vector = (1.0, 1.0, 1.0)
    """Weights of the three directions, 0-1."""


@dataclass(frozen=True)
class DirectionGoal:
    """An axis of a joint (in its rest axes) points along `target` in the world or, with `frame`, in that of a joint."""

    person: int
    joint: str
    axis: Vector
    target: Vector
    interval: Interval
    frame: tuple[int, str] | None = None
    sigma: float = 0.3
    """radians, standard deviation."""


@dataclass(frozen=True)
class GazeGoal:
    """A person's face turns to the other's head."""

    person: int
    interval: Interval
    sigma: float = 0.35
    """radians, standard deviation."""


@dataclass(frozen=True)
class HandShapeGoal:
    """The fingers of a hand take a shape; hands without a goal are relaxed."""

    person: int
    side: Side
    shape: HandShape
    interval: Interval
    closes_on_contact: bool = False
    """Whether the fingers bend until they lie on the other person's skin."""


@dataclass(frozen=True)
class Actor:
    """A person of a scene, with the recorded motion that they bring along."""

    body: BodyModel
    """The common body, or an individual one with the same mesh (`bodies.bodies_from_templates`)."""
    betas: np.ndarray
    """float32 [16], zeros for a held-out body."""
    motion: MotionClip
    """The motion that the goals are added to, in the world."""


@dataclass(frozen=True)
class Scene:
    """What is to be solved: two actors, and where and when they are to touch."""

    family: str
    actors: tuple[Actor, Actor]
    """Their motions have the same number of frames."""
    contact_goals: tuple[ContactGoal, ...]
    position_goals: tuple[PositionGoal, ...] = ()
    direction_goals: tuple[DirectionGoal, ...] = ()
    gaze_goals: tuple[GazeGoal, ...] = ()
    hand_goals: tuple[HandShapeGoal, ...] = ()
    sentences: tuple[str, ...] = ()
    translation_sigma: float = 0.06
    """metres, standard deviation of the translation of each person as a whole over the floor."""
    rotation_sigma: float = 0.1
    """radians, standard deviation of the rotation of each person as a whole about the vertical."""
    rate: float = FRAME_RATE

    @property
    def frames(self) -> int:
        return self.actors[0].motion.frames

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for actor in self.actors for part in actor.motion.source.split(" + ")))

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part for actor in self.actors for part in actor.motion.subject.split(" + ")))
