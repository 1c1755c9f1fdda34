"""Links the sightings of successive frames to tracks, without pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from .appearance import appearance_similarity
from .assignment import similarity
from .scan import FrameFindings
from .track import Sighting, Track

_PATIENCE = 12
"""Frames for which somebody who was not sighted may come back without another name."""
_REACH, _REACH_PER_FRAME = 0.8, 0.15
"""Scales that a person may move between two frames, and in each further one in which they were not sighted."""
_UNLINKED = 0.9
"""A link costs 1 without any similarity of place and 1 without any of appearance."""
_VELOCITY_WEIGHT = 0.5


@dataclass
class _Followed:
    track: Track[Sighting]
    last: int
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))

    @property
    def sighting(self) -> Sighting:
        return self.track.observations[self.last]


def link(findings: Sequence[FrameFindings], first_step: int = 0) -> list[Track[Sighting]]:
    """Tracks of everyone, no link across a scene cut. The steps of the findings count from `first_step`."""
    followed: list[_Followed] = []
    finished: list[_Followed] = []
    for step, found in enumerate(findings, first_step):
        ended = [one for one in followed if found.is_cut or step - one.last > _PATIENCE]
        finished += ended
        followed = [one for one in followed if one not in ended]
        links = _links(followed, found.sightings, step)
        for one, sighting in links:
            moved = sighting.middle - one.sighting.middle
            one.velocity = _VELOCITY_WEIGHT * moved / (step - one.last)
            one.track.observations[step] = sighting
            one.last = step
        linked = {id(sighting) for _, sighting in links}
        followed += [_Followed(Track({step: s}), step) for s in found.sightings if id(s) not in linked]
    return [one.track for one in (*finished, *followed)]


def _links(followed: Sequence[_Followed], sightings: Sequence[Sighting], step: int) -> list[tuple[_Followed, Sighting]]:
    """The links of least total cost from tracks to the sightings of one frame."""
    if not followed or not sightings:
        return []
    cost = np.full((len(followed), len(sightings) + len(followed)), np.inf)
    same_pose = similarity([one.sighting.person for one in followed], [s.person for s in sightings])
    for row, one in enumerate(followed):
        gap = step - one.last
        for column, sighting in enumerate(sightings):
            scale = max(one.sighting.scale, sighting.scale)
            distance = float(np.linalg.norm(one.sighting.middle + one.velocity - sighting.middle)) / scale
            reach = _REACH + _REACH_PER_FRAME * (gap - 1)
            if distance < reach:
                unlike = 1 - appearance_similarity(one.sighting.appearance, sighting.appearance)
                cost[row, column] = 0.5 * distance / reach + 0.5 * (1 - same_pose[row, column]) + unlike
        cost[row, len(sightings) + row] = _UNLINKED
    rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e6))
    return [(followed[r], sightings[c]) for r, c in zip(rows, columns) if c < len(sightings) and cost[r, c] < 1e6]
