"""Who is who over the whole clip: broken tracks joined, exchanged ones put right, the two people chosen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from ..contract.errors import UserError
from .appearance import likeness
from .tracking import Observation, Track

_LOOKS_SAMPLES = 30
"""Frames before and after a gap or a meeting from which looks are averaged."""
_JOIN_LIKENESS = 0.75
_JOIN_SPEED = 0.25
"""Body scales that a person may have moved per frame while nobody saw them, beyond one scale to begin with."""
_SWAP_MARGIN = 0.15
"""Exchanging two people must explain their looks this much better."""
_MET = 1.0
"""People nearer than this, in body scales, may have been exchanged."""
_LEAST_QUALITY = 0.4
_LEAST_SHARE = 0.1
_LEAST_FRAMES = 5
"""A track seen less clearly, or in fewer frames of the range (share and number), is nobody to choose."""


def resolve(tracks: Sequence[Track]) -> list[Track]:
    """Join what belongs to one person and undo exchanges; the result is ordered by evidence, most first."""
    joined = _joined(list(tracks))
    for a, b in combinations(joined, 2):
        _undo_exchanges(a, b)
    return sorted(joined, key=lambda track: -track.evidence())


def choose_two(tracks: Sequence[Track], steps: int, people: tuple[int, int] | None) -> tuple[int, int]:
    """Numbers of the two tracks to reconstruct, of a range of `steps` frames.

    `people` is the user's choice. Else those two who are seen together longest, most clearly, largest and nearest to each
    other, left one first. UserError `nobody`, `one-person` or `bad-people`.
    """
    if people is not None:
        return _checked(people, len(tracks))
    real = [number for number, track in enumerate(tracks) if _is_somebody(track, steps)]
    if not real:
        raise UserError(
            "nobody",
            "Nobody was found in this clip.",
            "Choose frames in which two people are seen from head to foot, not too small and not too dark.",
        )
    if len(real) == 1:
        raise UserError(
            "one-person",
            "Only one person was found in this clip; two are needed.",
            "Choose frames in which both people are in the picture, or a clip that shows them from another side.",
        )
    together = {pair: _togetherness(tracks[pair[0]], tracks[pair[1]]) for pair in combinations(real, 2)}
    best = max(together, key=lambda pair: together[pair])
    a, b = (tracks[number] for number in best)
    shared = sorted(set(a.observations) & set(b.observations))
    if len(shared) < _least(steps):
        raise UserError(
            "one-person",
            "Two people are hardly ever in the picture at the same time.",
            "Choose frames in which both people are in the picture.",
        )
    left_first = _x(a.observations[shared[0]]) <= _x(b.observations[shared[0]])
    return best if left_first else (best[1], best[0])


def _checked(people: tuple[int, int], count: int) -> tuple[int, int]:
    if people[0] == people[1] or not all(0 <= number < count for number in people):
        raise UserError(
            "bad-people",
            f"People {people[0]} and {people[1]} cannot be chosen: {count} people were found, numbered from 0.",
            "Choose two different numbers of people who were found.",
        )
    return people


def _is_somebody(track: Track, steps: int) -> bool:
    seen = len(track.observations)
    return seen >= _least(steps) and track.evidence() / seen >= _LEAST_QUALITY


def _least(steps: int) -> float:
    """Frames in which a person must be seen, of a range of `steps`."""
    return max(min(_LEAST_FRAMES, steps), _LEAST_SHARE * steps)


def _togetherness(a: Track, b: Track) -> float:
    total = 0.0
    for step in a.observations.keys() & b.observations.keys():
        p, q = a.observations[step].pose, b.observations[step].pose
        distance = float(np.linalg.norm(p.torso_middle - q.torso_middle)) / max(p.scale, q.scale)
        total += p.quality * q.quality * min(p.scale, q.scale) / (2 + distance)
    return total


def _joined(tracks: list[Track]) -> list[Track]:
    """Join tracks that do not overlap in time and may be one person, the likeliest first."""
    while True:
        best, pair = 0.0, None
        for a in tracks:
            for b in tracks:
                worth = _continuation(a, b) if a.last < b.first else 0.0
                if worth > best:
                    best, pair = worth, (a, b)
        if pair is None:
            return tracks
        a, b = pair
        tracks = [track for track in tracks if track is not a and track is not b]
        tracks.append(Track(a.observations | b.observations))


def _continuation(a: Track, b: Track) -> float:
    """How well b goes on where a ended, 0 if it cannot."""
    end, start = a.observations[a.last].pose, b.observations[b.first].pose
    distance = float(np.linalg.norm(end.torso_middle - start.torso_middle)) / max(end.scale, start.scale)
    alike = _alike(a, b, (-np.inf, a.last), (b.first, np.inf))
    if alike < _JOIN_LIKENESS or distance > 1 + _JOIN_SPEED * (b.first - a.last):
        return 0.0
    return alike / (1 + 0.1 * distance)


def _undo_exchanges(a: Track, b: Track) -> None:
    """After each meeting, swap the rest of the two tracks if that fits the looks before it clearly better."""
    for start, end in _meetings(a, b):
        before, after = (-np.inf, start - 1), (end + 1, np.inf)
        keep = _alike(a, a, before, after) + _alike(b, b, before, after)
        swap = _alike(a, b, before, after) + _alike(b, a, before, after)
        if swap > keep + 2 * _SWAP_MARGIN:
            middle = (start + end) // 2
            tail = {step: seen for step, seen in a.observations.items() if step > middle}
            for step in tail:
                del a.observations[step]
            a.observations |= {step: seen for step, seen in b.observations.items() if step > middle}
            for step in [step for step in b.observations if step > middle]:
                del b.observations[step]
            b.observations |= tail


def _meetings(a: Track, b: Track) -> list[tuple[int, int]]:
    """First and last step of each stretch in which the two are close, or one of them is not seen at all."""
    first, last = max(a.first, b.first), min(a.last, b.last)
    stretches: list[tuple[int, int]] = []
    for step in range(first, last + 1):
        p, q = a.observations.get(step), b.observations.get(step)
        if p is None or q is None:
            close = True
        else:
            distance = np.linalg.norm(p.pose.torso_middle - q.pose.torso_middle)
            close = bool(distance < _MET * max(p.pose.scale, q.pose.scale))
        if close and stretches and stretches[-1][1] == step - 1:
            stretches[-1] = (stretches[-1][0], step)
        elif close:
            stretches.append((step, step))
    return stretches


def _alike(a: Track, b: Track, before: tuple[float, float], after: tuple[float, float]) -> float:
    """Likeness of a's looks in the steps `before` (its last ones) to b's in the steps `after` (its first ones)."""
    mine = _looks([a.observations[s] for s in sorted(a.observations, reverse=True) if before[0] <= s <= before[1]])
    other = _looks([b.observations[s] for s in sorted(b.observations) if after[0] <= s <= after[1]])
    return 0.5 if mine is None or other is None else likeness(mine, other)


def _looks(seen: list[Observation]) -> np.ndarray | None:
    """Mean looks of the first frames in the list, of those in which the person was alone if there are any."""
    alone = [one.looks for one in seen if one.alone][:_LOOKS_SAMPLES]
    chosen = alone or [one.looks for one in seen][:_LOOKS_SAMPLES]
    return np.mean(chosen, 0) if chosen else None


def _x(seen: Observation) -> float:
    return float(seen.pose.torso_middle[0])
