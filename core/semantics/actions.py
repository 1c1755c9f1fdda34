"""Actions of each person on their own, recognised from the motion: walk, turn, bend, raise an arm or leg, crouch, get up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool

from ..contract.runs import find_runs
from .kinematics import PairKinematics
from .settings import ActionSettings

ActionName = Literal[
    "walk", "step", "turn", "bend", "raise_arm", "raise_leg", "crouch", "sit", "lie", "get_up", "carried"
]
Direction = Literal["", "forwards", "backwards", "sideways", "left", "right", "both"]


@dataclass(frozen=True)
class Action:
    """What one person does from `start` to `end` (seconds of the clip's time)."""

    person: int
    name: ActionName
    start: float
    end: float
    direction: Direction = ""
    """Of a walk, relative to the person's own body; of a turn, a raised arm or leg, the side."""
    amount: float = 0.0
    """Metres walked, degrees turned."""
    approach: float = 0.0
    """Metres by which a walk brings the person closer to the other; negative for a walk away."""


def recognize_actions(k: PairKinematics, settings: ActionSettings | None = None) -> tuple[Action, ...]:
    """All actions of both people, sorted by time."""
    settings = settings or ActionSettings()
    found: list[Action] = []
    for person in (0, 1):
        carried = find_runs(is_carried(k, person, settings), k.frame_count(settings.max_gap), k.frame_count(0.5))
        found += [Action(person, "carried", *_start_and_end(k, run)) for run in carried]
        self_moving = np.ones(len(k.time), bool)
        for run in carried:
            self_moving[run] = False
        found += _walks(k, person, self_moving & (k.relative_height[person] > 0.8), settings)
        found += _turns(k, person, self_moving, settings)
        found += _height_changes(k, person, self_moving, settings)
        found += _poses(k, person, self_moving & (k.relative_height[person] > settings.crouch_height), settings)
    return tuple(sorted(found, key=lambda action: (action.start, action.person, action.name)))


def is_carried(k: PairKinematics, person: int, settings: ActionSettings | None = None) -> Bool[np.ndarray, "T"]:
    """Whether both feet are off the floor while the person is not low themselves."""
    settings = settings or ActionSettings()
    return (k.foot_height[person].min(-1) > settings.carried_foot_height) & (k.relative_height[person] > 0.8)


def _walks(k: PairKinematics, person: int, allowed: Bool[np.ndarray, "T"], settings: ActionSettings) -> list[Action]:
    velocity = k.derivative(k.position[person])
    speed = np.linalg.norm(velocity, axis=-1)
    found: list[Action] = []
    moving = (speed > settings.walk_release_speed) & allowed
    for run in find_runs(moving, k.frame_count(settings.max_gap), k.frame_count(settings.min_movement_duration)):
        start, end = k.position[person, run.start], k.position[person, run.stop - 1]
        length = float(np.linalg.norm(end - start))
        if length < settings.min_step_length or speed[run].max() < settings.walk_onset_speed:
            continue
        heading = np.stack([np.cos(k.heading[person, run]), np.sin(k.heading[person, run])], -1)
        forwards = float((velocity[run] * heading).sum(-1).mean() / max(speed[run].mean(), 1e-6))
        direction: Direction = "forwards" if forwards > 0.6 else "backwards" if forwards < -0.6 else "sideways"
        other = k.position[1 - person, run]
        before = np.linalg.norm(other - start, axis=-1)
        after = np.linalg.norm(other - end, axis=-1)
        name: ActionName = "walk" if length >= settings.min_walk_length else "step"
        approach = float((before - after).mean())
        found.append(Action(person, name, *_start_and_end(k, run), direction, length, approach))
    return found


def _turns(k: PairKinematics, person: int, allowed: Bool[np.ndarray, "T"], settings: ActionSettings) -> list[Action]:
    angular_speed = k.derivative(k.heading[person])
    found: list[Action] = []
    sides: tuple[tuple[int, Direction], ...] = ((1, "left"), (-1, "right"))
    for sign, direction in sides:
        turning = (sign * angular_speed > settings.min_turn_speed) & allowed
        for run in find_runs(turning, k.frame_count(settings.max_gap), k.frame_count(settings.min_movement_duration)):
            angle = sign * float(k.heading[person, run.stop - 1] - k.heading[person, run.start])
            if angle >= settings.min_turn_angle:
                found.append(Action(person, "turn", *_start_and_end(k, run), direction, math.degrees(angle)))
    return found


def _height_changes(
    k: PairKinematics, person: int, allowed: Bool[np.ndarray, "T"], settings: ActionSettings
) -> list[Action]:
    """Crouching, sitting and lying, and getting up from each."""
    found: list[Action] = []
    height = np.where(allowed, k.relative_height[person], 1.0)
    low = height < settings.crouch_height
    for run in find_runs(low, k.frame_count(settings.max_gap), k.frame_count(settings.min_pose_duration)):
        lowest = run.start + int(height[run].argmin())
        around = slice(max(lowest - k.frame_count(0.2), 0), lowest + k.frame_count(0.2) + 1)
        on_floor = height[lowest] < settings.floor_height
        lies = on_floor and np.median(k.trunk_lean[person, around]) > settings.min_lying_angle
        found.append(Action(person, "lie" if lies else "sit" if on_floor else "crouch", *_start_and_end(k, run)))
        upright = np.flatnonzero(height[lowest:] > settings.upright_height)
        if len(upright):
            start, end = float(k.time[lowest]), float(k.time[lowest + int(upright[0])])
            found.append(Action(person, "get_up", start, end))
    return found


def _poses(k: PairKinematics, person: int, allowed: Bool[np.ndarray, "T"], settings: ActionSettings) -> list[Action]:
    """Bending, raising arms and raising a leg."""
    min_length, max_gap = k.frame_count(settings.min_pose_duration), k.frame_count(settings.max_gap)
    bent = (k.trunk_lean[person] > settings.min_bend_angle) & allowed
    found = [Action(person, "bend", *_start_and_end(k, run)) for run in find_runs(bent, max_gap, min_length)]
    raised = {
        side: (k.joint(person, f"{side}_wrist") - k.joint(person, "neck"))[:, 2] > 0 for side in ("left", "right")
    }
    for run in find_runs((raised["left"] | raised["right"]) & allowed, max_gap, min_length):
        sides_raised = [side for side in raised if raised[side][run].mean() > 0.3]
        direction: Direction = "both" if len(sides_raised) == 2 else "left" if sides_raised == ["left"] else "right"
        found.append(Action(person, "raise_arm", *_start_and_end(k, run), direction))
    sides: tuple[Direction, ...] = ("left", "right")
    for index, side in enumerate(sides):
        high = k.foot_height[person, :, index] > settings.raised_foot_height
        stands = k.foot_height[person, :, 1 - index] < settings.carried_foot_height / 2
        runs = find_runs(high & stands & allowed, max_gap, k.frame_count(0.15))
        found += [Action(person, "raise_leg", *_start_and_end(k, run), side) for run in runs]
    return found


def _start_and_end(k: PairKinematics, run: slice) -> tuple[float, float]:
    return float(k.time[run.start]), float(k.time[run.stop - 1])
