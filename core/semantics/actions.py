"""What each of two people does on their own, from their motion: walk, turn, bend, lift an arm, go down, get up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .kinematics import PairKinematics, find_runs

ActionName = Literal[
    "walk", "step", "turn", "bend", "raise_arm", "raise_leg", "crouch", "sit", "lie", "get_up", "carried"
]
Direction = Literal["", "forwards", "backwards", "sideways", "left", "right", "both"]


@dataclass(frozen=True)
class Action:
    """What one person does for a while."""

    person: int
    name: ActionName
    start: float
    end: float
    """seconds of the clip's time."""
    direction: Direction = ""
    """Of a walk: which way the person's own body goes. Of a turn, a lifted arm or leg: the side."""
    amount: float = 0.0
    """metres walked, degrees turned."""
    approach: float = 0.0
    """metres by which a walk brings the person nearer to where the other is; negative: farther away."""


WALKS, STANDS = 0.32, 0.18
"""metres a second of the pelvis over the floor: who is faster begins to walk, who is slower stands."""
_STEP, _WALK = 0.22, 0.75
"""metres that a step and a walk go at least."""
_TURNS, _TURN = math.radians(35), math.radians(60)
"""radians a second that somebody turns at least while turning, and radians in all."""
_BENT = math.radians(38)
_LOW, _FLOOR = 0.72, 0.42
"""Height of the pelvis, as a share of standing, under which somebody crouches, and sits or lies on the floor."""
_UP = 0.85
_LIES = math.radians(60)
"""Lean of the trunk of somebody on the floor, beyond which that is lying."""
OFF_FLOOR = 0.22
"""metres of both feet over the floor beyond which somebody is carried."""
_LEG_UP = 0.30
"""metres of one foot over the floor while the other stands."""
_BRIDGE, _SHORTEST, _HELD = 0.25, 0.25, 0.3
"""seconds: pauses that do not count, the shortest move, the shortest pose."""


def recognize_actions(k: PairKinematics) -> tuple[Action, ...]:
    """All moves of both, in order of time."""
    found: list[Action] = []
    for who in (0, 1):
        carried = find_runs(is_carried(k, who), k.frame_count(_BRIDGE), k.frame_count(0.5))
        found += [Action(who, "carried", *_span(k, run)) for run in carried]
        own = np.ones(len(k.time), bool)
        for run in carried:
            own[run] = False
        found += _walks(k, who, own & (k.relative_height[who] > 0.8))
        found += _turns(k, who, own)
        found += _heights(k, who, own)
        found += _poses(k, who, own & (k.relative_height[who] > _LOW))
    return tuple(sorted(found, key=lambda move: (move.start, move.person, move.name)))


def is_carried(k: PairKinematics, who: int) -> np.ndarray:
    """bool [T]: off the floor with both feet, and not lying on it."""
    return (k.foot_height[who].min(-1) > OFF_FLOOR) & (k.relative_height[who] > 0.8)


def _walks(k: PairKinematics, who: int, own: np.ndarray) -> list[Action]:
    velocity = k.derivative(k.position[who])
    speed = np.linalg.norm(velocity, axis=-1)
    found = []
    for run in find_runs((speed > STANDS) & own, k.frame_count(_BRIDGE), k.frame_count(_SHORTEST)):
        gone = k.position[who, run.stop - 1] - k.position[who, run.start]
        length = float(np.linalg.norm(gone))
        if length < _STEP or speed[run].max() < WALKS:
            continue
        heading = np.stack([np.cos(k.heading[who, run]), np.sin(k.heading[who, run])], -1)
        along = float((velocity[run] * heading).sum(-1).mean() / max(speed[run].mean(), 1e-6))
        way: Direction = "forwards" if along > 0.6 else "backwards" if along < -0.6 else "sideways"
        other = k.position[1 - who, run]
        before = np.linalg.norm(other - k.position[who, run.start], axis=-1)
        after = np.linalg.norm(other - k.position[who, run.stop - 1], axis=-1)
        name: ActionName = "walk" if length >= _WALK else "step"
        found.append(Action(who, name, *_span(k, run), way, length, float((before - after).mean())))
    return found


def _turns(k: PairKinematics, who: int, own: np.ndarray) -> list[Action]:
    rate = k.derivative(k.heading[who])
    found = []
    sides: tuple[tuple[int, Direction], ...] = ((1, "left"), (-1, "right"))
    for sign, way in sides:
        for run in find_runs((sign * rate > _TURNS) & own, k.frame_count(_BRIDGE), k.frame_count(_SHORTEST)):
            angle = sign * float(k.heading[who, run.stop - 1] - k.heading[who, run.start])
            if angle >= _TURN:
                found.append(Action(who, "turn", *_span(k, run), way, math.degrees(angle)))
    return found


def _heights(k: PairKinematics, who: int, own: np.ndarray) -> list[Action]:
    found = []
    height = np.where(own, k.relative_height[who], 1.0)
    for run in find_runs(height < _LOW, k.frame_count(_BRIDGE), k.frame_count(_HELD)):
        lowest = run.start + int(height[run].argmin())
        down = slice(max(lowest - k.frame_count(0.2), 0), lowest + k.frame_count(0.2) + 1)
        on_floor = height[lowest] < _FLOOR
        lies = on_floor and np.median(k.trunk_lean[who, down]) > _LIES
        found.append(Action(who, "lie" if lies else "sit" if on_floor else "crouch", *_span(k, run)))
        up = np.flatnonzero(height[lowest:] > _UP)
        if len(up):
            found.append(Action(who, "get_up", float(k.time[lowest]), float(k.time[lowest + int(up[0])])))
    return found


def _poses(k: PairKinematics, who: int, own: np.ndarray) -> list[Action]:
    shortest, bridge = k.frame_count(_HELD), k.frame_count(_BRIDGE)
    found = [
        Action(who, "bend", *_span(k, run)) for run in find_runs((k.trunk_lean[who] > _BENT) & own, bridge, shortest)
    ]
    up = {side: (k.joint(who, f"{side}_wrist") - k.joint(who, "neck"))[:, 2] > 0 for side in ("left", "right")}
    for run in find_runs((up["left"] | up["right"]) & own, bridge, shortest):
        lifted = [side for side in up if up[side][run].mean() > 0.3]
        way: Direction = "both" if len(lifted) == 2 else "left" if lifted == ["left"] else "right"
        found.append(Action(who, "raise_arm", *_span(k, run), way))
    sides: tuple[Direction, ...] = ("left", "right")
    for index, side in enumerate(sides):
        high = (k.foot_height[who, :, index] > _LEG_UP) & (k.foot_height[who, :, 1 - index] < OFF_FLOOR / 2)
        found += [
            Action(who, "raise_leg", *_span(k, run), side) for run in find_runs(high & own, bridge, k.frame_count(0.15))
        ]
    return found


def _span(k: PairKinematics, run: slice) -> tuple[float, float]:
    return float(k.time[run.start]), float(k.time[run.stop - 1])
