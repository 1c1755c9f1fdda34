"""What a motion of two people shows, as facts with times: how they stand, what each does, what they do with each other."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..motion import PairMotion
from .actions import Action, is_carried, recognize_actions
from .interactions import Interaction, recognize_interactions
from .kinematics import PairKinematics, compute_kinematics, contact_matrix, wrap_angle

FormationName = Literal["", "face_to_face", "side_by_side", "behind", "back_to_back", "faces"]

_LOOK = 0.4
"""seconds at each end of a clip over which it is judged how two people stand."""
_FACES, _TURNED, _ALIKE = math.radians(50), math.radians(125), math.radians(60)
_TOGETHER = 0.6
"""seconds that both walk, or turn, at once."""


@dataclass(frozen=True)
class Formation:
    """How two people stand to each other."""

    name: FormationName
    subject: int | None
    """Who stands behind the other, or faces the other, who does not."""
    distance: float
    """metres between the pelvises over the floor."""


@dataclass(frozen=True)
class SharedAction:
    """Both do the same at the same time."""

    name: Literal["walk", "turn"]
    start: float
    end: float
    formation: Formation
    """Meanwhile, in the middle."""
    same_direction: bool
    """They walk in the same direction, or turn to the same hand."""


@dataclass(frozen=True)
class Description:
    seconds: float
    initial_formation: Formation
    final_formation: Formation
    interactions: tuple[Interaction, ...]
    actions: tuple[Action, ...]
    shared_actions: tuple[SharedAction, ...]

    def actions_of(self, who: int, *names: str) -> tuple[Action, ...]:
        """Moves of one person, by name."""
        return tuple(move for move in self.actions if move.person == who and move.name in names)


def describe(
    motion: PairMotion, body: BodyModel, contacts: Iterable[Contact], frame_index: np.ndarray, time: np.ndarray
) -> Description:
    """The facts of a motion [2,T] whose contacts are known, or were found by `contacts.detect`.

    `frame_index` [T] are the frames that contacts count in, `time` [T] seconds.
    """
    k = compute_kinematics(motion, body, time)
    own = recognize_actions(k)
    return Description(
        seconds=float(k.time[-1] - k.time[0]) + k.time_step,
        initial_formation=classify_formation(k, slice(0, k.frame_count(_LOOK))),
        final_formation=classify_formation(k, slice(-k.frame_count(_LOOK), None)),
        interactions=recognize_interactions(k, contact_matrix(contacts, np.asarray(frame_index))),
        actions=own,
        shared_actions=_together(k, own),
    )


def classify_formation(k: PairKinematics, when: slice) -> Formation:
    """How the two stand to each other, on average over some frames."""
    apart = float(np.median(k.distance[when]))
    bearing = [float(np.median(k.bearing(who)[when])) for who in (0, 1)]
    size = [abs(angle) for angle in bearing]
    alike = abs(float(np.median(wrap_angle(k.heading[0, when] - k.heading[1, when])))) < _ALIKE
    if any(float(np.median(k.relative_height[who, when])) < 0.5 or is_carried(k, who)[when].any() for who in (0, 1)):
        return Formation("", None, apart)
    if max(size) < _FACES:
        return Formation("face_to_face", None, apart)
    if min(size) > _TURNED:
        return Formation("back_to_back", None, apart)
    for who in (0, 1):
        if size[who] < _FACES and size[1 - who] > _TURNED:
            return Formation("behind", who, apart)
    if alike and bearing[0] * bearing[1] < 0 and apart < 1.6:
        return Formation("side_by_side", None, apart)
    for who in (0, 1):
        if size[who] < _FACES / 2:
            return Formation("faces", who, apart)
    return Formation("", None, apart)


def _together(k: PairKinematics, own: tuple[Action, ...]) -> tuple[SharedAction, ...]:
    found = []
    for name in ("walk", "turn"):
        first, second = ([move for move in own if move.name == name and move.person == who] for who in (0, 1))
        for one in first:
            for other in second:
                start, end = max(one.start, other.start), min(one.end, other.end)
                if end - start < _TOGETHER:
                    continue
                frames = np.flatnonzero((k.time >= start) & (k.time <= end))
                when = slice(int(frames[0]), int(frames[-1]) + 1)
                if name == "walk":
                    gone = k.position[:, when.stop - 1] - k.position[:, when.start]
                    cosine = float(gone[0] @ gone[1] / np.maximum(np.linalg.norm(gone, axis=-1).prod(), 1e-6))
                    same = cosine > math.cos(_ALIKE)
                else:
                    same = one.direction == other.direction
                found.append(SharedAction(name, start, end, classify_formation(k, when), same))
    return tuple(found)
