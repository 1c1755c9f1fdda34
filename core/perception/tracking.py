"""Everyone found is followed from frame to frame."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import cv2
import numpy as np

from ..contract.skeleton import LANDMARKS
from .appearance import describe, likeness
from .assignment import LIMBS, NOBODY, assign, collapse, similarity
from .detections import MASK_WIDTH
from .detector import full_window, tile_windows
from .landmarks import MIRROR, Pose, mask_in_picture
from .people import Networks, candidates, look_past
from .regions import Region, blend, mask_height, similar

_LIKE_LAST_WEIGHT = 2.0
_EXCHANGED = 0.6
"""What likeness with left and right exchanged counts: the network sometimes names the sides wrongly."""
_LOOKS_WEIGHT = 1.5
_LIKENESS = 0.8
"""Looks that are more alike than this speak for the same person."""
_MOST_ALTERNATIVES = 4
_LEAST_ALTERNATIVE = 0.6
_SAME_SKELETON = 0.92
_OTHERS_BODY = 0.5
_PAST_WORTH = 0.4
"""What it adds to the skeleton of somebody who may be covered that the others were painted over: with them in the picture
the network sees parts of them and is no less sure."""
_MASKED = 96
_LEAST_COVERED = 0.2
_SURE_VALUE = 2.5
"""A skeleton worth more (3 at most, and a little for looks), whose joints others cover in no more than this share, is of
somebody in front: there painting may also have erased a limb."""
_NOBODY = 0.9
"""A person rather takes no skeleton than one that is worth less: quality 0-1, plus likeness to the last one, 0-2."""
_REACH = 1.2
"""Body scales that a person may move between two frames, more with every frame that they were not seen."""
_NEW_QUALITY = 0.4
_NEW_LIKENESS = 0.2
_NEW_DISTANCE = 0.4
"""A skeleton of nobody's begins a track if it is this clear, and this different and far (scales) from everyone's."""
_MOST_PEOPLE = 8
_PATIENCE = 30
"""Frames for which a person that was lost is looked for where they were last."""
_TENTATIVE = 3
"""A track this young that is lost was nobody."""
_SURE_QUALITY = 0.45
_CLOSE = 1.6
"""People nearer than this, in body scales, may be taken for each other."""
_ALONE = 0.03
"""Share of a mask that another's may cover while its owner still counts as alone."""
_DRIFTED = 0.15
"""A region this far (sizes, radians) from the one where its person was surely seen is not relied on alone."""
_REST_FRAMES = 5
"""Between two looks at the whole picture while everyone is seen clearly and nobody is close."""
_FINE_FRAMES = 4
"""Between two looks at small parts of the picture while fewer than two people are seen clearly."""
_REGION_WEIGHT = 0.7
_LOOKS_MEMORY = 0.1
_MOST_CANDIDATES = 16
_VELOCITY_WEIGHT = 0.5


@dataclass(frozen=True)
class Observation:
    """A person in one frame."""

    pose: Pose
    """Its mask is the whole picture's, see `packed_mask`, and empty here."""
    looks: np.ndarray
    """float32 [3,33], see appearance.describe."""
    worth: float
    """The pose's quality, and more where it was seen past others."""
    alone: bool
    """Whether nobody else was close, so that the skeleton and the looks are surely this person's."""
    packed_mask: bytes
    alternatives: tuple[Observation, ...] = ()
    """Other skeletons that may be this person's, until the whole track has decided between them."""

    def mask(self, picture_size: tuple[int, int]) -> np.ndarray:
        """uint8 [h,MASK_WIDTH] 0-255, in the whole picture."""
        height = mask_height(picture_size, MASK_WIDTH)
        return np.frombuffer(zlib.decompress(self.packed_mask), np.uint8).reshape(height, MASK_WIDTH)


def observe(pose: Pose, looks: np.ndarray, worth: float, alone: bool, picture_size: tuple[int, int]) -> Observation:
    """What is kept of a pose that was seen in a picture of (width, height) px."""
    mask = mask_in_picture(pose, picture_size, MASK_WIDTH)
    return Observation(pose.without_mask(), looks, float(worth), alone, zlib.compress(mask.tobytes(), 1))


