"""Identities over the whole clip: joins broken tracks, undoes exchanges, and chooses the two people to reconstruct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..contract.errors import UserError
from ..contract.frames import frame_in_words
from ..contract.marks import PersonMark
from ..contract.reconstruction import PERSON_NAMES
from ..contract.runs import frames_in
from .appearance import appearance_similarity
from .assignment import same_body
from .exchanges import undo_exchanges
from .movenet import CERTAIN_SCORE
from .track import Sighting, Track

_APPEARANCE_SAMPLES = 30
"""Detections before and after a gap or a meeting whose appearance is averaged."""
_JOIN_SIMILARITY = 0.75
"""Least appearance similarity of tracks that are joined."""
_JOIN_SPEED, _JOIN_REACH = 7.5, 6.0
"""Body scales a second that a person may have moved in a gap, beyond one scale to begin with, and at most in all. In a second,
99.9 % of people in film move less than the latter."""
_JOIN_RESIZE_SPEED, _MOST_RESIZED = 0.3, 0.7
"""Natural logarithm by which somebody's scale may differ more for each second of a gap (see `JoinLimits.resize`), and at most
(half or twice the size). On film, 99.9 % of people change by less than 0.37 within a second and by 0.7 within two."""
_SCALE_SAMPLES = 10
"""Detections before and after a gap whose median scale is taken."""
_LEAST_QUALITY = 0.25
_LEAST_PART = 0.1
_LEAST_FRAMES = 5
"""A track with a lower mean quality, or with detections in fewer frames of the range (part and number), is not a person to
choose."""
_LEAST_INFERRED_PART = 0.25
"""Fraction of the frames in which somebody must be inferred (`Sighting.is_inferred`) for that to count."""
_AMBIGUOUS = 0.85
"""Two pairs are both likely if the second one has this much of the first one's time, quality, size and nearness."""
_SAME_BODY, _COMPARED_FRAMES = 0.6, 20
"""Value of `assignment.same_body` from which tracks are of one body, in the median of this many frames."""
_MARK_PATIENCE = 0.17
"""Seconds between a mark and the nearest sighting of the person who is meant."""
_MARK_REACH, _NOT_MARKED = 1.0, 1e6
"""Scales from a mark beyond which nobody is meant."""
_LEAST_LINKED, _FRAGMENT_REACH = 3, 0.4
"""Tracks of fewer frames are noise, unless they continue another one, or another one them, within so many seconds."""
_MOST_TRACKS = 40
"""More tracks than this are noise: joining looks at all pairs of them."""


@dataclass(frozen=True)
class JoinLimits:
    """How far a track may be from the one that continues it."""

    overlap: float
    """Seconds for which it may go on astray where the other one has begun."""
    resize: float
    """Natural logarithm by which the scale may differ on both sides."""


USUAL_JOINS = JoinLimits(overlap=0.8, resize=0.4)
AFTER_EMBRACES = JoinLimits(overlap=2.0, resize=_MOST_RESIZED)
"""In an embrace a track may follow both people by turns for long, with limbs of either."""


class AmbiguousPeople(UserError):
    """Other two people may be meant as well; `numbers` are those of both pairs."""

    def __init__(self, likely: tuple[int, int], rival: tuple[int, int]) -> None:
        super().__init__(
            "ambiguous-people",
            f"More than two people are close to each other, so it is not clear who is meant: {likely[0]} and {likely[1]}, or "
            f"{rival[0]} and {rival[1]}.",
            "Choose two people by their numbers (--people on the command line).",
        )
        self.numbers = (*likely, *rival)


def resolve_identities(
    tracks: Sequence[Track[Sighting]], frame_rate: float, limits: JoinLimits = USUAL_JOINS
) -> list[Track[Sighting]]:
    """Join the tracks of each person and undo exchanges; the result is ordered by prominence."""
    joined = _joined(sorted(tracks, key=lambda track: -track.prominence())[:_MOST_TRACKS], frame_rate, limits)
    joined = [track for track in joined if len(track.seen) >= _LEAST_LINKED]
    for a, b in combinations(joined, 2):
        undo_exchanges(a, b)
    return sorted(joined, key=lambda track: -track.prominence())


