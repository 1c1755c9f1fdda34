"""Fills gaps in tracks from their far end: who comes into view is followed back to where they became visible."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from .appearance import describe, likeness
from .assignment import collapse, similarity
from .landmarks import Pose
from .people import Networks, candidates_at, look_past
from .tracking import Observation, Track, observe

_MOST_STEPS = 24
_MOST_BYTES = 200_000_000
"""Frames kept at a time, so that memory stays flat whatever the clip's length and size."""
_LEAST_QUALITY = 0.3
_LEAST_LIKENESS = 0.75
_LEAST_SIMILARITY = 0.35
_MOST_COLLAPSE = 0.25
_PATIENCE = 2
"""Steps in which nothing is found before the way back is given up."""


class GapFiller:
    """Call `advance` for each frame in order, duplicates too; it adds observations to the tracks, which it changes."""

    def __init__(self, networks: Networks, tracks: tuple[Track, Track], picture_size: tuple[int, int]) -> None:
        self._networks, self._tracks, self._size = networks, tracks, picture_size
        reach = min(_MOST_STEPS, _MOST_BYTES // (3 * picture_size[0] * picture_size[1]))
        self._ends = [{end: start for start, end in _gaps(track, reach)} for track in tracks]
        self._wanted = {step for ends in self._ends for end, start in ends.items() for step in range(start, end)}
        self._kept: dict[int, np.ndarray] = {}

    def advance(self, step: int, image: np.ndarray) -> None:
        """Keep the frame if it may be needed, and fill the gaps that end with it. image uint8 [H,W,3]."""
        for person, ends in enumerate(self._ends):
            if step in ends:
                self._fill(person, ends[step], step)
        if step in self._wanted:
            self._kept[step] = image
        needed = min((start for ends in self._ends for end, start in ends.items() if end > step), default=step + 1)
        for old in [kept for kept in self._kept if kept < needed]:
            del self._kept[old]

    def _fill(self, person: int, start: int, end: int) -> None:
        track, other = self._tracks[person], self._tracks[1 - person]
        known = track.observations[end]
        missed = 0
        for step in range(end - 1, start - 1, -1):
            found = self._look(self._kept[step], known, other.observations.get(step))
            if found is None:
                missed += 1
                if missed > _PATIENCE:
                    return
                continue
            missed = 0
            known = track.observations[step] = found

    def _look(self, image: np.ndarray, known: Observation, other: Observation | None) -> Observation | None:
        """The person in the picture, expected as in `known`, and not the one whom `other` shows."""
        regions = [known.pose.next_region]
        poses = candidates_at(self._networks, image, regions)
        if other is not None:
            mask = cv2.resize(other.mask(self._size), self._size, interpolation=cv2.INTER_LINEAR)
            poses += look_past(self._networks, image, mask > 127, regions)
        best, worth = None, 0.0
        for pose in poses:
            same = _pair(similarity, pose, known.pose)
            taken = other is not None and _pair(collapse, pose, other.pose) > _MOST_COLLAPSE
            if taken or pose.quality < _LEAST_QUALITY or same < _LEAST_SIMILARITY:
                continue
            looks = describe(image, pose)
            if likeness(looks, known.looks) > _LEAST_LIKENESS and pose.quality + same > worth:
                best, worth = observe(pose, looks, pose.quality, other is None, self._size), pose.quality + same
        return best


def _gaps(track: Track, reach: int) -> list[tuple[int, int]]:
    """First step and end (the step at which the person is seen again) of each gap, no longer than `reach` before the end."""
    seen = sorted(track.observations)
    before = [-1, *seen]
    return [(max(last + 1, step - reach, 0), step) for last, step in zip(before, seen) if step > last + 1]


def _pair(measure: Callable[..., np.ndarray], a: Pose, b: Pose) -> float:
    return float(measure(a.points[None], b.points[None], np.array([a.scale]), np.array([b.scale]))[0, 0])