@dataclass
class Track:
    """One person followed without a break longer than the tracker's patience."""

    observations: dict[int, Observation] = field(default_factory=dict)
    """By step: 0 is the first frame that was looked at."""

    @property
    def first(self) -> int:
        return min(self.observations)

    @property
    def last(self) -> int:
        return max(self.observations)

    def since(self, step: int) -> Track:
        """The track without what was seen before `step`."""
        return Track({k: seen for k, seen in self.observations.items() if k >= step})

    def evidence(self) -> float:
        """How long and how clearly the person was seen."""
        return sum(seen.pose.quality for seen in self.observations.values())


@dataclass(frozen=True)
class _SeenPast:
    """A skeleton of person `owner` (a number among those followed) seen when others were painted over."""

    owner: int
    pose: Pose
    worth: float
    """What that adds to its quality."""


class _Pool:
    """The skeletons found in a frame, and what assignment needs to know of them."""

    def __init__(self, image: np.ndarray, poses: list[Pose], behind: Sequence[_SeenPast] = ()) -> None:
        """`behind` are skeletons seen past others, which can only be their owners'."""
        self.poses = [*poses, *(past.pose for past in behind)]
        self.owner = np.array([NOBODY] * len(poses) + [past.owner for past in behind], int)
        self.looks = [describe(image, pose) for pose in self.poses]
        self.points = np.array([pose.points for pose in self.poses]).reshape(-1, len(LANDMARKS), 2)
        self.scales = np.array([pose.scale for pose in self.poses])
        self.worth = np.array([pose.quality for pose in self.poses])
        self.worth[len(poses) :] += [past.worth for past in behind]
        self.alike = similarity(self.points, self.points, self.scales, self.scales)
        self.collapse = collapse(self.points, self.points, self.scales, self.scales)


@dataclass
class _Followed:
    """A person as last seen, and where to look for them next."""

    track: Track
    pose: Pose
    region: Region
    velocity: np.ndarray = field(default_factory=lambda: np.zeros(2))
    looks: np.ndarray | None = None
    trusted: Region | None = None
    """Where the person was surely seen last."""
    missed: int = 0

    def regions(self) -> list[Region]:
        lost = self.trusted is not None and not similar(self.region, self.trusted, _DRIFTED)
        return [self.region, self.trusted] if lost and self.trusted else [self.region]

    def see(self, pose: Pose, looks: np.ndarray, alone: bool) -> None:
        moved = pose.torso_middle - self.pose.torso_middle
        self.velocity = _VELOCITY_WEIGHT * moved / (1 + self.missed)
        self.region = blend(self.region, pose.next_region, _REGION_WEIGHT)
        self.pose, self.missed = pose, 0
        if self.looks is None:
            self.looks = looks
        elif alone:
            self.looks = self.looks + _LOOKS_MEMORY * (looks - self.looks)
        if alone and pose.quality > _SURE_QUALITY and likeness(self.looks, looks) > _LIKENESS:
            self.trusted = self.region