def choose_two(tracks: Sequence[Track[Sighting]], steps: int, people: tuple[int, int] | None) -> tuple[int, int]:
    """Numbers of the two tracks to reconstruct, of a range of `steps` frames.

    `people` is the user's choice. Without one it is those two who are together longest, with the highest quality, largest and
    nearest to each other; the left one comes first. UserError `nobody`, `one-person`, `bad-people` or, where another two are
    together nearly as much, `ambiguous-people`.
    """
    real = [number for number, track in enumerate(tracks) if _is_person(track, steps)]
    if people is not None:
        return _checked(people, len(tracks), len(real))
    if not real:
        raise UserError(
            "nobody",
            "Nobody was found in this clip.",
            "Choose frames that show two people from head to foot, not too small and not too dark.",
        )
    one_person = UserError(
        "one-person",
        "Only one person was found in this clip; two are needed.",
        "Choose frames in which both people are in the picture, or a clip that shows them from another side.",
    )
    together = {
        (a, b): _togetherness(tracks[a], tracks[b])
        for a, b in combinations(real, 2)
        if not _is_the_same_body(tracks[a], tracks[b])
    }
    if not together:
        raise one_person
    best = max(together, key=lambda pair: together[pair])
    a, b = (tracks[number] for number in best)
    common = sorted(set(a.seen) & set(b.seen))
    if len(common) < _least_frames(steps):
        raise UserError(
            "one-person",
            "Two people are hardly ever in the picture at the same time.",
            "Choose frames in which both people are in the picture.",
        )
    rivals = [pair for pair in together if pair != best and not _is_the_same_pair(tracks, pair, best)]
    rival = max(rivals, key=lambda pair: together[pair], default=None)
    if rival is not None and together[rival] > _AMBIGUOUS * together[best]:
        raise AmbiguousPeople(best, rival)
    left_first = _x(a.seen[common[0]]) <= _x(b.seen[common[0]])
    return best if left_first else (best[1], best[0])


def choose_marked(
    tracks: Sequence[Track[Sighting]], first_frame: int, marks: tuple[PersonMark, PersonMark], frame_rate: float
) -> tuple[int, int]:
    """Numbers of the tracks that the user marked in the clip; step 0 is its frame `first_frame`. UserError `bad-people`."""
    patience = frames_in(_MARK_PATIENCE, 1 / frame_rate)
    cost = np.full((len(marks), max(len(tracks), 2)), np.inf)
    for row, mark in enumerate(marks):
        for column, track in enumerate(tracks):
            wanted = mark.frame - first_frame
            nearest = min(track.seen, key=lambda step: abs(step - wanted))
            if abs(nearest - wanted) <= patience:
                cost[row, column] = _distance_to_mark(track.seen[nearest], mark)
    rows, columns = linear_sum_assignment(np.where(cost < _MARK_REACH, cost, _NOT_MARKED))
    for row, column in zip(rows, columns):
        if not cost[row, column] < _MARK_REACH:
            raise UserError(
                "bad-people",
                f"Nobody was found where {PERSON_NAMES[row]} is marked, in {frame_in_words(marks[row].frame)}.",
                "Mark both people in frames of the range in which they are clearly seen.",
            )
    return int(columns[0]), int(columns[1])


def _distance_to_mark(sighting: Sighting, mark: PersonMark) -> float:
    """How far, in scales, the box around the person is from the mark; a little more for a mark off their middle."""
    points = sighting.person.points
    corners = np.array([(mark.left, mark.top), (mark.right, mark.bottom)])
    if mark.right > mark.left or mark.bottom > mark.top:
        distance = np.abs(np.stack([points.min(0), points.max(0)]) - corners).mean()
    else:
        distance = np.linalg.norm(points - corners[0], axis=1).min()
    return float(distance + 0.1 * np.linalg.norm(sighting.middle - corners.mean(0))) / sighting.scale


