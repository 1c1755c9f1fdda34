"""What two people are to do, as plain data: where feet stand, which hands meet, which hands go where, and when.

World frame: metres, Z up, floor at z = 0. Frames count from 0; a stretch of frames includes its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Step:
    """A foot stands still until `lift`, and again from `land` on, at `x`, `y` (its ankle), turned out by the actor."""

    side: Side
    lift: int
    land: int
    x: float
    y: float


@dataclass(frozen=True)
class Embrace:
    """A hand laid on the other's back.

    `spot` is its place on the other's back, as (towards their left, up) in metres from their joint `spine3`, `fingers` the
    direction of its fingers there in the same two directions, `elbow` where the elbow goes, from the same joint: (towards
    their left, up, forward).
    """

    side: Side
    start: int
    end: int
    spot: tuple[float, float]
    fingers: tuple[float, float]
    elbow: tuple[float, float, float]
    way: tuple[float, float, float]
    """Where the hand passes the other's side as it comes and goes, likewise."""


@dataclass(frozen=True)
class Actor:
    betas: tuple[float, ...]
    heading: float
    """Where the person faces, radians from +X towards +Y."""
    turnout: float
    """Radians by which each foot points outwards."""
    feet: dict[Side, tuple[float, float]]
    """Where the ankles are at first."""
    steps: tuple[Step, ...]
    embraces: tuple[Embrace, ...]


@dataclass(frozen=True)
class Handshake:
    """The two right palms are on each other from `start` to `end` and go up and down meanwhile."""

    start: int
    end: int
    place: tuple[float, float, float]
    pumps: int
    lift: float
    """metres from the middle to the top of a pump."""


@dataclass(frozen=True)
class Script:
    frames: int
    rate: float
    """frames a second."""
    actors: tuple[Actor, Actor]
    handshake: Handshake
    hug: tuple[int, int]
    """First and last frame in which the trunks are together."""


def smooth_step(frames: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 before `start`, 1 after `end`, and between them the quintic that starts and ends at rest."""
    u = np.clip((frames - start) / max(end - start, 1e-9), 0, 1)
    return u**3 * (u * (6 * u - 15) + 10)


def during(frames: np.ndarray, start: float, end: float, fade_in: float, fade_out: float) -> np.ndarray:
    """1 from `start` to `end`, 0 further away than the fades, smooth between."""
    return smooth_step(frames, start - fade_in, start) * (1 - smooth_step(frames, end, end + fade_out))


def foot_path(actor: Actor, side: Side, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Ankle's place on the floor [T,2] and how high the swing lifts it, 0-1 [T]."""
    t = np.arange(frames)
    place = np.tile(np.array(actor.feet[side], float), (frames, 1))
    lift = np.zeros(frames)
    for step in (step for step in actor.steps if step.side == side):
        u = smooth_step(t, step.lift, step.land)
        place += u[:, None] * (np.array([step.x, step.y]) - place[step.lift])
        lift = np.maximum(lift, np.sin(np.pi * u))
    return place, lift


def planted(actor: Actor, side: Side, frames: int) -> np.ndarray:
    """bool [T]: the foot stands still."""
    still = np.ones(frames, bool)
    for step in (step for step in actor.steps if step.side == side):
        still[step.lift + 1 : step.land] = False
    return still
