"""First pass over a clip: who is in each frame, before anybody knows who is who.

A frame's findings depend on its picture and little on the frames before it, and are small. Everything that needs the whole clip
(`identity`) reads findings, not pictures. People move little between two frames, so they are detected in only some of them,
about DETECTIONS_PER_SECOND; in the others people are where `linking` interpolates them between two detections.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from ..clip import Frame
from .appearance import appearance_embedding
from .assignment import same_body
from .background import BackgroundMotion, background_lines, shrunk_size
from .crops import Crop, mask_height, tile_windows
from .detections import MASK_WIDTH
from .movenet import CERTAIN_SCORE, INPUT_SIZE, LIMBS, SMALL_INPUT_SIZE, FoundPerson
from .networks import PerceptionNetworks
from .pair_poses import person_beside
from .scene_cuts import SceneCuts
from .track import Sighting

DETECTIONS_PER_SECOND = 10
_LEAST_SCORE, _LEAST_QUALITY = 0.1, 0.12
"""What is found below either is nobody, unless its score is certain."""
_SURE_QUALITY = 0.3
"""From which on somebody is seen clearly."""
_SURE_SCORE, _LEAST_VISIBILITY = 0.5, 0.2
"""Mean confidence and visibility of the limbs' joints of somebody who hides behind the only person who was found. Photographs of
people who are alone get answers that are nearly as confident, of bodies of which nothing is seen."""
_DUPLICATE = 0.5
"""People of whom each window has one are the same from this value of `assignment.same_body`."""
_SMALL = 60
"""px of the network's input: shorter people are looked at in a window of their own in the next frame."""
_TILE = 0.6
"""Side of the windows in which people are searched for who are too small in the whole picture, of its longer side."""
_WINDOW_SCALE = 1.6
"""Side of a person's window, of the longer side of the box around their limbs."""
_EMBRACE_SCALE = 1.4
"""The same for a window in which a second person is searched for who is in the same place: a tight one tells them apart best."""
_ISOLATED = 1.6
"""Distance of the trunks, in scales, from which people are isolated."""
_MOST_BYTES = 1 << 28
"""Of frames that are read ahead."""


@dataclass(frozen=True)
class FrameFindings:
    """What is known of one frame without the others."""

    index: int
    """Number of the frame in the clip."""
    time: float
    """Seconds."""
    duplicate: bool
    """Whether the frame repeats the one before it."""
    sightings: tuple[Sighting, ...]
    """Everyone who was found, clearest first."""
    background: np.ndarray
    """Homography, see `BackgroundMotion.advance`."""
    is_cut: bool
    """Whether another shot begins with this frame."""
    searched: bool = True
    """False where nobody was searched for in this frame."""


@dataclass(frozen=True)
class _ReadFrame:
    """A frame of which nothing is known yet but how it follows the one before."""

    frame: Frame
    small: UInt8[np.ndarray, "h w 3"] | None
    """None where nothing is new."""
    is_cut: bool
    search: bool


