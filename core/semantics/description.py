"""Facts about a motion of two people, with times: their formation, what each does, and what they do with each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..motion import PairMotion
from .actions import Action, is_carried, recognize_actions
from .interactions import Interaction, recognize_interactions
from .kinematics import PairKinematics, compute_kinematics, contact_matrix, wrap_angle
from .settings import DescriptionSettings, FormationSettings

FormationName = Literal["", "face_to_face", "side_by_side", "behind", "back_to_back", "faces"]


@dataclass(frozen=True)
class Formation:
    """The spatial arrangement of two people, as in proxemics."""

    name: FormationName
    """Empty for any other arrangement, or where somebody is low or carried."""
    subject: int | None
    """The person who stands behind the other, or who faces the other without being faced."""
    distance: float
    """Between the pelvises on the floor plane, metres."""


@dataclass(frozen=True)
class SharedAction:
    """Both people walk, or both turn, from `start` to `end` (seconds)."""

    name: Literal["walk", "turn"]
    start: float
    end: float
    formation: Formation
    """Over the whole time."""
    same_direction: bool


@dataclass(frozen=True)
class Description:
    """Facts about a clip; times are seconds of the clip's time."""

    seconds: float
    initial_formation: Formation
    interactions: tuple[Interaction, ...]
    actions: tuple[Action, ...]
    shared_actions: tuple[SharedAction, ...]


def describe(
    motion: PairMotion,
    body: BodyModel,
    contacts: Iterable[Contact],
    frame_index: Int[np.ndarray, "T"],
    time: Float[np.ndarray, "T"],
    settings: DescriptionSettings | None = None,
) -> Description:
    """The facts of a motion and its contacts, which are annotated or were found by `detect_contacts`.

    `frame_index` are the frames in which contacts count, `time` is in seconds.
    """
    settings = settings or DescriptionSettings()
    k = compute_kinematics(motion, body, time)
    actions = recognize_actions(k, settings.actions)
    window = k.frame_count(settings.formations.window)
    return Description(
        seconds=float(k.time[-1] - k.time[0]) + k.time_step,
        initial_formation=classify_formation(k, slice(0, window), settings),
        interactions=recognize_interactions(k, contact_matrix(contacts, np.asarray(frame_index)), settings),
        actions=actions,
        shared_actions=_find_shared_actions(k, actions, settings),
    )


def classify_formation(k: PairKinematics, frames: slice, settings: DescriptionSettings) -> Formation:
    """The formation in some frames, from medians over them."""
    limits: FormationSettings = settings.formations
    distance = float(np.median(k.distance[frames]))
    bearing = [k.bearing(person)[frames] for person in (0, 1)]
    # of absolute angles: around ±pi those to the left and to the right would cancel out
    off_heading = [float(np.median(np.abs(angles))) for angles in bearing]
    heading_difference = float(np.median(np.abs(wrap_angle(k.heading[0, frames] - k.heading[1, frames]))))
    for person in (0, 1):
        low = float(np.median(k.relative_height[person, frames])) < 0.5
        if low or is_carried(k, person, settings.actions)[frames].any():
            return Formation("", None, distance)
    if max(off_heading) < limits.facing_angle:
        return Formation("face_to_face", None, distance)
    if min(off_heading) > limits.averted_angle:
        return Formation("back_to_back", None, distance)
    for person in (0, 1):
        if off_heading[person] < limits.facing_angle and off_heading[1 - person] > limits.averted_angle:
            return Formation("behind", person, distance)
    on_opposite_sides = float(np.median(bearing[0])) * float(np.median(bearing[1])) < 0
    same_heading = heading_difference < limits.same_heading_angle
    if same_heading and on_opposite_sides and distance < limits.side_by_side_distance:
        return Formation("side_by_side", None, distance)
    for person in (0, 1):
        if off_heading[person] < limits.facing_angle / 2:
            return Formation("faces", person, distance)
    return Formation("", None, distance)


def _find_shared_actions(
    k: PairKinematics, actions: tuple[Action, ...], settings: DescriptionSettings
) -> tuple[SharedAction, ...]:
    limits = settings.formations
    found: list[SharedAction] = []
    for name in ("walk", "turn"):
        first, second = (
            [action for action in actions if action.name == name and action.person == person] for person in (0, 1)
        )
        for one in first:
            for other in second:
                start, end = max(one.start, other.start), min(one.end, other.end)
                if end - start < limits.min_shared_duration:
                    continue
                inside = np.flatnonzero((k.time >= start) & (k.time <= end))
                frames = slice(int(inside[0]), int(inside[-1]) + 1)
                if name == "walk":
                    path = k.position[:, frames.stop - 1] - k.position[:, frames.start]
                    cosine = float(path[0] @ path[1] / np.maximum(np.linalg.norm(path, axis=-1).prod(), 1e-6))
                    same_direction = cosine > math.cos(limits.same_heading_angle)
                else:
                    same_direction = one.direction == other.direction
                formation = classify_formation(k, frames, settings)
                found.append(SharedAction(name, start, end, formation, same_direction))
    return tuple(found)
