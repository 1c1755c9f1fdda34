"""Links the sightings of successive frames to tracks, without pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.runs import frames_in
from .appearance import appearance_similarity
from .assignment import similarity
from .movenet import FoundPerson
from .scan import FrameFindings
from .track import Sighting, Track

_PATIENCE = 0.4
"""Seconds for which somebody who was not sighted may come back without another name."""
_REACH, _REACH_SPEED = 0.8, 4.5
"""Scales that a person may move between two frames, and in each second more for which they were not sighted."""
_MOST_RESIZED = 0.7
"""Natural logarithm of the ratio of the scales of one person in two frames of a link: half or twice the size. Within half a
second, 99.9 % of people in film change by less than 0.54."""
_UNLINKED = 0.9
"""A link costs 1 without any similarity of place and 1 without any of appearance."""
_VELOCITY_WEIGHT = 0.5
"""Part of the last velocity with which people are expected to go on."""


@dataclass(eq=False)
class _Followed:
    track: Track[Sighting]
    last: int
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))

    @property
    def sighting(self) -> Sighting:
        return self.track.seen[self.last]


def link(findings: Sequence[FrameFindings], frame_rate: float, first_step: int = 0) -> list[Track[Sighting]]:
    """Tracks of everyone, no link across a scene cut. The steps of the findings count from `first_step`.

    In frames in which nobody was searched for, people are interpolated between the detections before and after.
    """
    patience = frames_in(_PATIENCE, 1 / frame_rate)
    followed: list[_Followed] = []
    finished: list[_Followed] = []
    for step, found in enumerate(findings, first_step):
        if not found.searched:
            continue
        ended = [one for one in followed if found.is_cut or step - one.last > patience]
        finished += ended
        followed = [one for one in followed if one not in ended]
        links = _links(followed, found.sightings, step, frame_rate)
        for one, sighting in links:
            moved = sighting.middle - one.sighting.middle
            one.velocity = _VELOCITY_WEIGHT * moved / (step - one.last)
            one.track.seen[step] = sighting
            one.last = step
        linked = {id(sighting) for _, sighting in links}
        followed += [_Followed(Track({step: s}), step) for s in found.sightings if id(s) not in linked]
    searched = {step for step, found in enumerate(findings, first_step) if found.searched}
    return [_filled(one.track, searched) for one in (*finished, *followed)]


def _filled(track: Track[Sighting], searched: set[int]) -> Track[Sighting]:
    """The track with sightings in steps that were not searched, between two successive detections of the person."""
    steps = sorted(track.seen)
    filled = dict(track.seen)
    for start, end in pairwise(steps):
        if searched.isdisjoint(range(start + 1, end)):
            for step in range(start + 1, end):
                fraction = (step - start) / (end - start)
                filled[step] = _between(track.seen[start], track.seen[end], fraction)
    return Track(dict(sorted(filled.items())))


def _between(a: Sighting, b: Sighting, fraction: float) -> Sighting:
    """Where somebody is at a `fraction` of the time between two sightings."""

    def mixed(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return ((1 - fraction) * x + fraction * y).astype(np.float32)

    p, q = a.person, b.person
    score = (1 - fraction) * p.score + fraction * q.score
    person = FoundPerson(score, mixed(p.box, q.box), mixed(p.points, q.points), np.minimum(p.confidence, q.confidence))
    return Sighting(
        person, mixed(a.appearance, b.appearance), a.isolated and b.isolated, a.is_inferred or b.is_inferred
    )


def _links(
    followed: Sequence[_Followed], sightings: Sequence[Sighting], step: int, frame_rate: float
) -> list[tuple[_Followed, Sighting]]:
    """The links of least total cost from tracks to the sightings of one frame."""
    if not followed or not sightings:
        return []
    cost = np.full((len(followed), len(sightings) + len(followed)), np.inf)
    same_pose = similarity([one.sighting.person for one in followed], [s.person for s in sightings])
    for row, one in enumerate(followed):
        gap = step - one.last
        for column, sighting in enumerate(sightings):
            smaller, larger = sorted((one.sighting.scale, sighting.scale))
            distance = float(np.linalg.norm(one.sighting.middle + one.velocity - sighting.middle)) / larger
            reach = _REACH + _REACH_SPEED * (gap - 1) / frame_rate
            if distance < reach and np.log(larger / smaller) < _MOST_RESIZED:
                unlike = 1 - appearance_similarity(one.sighting.appearance, sighting.appearance)
                cost[row, column] = 0.5 * distance / reach + 0.5 * (1 - same_pose[row, column]) + unlike
        cost[row, len(sightings) + row] = _UNLINKED
    rows, columns = linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e6))
    return [(followed[r], sightings[c]) for r, c in zip(rows, columns) if c < len(sightings) and cost[r, c] < 1e6]