class Tracker:
    """Call `advance` for each frame in order, then read `tracks`."""

    def __init__(self, networks: Networks, picture_size: tuple[int, int]) -> None:
        self._networks = networks
        self._size = picture_size
        self._followed: list[_Followed] = []
        self._finished: list[Track] = []
        self._full = [full_window(*picture_size)]
        self._tiles = tile_windows(*picture_size, 0.6)
        self._small_tiles = tile_windows(*picture_size, 0.4)

    @property
    def tracks(self) -> list[Track]:
        """Everyone so far, most evidence first."""
        everyone = self._finished + [person.track for person in self._followed]
        return sorted(everyone, key=lambda track: -track.evidence())

    def masks(self, step: int) -> np.ndarray:
        """uint8 [h,MASK_WIDTH] 0-255, where anybody is in a frame."""
        union = np.zeros((mask_height(self._size, MASK_WIDTH), MASK_WIDTH), np.uint8)
        for person in self._followed:
            seen = person.track.observations.get(step)
            if seen is not None:
                union = np.maximum(union, seen.mask(self._size))
        return union

    def repeat(self, step: int) -> None:
        """The frame repeats the one before it: so does what is seen."""
        for person in self._followed:
            if person.missed == 0:
                person.track.observations[step] = person.track.observations[step - 1]

    def advance(self, step: int, image: np.ndarray) -> None:
        """Look at the next frame, image uint8 [H,W,3]."""
        expected = [region for person in self._followed for region in person.regions()]
        found = candidates(self._networks, image, self._windows(step), expected)
        pool = _Pool(image, sorted(found, key=lambda pose: -pose.quality)[:_MOST_CANDIDATES])
        value = self._value(pool)
        choice = assign(value, pool.collapse, _NOBODY)
        behind = self._behind(image, pool, value, choice)
        if behind:
            pool = _Pool(image, pool.poses, behind)
            value = self._value(pool)
            choice = assign(value, pool.collapse, _NOBODY)
        self._record(step, pool, value, choice)
        self._forget()

    def _record(self, step: int, pool: _Pool, value: np.ndarray, choice: list[int]) -> None:
        """Note who was seen where, strangers included, who are followed from now on."""
        strangers = self._strangers(pool, [c for c in choice if c != NOBODY])
        for c in strangers:
            self._followed.append(_Followed(Track(), pool.poses[c], pool.poses[c].next_region))
        value = np.concatenate([value, np.full((len(strangers), len(pool.poses)), -np.inf)])
        choice = choice + strangers
        masks = {c: mask_in_picture(pool.poses[c], self._size, MASK_WIDTH) for c in choice if c != NOBODY}
        for person, c, worth in zip(self._followed, choice, value):
            if c == NOBODY:
                person.missed += 1
                continue
            alone = all(_shared(masks[c], masks[k]) < _ALONE for k in masks if k != c)
            seen, *others = (
                observe(pool.poses[k], pool.looks[k], pool.worth[k], alone, self._size)
                for k in (c, *_alternatives(c, worth, pool, list(masks)))
            )
            person.track.observations[step] = replace(seen, alternatives=tuple(others))
            person.see(pool.poses[c], pool.looks[c], alone)

    def _value(self, pool: _Pool) -> np.ndarray:
        """float [P,C], what each skeleton is worth to each person that is followed; -inf where it is out of reach."""
        if not self._followed or not pool.poses:
            return np.zeros((len(self._followed), len(pool.poses)))
        expected = np.array([person.pose.points + person.velocity for person in self._followed])
        scales = np.array([person.pose.scale for person in self._followed])
        like_last = np.maximum(
            similarity(expected, pool.points, scales, pool.scales),
            _EXCHANGED * similarity(expected[:, MIRROR], pool.points, scales, pool.scales),
        )
        value = pool.worth + _LIKE_LAST_WEIGHT * like_last
        for row, person in enumerate(self._followed):
            for column, pose in enumerate(pool.poses):
                anothers = pool.owner[column] not in (NOBODY, row)
                if anothers or _gap(person.pose, pose, person.velocity) > _REACH * (1 + 0.2 * person.missed):
                    value[row, column] = -np.inf
                elif person.looks is not None:
                    value[row, column] += _LOOKS_WEIGHT * (likeness(person.looks, pool.looks[column]) - _LIKENESS)
        return value

    def _behind(self, image: np.ndarray, pool: _Pool, value: np.ndarray, choice: list[int]) -> list[_SeenPast]:
        """More skeletons for people who are close to others.

        They are seen when the others are painted over, where the others are or, if nobody knows that, were last: in an
        embrace one skeleton is often found for two.
        """
        poses = [person.pose if c == NOBODY else pool.poses[c] for person, c in zip(self._followed, choice)]
        masks: dict[int, np.ndarray] = {}
        more = []
        for index, person in enumerate(self._followed):
            near = [k for k, pose in enumerate(poses) if k != index and _gap(poses[index], pose) < _CLOSE]
            if not near:
                continue
            for k in (index, *near):
                if k not in masks:
                    masks[k] = self._whole_mask(self._followed[k], None if choice[k] == NOBODY else poses[k])
            theirs = np.max([masks[k] for k in near], 0)
            hidden = (theirs > _MASKED) & (theirs >= masks[index])
            sure = choice[index] != NOBODY and value[index, choice[index]] > _SURE_VALUE
            # What both masks claim alike may be mine: who is surely seen may well be the one in front.
            in_front = sure and _covered(poses[index], hidden & (theirs > masks[index])) < _LEAST_COVERED
            worth = 0.0 if in_front else _PAST_WORTH
            seen = look_past(self._networks, image, hidden, person.regions())
            more += [_SeenPast(index, pose, worth) for pose in seen]
        return more

    def _whole_mask(self, person: _Followed, pose: Pose | None) -> np.ndarray:
        """uint8 [H,W] 0-255, where the person is in the picture or, without a pose, was when seen last."""
        if pose is not None:
            return mask_in_picture(pose, self._size, self._size[0])
        seen = person.track.observations[person.track.last]
        return cv2.resize(seen.mask(self._size), self._size, interpolation=cv2.INTER_LINEAR)

    def _strangers(self, pool: _Pool, taken: list[int]) -> list[int]:
        """Which skeletons are of people who are not followed yet."""
        new: list[int] = []
        for c, pose in enumerate(pool.poses):
            others = taken + new
            owned = pool.owner[c] != NOBODY
            if owned or len(self._followed) + len(new) >= _MOST_PEOPLE or pose.quality < _NEW_QUALITY:
                continue
            if all(pool.collapse[c, k] < _NEW_LIKENESS and _gap(pose, pool.poses[k]) > _NEW_DISTANCE for k in others):
                new.append(c)
        return new

    def _forget(self) -> None:
        still = []
        for person in self._followed:
            young = len(person.track.observations) <= _TENTATIVE
            if person.missed <= (1 if young else _PATIENCE):
                still.append(person)
            elif not young:
                self._finished.append(person.track)
        self._followed = still

    def _windows(self, step: int) -> list[Region]:
        """Where to look for people: everywhere and closely when somebody may be missed or confused, rarely when not."""
        sure = [p for p in self._followed if p.missed == 0 and p.pose.quality > _SURE_QUALITY]
        apart = all(_gap(a.pose, b.pose) > _CLOSE for a, b in combinations(self._followed, 2))
        if len(sure) >= 2 and len(sure) == len(self._followed) and apart:
            return self._full if step % _REST_FRAMES == 0 else []
        if len(sure) >= 2 or step % _FINE_FRAMES:
            return self._full + self._tiles
        return self._full + self._tiles + self._small_tiles