def _is_the_same_pair(tracks: Sequence[Track[Sighting]], a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two pairs differ only in a second track of somebody's body."""
    return all(any(p == q or _is_the_same_body(tracks[p], tracks[q]) for q in b) for p in a)


def _is_the_same_body(a: Track[Sighting], b: Track[Sighting]) -> bool:
    """Whether two tracks follow one person: in the median frame they have the same keypoints."""
    common = sorted(a.seen.keys() & b.seen.keys())
    sample = common[:: -(-len(common) // _COMPARED_FRAMES) or 1]
    alike = [same_body([a.seen[k].person], [b.seen[k].person])[0, 0] for k in sample]
    return bool(alike) and float(np.median(alike)) > _SAME_BODY


def real_first(tracks: Sequence[Track[Sighting]], steps: int) -> list[Track[Sighting]]:
    """The tracks in their order, but those of people before noise, so that people are numbered without gaps."""
    return sorted(tracks, key=lambda track: not _is_person(track, steps))


def real_people(tracks: Sequence[Track[Sighting]], steps: int) -> list[Track[Sighting]]:
    """The tracks that are long and clear enough to be people, of a range of `steps` frames."""
    return [track for track in tracks if _is_person(track, steps)]


def mostly_inferred(track: Track[Sighting]) -> bool:
    """Whether a person was more often inferred beside another one than found."""
    return sum(sighting.is_inferred for sighting in track.seen.values()) > len(track.seen) / 2


def _checked(people: tuple[int, int], tracks: int, count: int) -> tuple[int, int]:
    """The user's choice, if it is one of the tracks; `count` people are told of."""
    if people[0] == people[1] or not all(0 <= number < tracks for number in people):
        raise UserError(
            "bad-people",
            f"People {people[0]} and {people[1]} cannot be chosen: {count} people were found, numbered from 0.",
            "Choose two different numbers of people who were found.",
        )
    return people


def _is_person(track: Track[Sighting], steps: int) -> bool:
    seen = list(track.seen.values())
    found = [sighting for sighting in seen if not sighting.is_inferred]
    if len(seen) - len(found) < _LEAST_INFERRED_PART * steps:
        if mostly_inferred(track):
            return False
        seen = found  # what was inferred in a few frames says nothing of the others
    if len(seen) < _least_frames(steps):
        return False
    quality = float(np.mean([sighting.quality for sighting in seen]))
    return quality >= _LEAST_QUALITY or float(np.mean([sighting.person.score for sighting in seen])) >= CERTAIN_SCORE


def _least_frames(steps: int) -> float:
    """Frames in which a person must be found, of a range of `steps`."""
    return max(min(_LEAST_FRAMES, steps), _LEAST_PART * steps)


def _togetherness(a: Track[Sighting], b: Track[Sighting]) -> float:
    total = 0.0
    for step in a.seen.keys() & b.seen.keys():
        p, q = a.seen[step], b.seen[step]
        total += p.quality * q.quality * min(p.scale, q.scale) / (2 + p.person.distance_to(q.person))
    return total


def _joined(tracks: list[Track[Sighting]], frame_rate: float, limits: JoinLimits) -> list[Track[Sighting]]:
    """Join tracks that may be of one person, of whom they show one time after the other; the likeliest pair first."""
    while True:
        best, pair = 0.0, None
        for a in tracks:
            for b in tracks:
                score = _continuation_score(a, b, frame_rate, limits)
                if score > best:
                    best, pair = score, (a, b)
        if pair is None:
            return tracks
        a, b = pair
        cut = _cut(a, b)
        whole = Track(_until(a, cut) | _after(b, cut))
        rest = Track(_until(b, cut) | _after(a, cut))
        tracks = [track for track in tracks if track is not a and track is not b]
        tracks += [track for track in (whole, rest) if track.seen]


def _continuation_score(a: Track[Sighting], b: Track[Sighting], frame_rate: float, limits: JoinLimits) -> float:
    """How well track b continues track a, 0 if it cannot. For some frames both may go on near each other."""
    if not (a.first < b.first and a.last < b.last) or a.last - b.first >= frames_in(limits.overlap, 1 / frame_rate):
        return 0.0
    both = a.seen.keys() & b.seen.keys()
    if any(a.seen[step].person.distance_to(b.seen[step].person) > 1 for step in both):
        return 0.0
    cut = _cut(a, b)
    before, after = _until(a, cut), _after(b, cut)
    end, start = max(before), min(after)
    gap = start - end
    scale_before, scale_after = (
        float(np.median([seen[step].scale for step in steps[:_SCALE_SAMPLES]]))
        for seen, steps in ((before, sorted(before, reverse=True)), (after, sorted(after)))
    )
    if min(len(a.seen), len(b.seen)) < _LEAST_LINKED and gap > frames_in(_FRAGMENT_REACH, 1 / frame_rate):
        return 0.0
    resized = abs(float(np.log(scale_after / scale_before)))
    if resized > min(limits.resize + _JOIN_RESIZE_SPEED * gap / frame_rate, _MOST_RESIZED):
        return 0.0
    moved = float(np.linalg.norm(before[end].middle - after[start].middle))
    # in the scale of the smaller one: to whoever is far away, a step of a large person in front is a long way
    distance = moved / min(scale_before, scale_after)
    similarity = _similarity(a, b, (-np.inf, min(a.last, b.first - 1)), (max(b.first, a.last + 1), np.inf))
    if similarity < _JOIN_SIMILARITY or distance > min(1 + _JOIN_SPEED * gap / frame_rate, _JOIN_REACH):
        return 0.0
    return similarity / (1 + 0.1 * distance + resized)


def _cut(a: Track[Sighting], b: Track[Sighting]) -> int:
    """The last step for which track a is used that b continues: where the person moves least from one to the other."""

    def jump(step: int) -> float:
        return a.seen[max(_until(a, step))].person.distance_to(b.seen[min(_after(b, step))].person)

    return a.last if a.last < b.first else min(range(b.first - 1, a.last + 1), key=jump)


def _until(track: Track[Sighting], step: int) -> dict[int, Sighting]:
    return {k: seen for k, seen in track.seen.items() if k <= step}


def _after(track: Track[Sighting], step: int) -> dict[int, Sighting]:
    return {k: seen for k, seen in track.seen.items() if k > step}


def _similarity(
    a: Track[Sighting], b: Track[Sighting], before: tuple[float, float], after: tuple[float, float]
) -> float:
    """Appearance similarity of a's last detections in the steps `before` to b's first ones in the steps `after`."""
    own = _mean_appearance([a.seen[s] for s in sorted(a.seen, reverse=True) if before[0] <= s <= before[1]])
    other = _mean_appearance([b.seen[s] for s in sorted(b.seen) if after[0] <= s <= after[1]])
    return 0.5 if own is None or other is None else appearance_similarity(own, other)


def _mean_appearance(detections: list[Sighting]) -> np.ndarray | None:
    """Mean appearance of the first detections in the list, of isolated ones if there are any."""
    isolated = [one.appearance for one in detections if one.isolated][:_APPEARANCE_SAMPLES]
    chosen = isolated or [one.appearance for one in detections][:_APPEARANCE_SAMPLES]
    return np.mean(chosen, 0) if chosen else None


def _x(seen: Sighting) -> float:
    return float(seen.middle[0])
