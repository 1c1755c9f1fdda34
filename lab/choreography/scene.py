"""What two people are to do, as plain data: whose motion lies underneath, which skin meets which, when, and where all faces.

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
    """A place on the skin.

    `at` says where in its region's box, each number from -1 to 1: (away from the body's middle line - towards the person's left
    in regions of the middle -, up, forward), all in the rest pose with arms to the sides and palms down. The skin of the
    region next to that place is meant: (0, 0, -1) on `back` is the middle of the back, (0, -1, 0) on `right_palm` the palm's.
    """

    region: str
    coordinates: Vector = (0.0, 0.0, 0.0)


PALM_GAP = 0.006
"""metres between the middles of two palms whose balls and heels touch."""

PointOrJoint = ContactPoint | str
"""A spot on the skin, or a joint by its name."""


@dataclass(frozen=True)
class Interval:
    """All frames from `first` to `last`, come to in the `reach` frames before and left in the `leave` frames after."""

    start: float
    end: float
    fade_in: float = 14
    fade_out: float = 14

    def weights(self, frames: int) -> np.ndarray:
        """[T] 1 in the span, 0 before it is reached and after it is left, smooth between."""
        return fade_weights(np.arange(frames), self.start, self.end, self.fade_in, self.fade_out)

    def contains(self, frames: int) -> np.ndarray:
        """bool [T]"""
        t = np.arange(frames)
        return (t >= self.start) & (t <= self.end)


@dataclass(frozen=True)
class ContactGoal:
    """Somebody's skin lies on the other's: the person's `spot` on the other person's `on`."""

    person: int
    point: ContactPoint
    target: ContactPoint
    interval: Interval
    tolerance: float = 0.008
    """metres by which the place along the skin may well differ."""
    normal_tolerance: float | None = 0.25
    """radians by which the two surfaces' normals may well fail to oppose each other; None where it does not matter."""
    gap: float = 0.0
    """metres between the two surfaces: what lies between them."""
    required: bool = True
    """Whether a clip in which it stays open is thrown away."""


@dataclass(frozen=True)
class PositionGoal:
    """A point of a person goes to a place in the world, or in the frame of a joint of somebody (`near`: who, which)."""

    person: int
    point: PointOrJoint
    target: Vector | np.ndarray
    """metres, [3] or a path [T,3]"""
    interval: Interval
    frame: tuple[int, str] | None = None
    sigma: float = 0.04
    """metres by which it may well be elsewhere."""
    axis_weights: Vector = (1.0, 1.0, 1.0)
    """How much each of the three directions matters, 0-1."""


@dataclass(frozen=True)
class DirectionGoal:
    """An axis of a joint (its rest axes) points somewhere in the world or, `near`, in the frame of a joint of somebody."""

    person: int
    joint: str
    axis: Vector
    target: Vector
    interval: Interval
    frame: tuple[int, str] | None = None
    sigma: float = 0.3
    """radians by which it may well differ."""


@dataclass(frozen=True)
class GazeGoal:
    """A person's face turns to the other's head."""

    person: int
    interval: Interval
    sigma: float = 0.35
    """radians"""


@dataclass(frozen=True)
class HandShapeGoal:
    """Fingers take a shape; hands are relaxed otherwise."""

    person: int
    side: Side
    shape: HandShape
    interval: Interval
    closes_on_contact: bool = False
    """Whether the fingers bend as far as the other's skin lets them, so that they lie on it."""


@dataclass(frozen=True)
class Actor:
    body: BodyModel
    """The person's own: the common one, or one of the same mesh with its own `template` and `joint_template`."""
    betas: np.ndarray
    """float32 [16], zeros for a body of their own."""
    motion: MotionClip
    """What the person does underneath, already where it belongs in the world."""


@dataclass(frozen=True)
class Scene:
    family: str
    actors: tuple[Actor, Actor]
    """With bases of the same number of frames."""
    contact_goals: tuple[ContactGoal, ...]
    position_goals: tuple[PositionGoal, ...] = ()
    direction_goals: tuple[DirectionGoal, ...] = ()
    gaze_goals: tuple[GazeGoal, ...] = ()
    hand_goals: tuple[HandShapeGoal, ...] = ()
    sentences: tuple[str, ...] = ()
    translation_sigma: float = 0.06
    """metres by which each person may well be moved over the floor as a whole, so that all is in reach."""
    rotation_sigma: float = 0.1
    """radians by which each person may well be turned about the vertical as a whole."""
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