class Scanner:
    """The first pass over a clip."""

    def __init__(self, networks: PerceptionNetworks, picture_size: tuple[int, int], stride: int = 1) -> None:
        """People are searched for in one of `stride` frames."""
        self._networks, self._size, self._stride = networks, picture_size, stride
        kept = _MOST_BYTES // (3 * picture_size[0] * picture_size[1] * stride)
        self._at_once = max(1, min(networks.people.at_once, kept))
        self._tiles = tile_windows(*picture_size, _TILE)
        self._small_size = shrunk_size(*picture_size)
        self._cuts, self._motion = SceneCuts(), BackgroundMotion()
        self._last: FrameFindings | None = None
        self._count = 0
        self._known: tuple[Sighting, ...] = ()
        """Of the last frame in which people were searched for."""

    def scan(
        self, frames: Iterable[Frame], always: Container[int] = (), pictured: Container[int] = ()
    ) -> Iterator[tuple[Frame, FrameFindings]]:
        """Each frame with what is known of it, in order; people are detected in any case where the index is in `always`.

        Frames are read ahead, so that the network sees as many whole pictures at once as suit the machine. A duplicate comes with
        the picture that it repeats, so a long still stretch is in memory once; with its own where the index is in `pictured`.
        """
        for group in self._read_ahead(frames, always, pictured):
            whole = self._networks.people.find_everywhere([read.frame.image for read in group if read.search])
            remaining = iter(whole)
            for read in group:
                self._last = self._found(read, next(remaining) if read.search else None)
                yield read.frame, self._last

    def _read_ahead(
        self, frames: Iterable[Frame], always: Container[int], pictured: Container[int]
    ) -> Iterator[list[_ReadFrame]]:
        """The frames in groups of which each but the last ends with a frame in which people are detected."""
        group: list[_ReadFrame] = []
        searched, skipped = False, 0
        reference: np.ndarray | None = None
        for frame in frames:
            search = frame.index in always
            if frame.duplicate and reference is not None and (searched or not search):
                kept = frame if frame.index in pictured else replace(frame, image=reference)
                group.append(_ReadFrame(kept, None, False, False))
                continue
            is_first, reference = reference is None, frame.image
            small = cv2.resize(frame.image, self._small_size, interpolation=cv2.INTER_AREA)
            is_cut = self._cuts.is_cut(small)
            skipped += 1
            searched = search or is_first or is_cut or skipped >= self._stride
            group.append(_ReadFrame(frame, small, is_cut, searched))
            if searched:
                skipped = 0
                if sum(read.search for read in group) >= self._at_once:
                    yield group
                    group = []
        if group:
            yield group

    def _found(self, read: _ReadFrame, everywhere: Sequence[FoundPerson] | None) -> FrameFindings:
        """`everywhere` are the people in the whole picture, None where nobody is searched for."""
        frame, last = read.frame, self._last
        if read.small is None:
            assert last is not None, "nothing comes before the first frame"
            return replace(last, index=frame.index, time=frame.time, duplicate=True, is_cut=False)
        sightings = () if everywhere is None else self._sightings(frame.image, everywhere)
        if everywhere is not None:
            self._known = sightings
        moved = self._motion.advance(read.small, self._boxes(self._known))
        return FrameFindings(frame.index, frame.time, frame.duplicate, sightings, moved, read.is_cut, read.search)

    def lines(self, frame: Frame, found: FrameFindings) -> Float[np.ndarray, "L 4"]:
        """Lines of the background of a frame in which these people were found, see `background_lines`."""
        return background_lines(frame.image, self._boxes(found.sightings))

    def _sightings(self, image: UInt8[np.ndarray, "H W 3"], everywhere: Sequence[FoundPerson]) -> tuple[Sighting, ...]:
        small, large = self._windows()
        if len(_clear(everywhere)) >= max(2, len(_clear([sighting.person for sighting in self._known]))):
            small = []  # the whole picture shows everyone as clearly as they were seen before
        nearer = [
            *self._networks.people.find(image, small, SMALL_INPUT_SIZE),
            *self._networks.people.find(image, large),
        ]
        found = [*everywhere, *(person for people, _ in nearer for person in people)]
        people, beside = self._with_person_beside(image, distinct_people(found))
        middles = np.array([person.middle for person in people]).reshape(-1, 2)
        sightings = []
        for number, person in enumerate(people):
            distance = np.linalg.norm(np.delete(middles, number, 0) - person.middle, axis=1)
            isolated = bool((distance > _ISOLATED * person.scale).all())
            appearance = appearance_embedding(image, person)
            sightings.append(Sighting(person, appearance, isolated, is_inferred=person is beside))
        return tuple(sightings)

    def _with_person_beside(
        self, image: UInt8[np.ndarray, "H W 3"], people: list[FoundPerson]
    ) -> tuple[list[FoundPerson], FoundPerson | None]:
        """The people, and whoever hides behind the only one of them who is clear, or makes the only one there unclear."""
        clear = _clear(people)
        if len(clear) > 1 or not (clear or _at_one_place(people)):
            return people, None
        window = window_around(people[0].points[LIMBS], _EMBRACE_SCALE)
        [(nearer, maps)] = self._networks.people.find(image, [window])
        people = distinct_people([*people, *nearer])
        if len(_clear(people)) > 1:
            return people, None
        beside = person_beside(self._networks.pair, image, people[0], maps)
        if beside is None or beside.person.score < _SURE_SCORE or beside.visibility < _LEAST_VISIBILITY:
            return people, None
        both = [people[0], beside.person]
        others = [person for person in people[1:] if same_body([person], both).max() < _DUPLICATE]
        return [*both, *others], beside.person

    def _windows(self) -> tuple[list[Crop], list[Crop]]:
        """The surroundings of small people; and while fewer than two are clear, a tile of the picture."""
        self._count += 1
        last = self._known
        small = [
            window
            for window in (person_window(s.person) for s in last)
            if window.size / _WINDOW_SCALE < _SMALL / INPUT_SIZE * max(self._size)
        ]
        small = _merged_windows(small)[:2]
        clear = [s for s in last if s.quality > _SURE_QUALITY]
        if len(clear) >= 2 or self._count % 2:
            return small, []
        return small, [self._tiles[self._count // 2 % len(self._tiles)]]

    def _boxes(self, sightings: Sequence[Sighting]) -> UInt8[np.ndarray, "h w"]:
        """0-255, the people's boxes at low resolution."""
        scale = MASK_WIDTH / self._size[0]
        mask = np.zeros((mask_height(self._size, MASK_WIDTH), MASK_WIDTH), np.uint8)
        for sighting in sightings:
            left, top, right, bottom = np.clip(sighting.person.box * scale, 0, None).astype(int)
            mask[top : bottom + 1, left : right + 1] = 255
        return mask


def person_window(person: FoundPerson) -> Crop:
    """A square around a person, with room for limbs that the box may have missed."""
    return window_around(person.points[LIMBS], _WINDOW_SCALE)


def window_around(points: np.ndarray, scale: float) -> Crop:
    """The square around points [N,2] px with `scale` times the longer side of their box."""
    low, high = points.min(0), points.max(0)
    x, y = (low + high) / 2
    return Crop(float(x), float(y), max(float((high - low).max()) * scale, 16.0))


def distinct_people(found: Sequence[FoundPerson]) -> list[FoundPerson]:
    """Each person once, the clearest find of each, clearest first; finds that are nobody are left out."""
    people = [person for person in found if _is_somebody(person)]
    kept: list[FoundPerson] = []
    for person in sorted(people, key=lambda person: -(person.score**0.5) * person.quality):
        if not kept or same_body([person], kept).max() < _DUPLICATE:
            kept.append(person)
    return kept


def _at_one_place(people: Sequence[FoundPerson]) -> bool:
    """Whether somebody was found, and nobody apart from the clearest of them."""
    gaps = [float(np.linalg.norm(person.middle - people[0].middle)) / people[0].scale for person in people]
    return bool(people) and max(gaps) < _ISOLATED


def _clear(people: Sequence[FoundPerson]) -> list[FoundPerson]:
    return [person for person in people if person.quality > _SURE_QUALITY]


def _is_somebody(person: FoundPerson) -> bool:
    return person.score > _LEAST_SCORE and (person.quality > _LEAST_QUALITY or person.score > CERTAIN_SCORE)


def _merged_windows(windows: Sequence[Crop]) -> list[Crop]:
    """One window for people who are next to each other."""
    merged: list[Crop] = []
    for window in windows:
        near = [w for w in merged if max(abs(window.x - w.x), abs(window.y - w.y)) < 0.5 * max(window.size, w.size)]
        if near:
            corners = [(w.x + s * w.size / 2, w.y + s * w.size / 2) for w in (window, near[0]) for s in (-1, 1)]
            merged[merged.index(near[0])] = window_around(np.array(corners), 1.0)
        else:
            merged.append(window)
    return merged
