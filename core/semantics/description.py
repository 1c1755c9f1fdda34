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
from .deeds import Deed, deeds
from .kinematics import Kinematics, kinematics, touch_table, wrapped
from .moves import Move, is_carried, moves

StandingName = Literal["", "face_to_face", "side_by_side", "behind", "back_to_back", "faces"]

_LOOK = 0.4
"""seconds at each end of a clip over which it is judged how two people stand."""
_FACES, _TURNED, _ALIKE = math.radians(50), math.radians(125), math.radians(60)
_TOGETHER = 0.6
"""seconds that both walk, or turn, at once."""


@dataclass(frozen=True)
class Standing:
    """How two people stand to each other."""

    name: StandingName
    who: int | None
    """Who stands behind the other, or faces the other, who does not."""
    apart: float
    """metres between the pelvises over the floor."""


@dataclass(frozen=True)
class Rhythm:
    """Both do the same at the same time."""

    name: Literal["walk", "turn"]
    start: float
    end: float
    standing: Standing
    """Meanwhile, in the middle."""
    same_way: bool
    """They walk in the same direction, or turn to the same hand."""


@dataclass(frozen=True)
class Description:
    seconds: float
    begins: Standing
    ends: Standing
    deeds: tuple[Deed, ...]
    moves: tuple[Move, ...]
    together: tuple[Rhythm, ...]

    def of(self, who: int, *names: str) -> tuple[Move, ...]:
        """Moves of one person, by name."""
        return tuple(move for move in self.moves if move.who == who and move.name in names)


def describe(
    motion: PairMotion, body: BodyModel, contacts: Iterable[Contact], frame_index: np.ndarray, time: np.ndarray
) -> Description:
    """The facts of a motion [2,T] whose contacts are known, or were found by `contacts.detect`.

    `frame_index` [T] are the frames that contacts count in, `time` [T] seconds.
    """
    k = kinematics(motion, body, time)
    own = moves(k)
    return Description(
        seconds=float(k.time[-1] - k.time[0]) + k.step,
        begins=standing(k, slice(0, k.count(_LOOK))),
        ends=standing(k, slice(-k.count(_LOOK), None)),
        deeds=deeds(k, touch_table(contacts, np.asarray(frame_index))),
        moves=own,
        together=_together(k, own),
    )


def standing(k: Kinematics, when: slice) -> Standing:
    """How the two stand to each other, on average over some frames."""
    apart = float(np.median(k.apart[when]))
    bearing = [float(np.median(k.bearing(who)[when])) for who in (0, 1)]
    size = [abs(angle) for angle in bearing]
    alike = abs(float(np.median(wrapped(k.heading[0, when] - k.heading[1, when])))) < _ALIKE
    if any(float(np.median(k.height[who, when])) < 0.5 or is_carried(k, who)[when].any() for who in (0, 1)):
        return Standing("", None, apart)
    if max(size) < _FACES:
        return Standing("face_to_face", None, apart)
    if min(size) > _TURNED:
        return Standing("back_to_back", None, apart)
    for who in (0, 1):
        if size[who] < _FACES and size[1 - who] > _TURNED:
            return Standing("behind", who, apart)
    if alike and bearing[0] * bearing[1] < 0 and apart < 1.6:
        return Standing("side_by_side", None, apart)
    for who in (0, 1):
        if size[who] < _FACES / 2:
            return Standing("faces", who, apart)
    return Standing("", None, apart)


def _together(k: Kinematics, own: tuple[Move, ...]) -> tuple[Rhythm, ...]:
    found = []
    for name in ("walk", "turn"):
        first, second = ([move for move in own if move.name == name and move.who == who] for who in (0, 1))
        for one in first:
            for other in second:
                start, end = max(one.start, other.start), min(one.end, other.end)
                if end - start < _TOGETHER:
                    continue
                frames = np.flatnonzero((k.time >= start) & (k.time <= end))
                when = slice(int(frames[0]), int(frames[-1]) + 1)
                if name == "walk":
                    gone = k.place[:, when.stop - 1] - k.place[:, when.start]
                    cosine = float(gone[0] @ gone[1] / np.maximum(np.linalg.norm(gone, axis=-1).prod(), 1e-6))
                    same = cosine > math.cos(_ALIKE)
                else:
                    same = one.way == other.way
                found.append(Rhythm(name, start, end, standing(k, when), same))
    return tuple(found)