def _alternatives(chosen: int, value: np.ndarray, pool: _Pool, taken: list[int]) -> list[int]:
    """The best other skeletons for the person who took `chosen`: worth something, distinct, and on nobody else's body.

    `value` [C] is what each is worth to the person.
    """
    kept: list[int] = []
    for k in np.argsort(-value):
        apart = all(pool.alike[k, other] < _SAME_SKELETON for other in [chosen, *kept])
        free = all(pool.collapse[k, other] < _OTHERS_BODY for other in taken if other != chosen)
        if value[k] > _LEAST_ALTERNATIVE and apart and free:
            kept.append(int(k))
    return kept[:_MOST_ALTERNATIVES]


def _shared(mine: np.ndarray, other: np.ndarray) -> float:
    """Share of my mask that the other's covers too."""
    return float(np.minimum(mine, other).sum(dtype=np.float64) / max(mine.sum(dtype=np.float64), 1.0))


def _covered(pose: Pose, hidden: np.ndarray) -> float:
    """Share of the limbs' joints that lie where hidden, bool [H,W], is true."""
    column, row = np.clip(pose.points[LIMBS].astype(int).T, 0, [[hidden.shape[1] - 1], [hidden.shape[0] - 1]])
    return float(hidden[row, column].mean())


def _gap(a: Pose, b: Pose, shift: np.ndarray | float = 0.0) -> float:
    """Distance of the torsos in body scales, `a` moved by `shift` px."""
    return float(np.linalg.norm(a.torso_middle + shift - b.torso_middle)) / max(a.scale, b.scale)
