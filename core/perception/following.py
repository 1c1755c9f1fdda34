"""Second pass over a clip: the landmarks of people whose tracks are known, each person's in every frame.

People who are close are followed as a pair: MoveNet looks at the square around them, its people are matched to where both are
expected at once, and who has no centre of their own is sought in the keypoint maps around the expected keypoints. The landmark
network then looks at each person's crop; where it answers for somebody else, the prompted network is asked for the person
alone, and where that does not know either, MoveNet's keypoints stand in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from ..contract.runs import frames_in
from .appearance import appearance_embedding, appearance_similarity
from .assignment import UNASSIGNED, assign, same_body, similarity
from .crops import Crop, blend, similar
from .landmarks import Pose
from .movenet import LIMBS, FoundPerson, KeypointMaps
from .networks import PerceptionNetworks
from .pair_poses import person_beside, poses_of_group
from .scan import distinct_people, window_around
from .skeletons import SHARED, body_crop, limbs_extent, person_of_pose, pose_of_person, with_keypoints
from .track import Sighting, Track, TrackedPose, tracked_pose

_CLOSE = 1.6
"""People whose trunks are nearer, in scales, may be taken for each other."""
_PAIR_WINDOW = 1.35
"""Side of the square around people who are close, of the longer side of the box around their limbs."""
_LEAST_SCORE = 0.02
"""Of a candidate in that square."""
_NEAR = 0.22
"""Median distance of the limbs' joints from where they are expected, in extents of the limbs, at which a candidate is worth
as much as none."""
_APPEARANCE_WEIGHT, _USUAL_SIMILARITY = 1.0, 0.8
_QUALITY_WEIGHT, _USUAL_QUALITY = 1.0, 0.4
"""What a candidate is worth for looking more like the person, and for being seen better, than is usual."""
_VELOCITY_WEIGHT = 0.5
"""Part of the last velocity with which people are expected to go on."""
_LEAST_GUESS = 0.15
"""Mean confidence of the limbs' joints from which somebody without a centre counts as seen."""
_MOST_GUESSED = 0.27
"""Seconds for which somebody may be seen without a centre; guesses from guesses drift away."""
_UNSURE = 0.15
"""Confidence of a keypoint at which it and its expected place count alike."""
_PATIENCE = 0.33
"""Seconds for which somebody is sought where they were last."""
_REACH = 1.0
"""Seconds to the next sighting of a person between which and the last one they are expected."""
_CROP_WEIGHT = 0.7
"""Of the crop that the landmark network proposes next, against the last one."""
_STEPS_PER_SCALE = 16
"""Steps per scale of the grid for the expected keypoints that become prompts."""
_SAME_CROP = 0.12
"""Crops that differ by less (`crops.similar`) are looked at once."""
_LEAST_SCORE_OF_POSE = 0.5
_OWN_SIMILARITY = 0.6
"""Least similarity of a pose to the keypoints of the person whose it is."""
_LEAST_QUALITY_UNSEEN = 0.35
"""Of a pose of somebody whose keypoints were not found."""
_APART = 0.15
"""Distance in scales from which landmark and keypoint contradict each other."""
_EXPECTED_WEIGHT = 0.4
"""What it counts, beside the networks' confidences, that a point is where it is expected."""
_MOST_REPLACED = 0.35
"""Fraction of the limbs' joints from which on a pose is no longer the person's own: its metric landmarks are somebody else's."""
_CLEAR = 0.2
"""Confidence from which a keypoint may replace a landmark."""
_KEYPOINT_CONFIDENCE = 0.8
"""Factor of the confidence of a keypoint that stands in for a landmark."""


@dataclass(eq=False)
class _Followed:
    """A person, as last seen."""

    track: Track[Sighting]
    """From the first pass."""
    frame_rate: float
    result: Track[TrackedPose] = field(default_factory=lambda: Track[TrackedPose]())
    person: FoundPerson | None = None
    velocity: np.ndarray = field(default_factory=lambda: np.zeros((17, 2)))
    crop: Crop | None = None
    world: np.ndarray = field(default_factory=lambda: np.zeros((33, 3), np.float32))
    appearance: np.ndarray | None = None
    last_step: int = 0
    guesses: int = 0
    """Frames since the person was last seen with a centre of their own or by the landmark network."""

    def expected(self, step: int) -> FoundPerson | None:
        """Where the person should be: moved on since the last frame, or between the last and the next sighting."""
        missed = step - self.last_step - 1
        if self.person is not None and missed == 0:
            return _moved(self.person, self.velocity)
        reach = self.frames_in(_REACH)
        coming = next((s for s in range(step, step + reach) if s in self.track.seen), None)
        if coming is not None:
            following = self.track.seen[coming].person
            if self.person is None or missed > reach:
                return following
            fraction = (step - self.last_step) / (coming - self.last_step)
            between = (1 - fraction) * self.person.points + fraction * following.points
            return replace(following, points=between.astype(np.float32))
        return self.person if missed < self.frames_in(_PATIENCE) else None

    @property
    def may_be_guessed(self) -> bool:
        """Whether the person may be seen without a centre of their own."""
        return self.guesses < self.frames_in(_MOST_GUESSED)

    def frames_in(self, seconds: float) -> int:
        return frames_in(seconds, 1 / self.frame_rate)

    def see(self, step: int, seen: FoundPerson, found: TrackedPose, own: bool) -> None:
        """Take over what was seen in a frame; `own` where the landmark network answered for this person."""
        if self.person is not None and self.last_step == step - 1:
            self.velocity = _VELOCITY_WEIGHT * (seen.points - self.person.points)
        else:
            self.velocity = np.zeros((17, 2))
        self.person, self.last_step = seen, step
        if own:
            following = found.pose.next_crop
            self.crop = following if self.crop is None else blend(self.crop, following, _CROP_WEIGHT)
            self.world = found.pose.world
        else:
            self.crop = None
        if self.appearance is None:
            self.appearance = found.appearance
        self.result.seen[step] = found


class _Answer(NamedTuple):
    """One person's pose in one frame, as the networks have it."""

    pose: Pose
    own: bool
    """Whether a landmark network answered for this person; otherwise the pose has nothing but their keypoints."""
    of_one_alone: bool
    """Whether the network for one person answered: it has seen them, whether or not a centre of theirs was found."""
    keypoints: FoundPerson | None
    """None of somebody whose keypoints were not found."""


class Follower:
    """Call `advance` for each frame in order, `repeat` for a duplicate; then read `tracks`."""

    def __init__(
        self,
        networks: PerceptionNetworks,
        tracks: Sequence[Track[Sighting]],
        picture_size: tuple[int, int],
        frame_rate: float,
    ) -> None:
        self._networks, self._size = networks, picture_size
        self._people = [_Followed(track, frame_rate, appearance=_usual_appearance(track)) for track in tracks]

    @property
    def tracks(self) -> list[Track[TrackedPose]]:
        return [person.result for person in self._people]

    def repeat(self, step: int) -> None:
        """The frame shows what the last one showed."""
        for followed in self._people:
            if followed.person is not None and followed.last_step == step - 1:
                followed.result.seen[step] = followed.result.seen[step - 1]
                followed.last_step = step

    def advance(self, step: int, image: UInt8[np.ndarray, "H W 3"], sightings: Sequence[Sighting]) -> None:
        """Find everyone in the next frame; `sightings` are those of the first pass."""
        expected = [followed.expected(step) for followed in self._people]
        here = [number for number, person in enumerate(expected) if person is not None]
        people = [person for person in expected if person is not None]
        if not people:
            return
        candidates, maps = self._candidates(image, people, sightings)
        matched = self._match(here, people, candidates, image)
        found = [
            match or self._guessed(number, predicted, around)
            for match, number, predicted, around in zip(matched, here, people, maps)
        ]
        answers = self._answers(image, here, people, found, maps)
        for number, answer, match in zip(here, answers, matched):
            if answer is not None:
                self._take_over(step, image, number, answer, is_guess=match is None and not answer.of_one_alone)

    def _guessed(self, number: int, predicted: FoundPerson, maps: KeypointMaps | None) -> FoundPerson | None:
        """What the maps show of somebody who was not found, for as long as that may be."""
        return _sought(predicted, maps if self._people[number].may_be_guessed else None)

    def _answers(
        self,
        image: np.ndarray,
        here: Sequence[int],
        people: Sequence[FoundPerson],
        found: Sequence[FoundPerson | None],
        maps: Sequence[KeypointMaps | None],
    ) -> list[_Answer | None]:
        """What the networks say of each person: the prompted one of those close to each other, else both of one alone."""
        prompted = self._prompted_poses(image, [_snapped(predicted) for predicted in people], found, maps)
        seen = [None if person is None else _smoothed(person, predicted) for person, predicted in zip(found, people)]
        rest = [place for place, pose in enumerate(prompted) if pose is None]
        alone = self._poses(image, [here[k] for k in rest], [people[k] for k in rest], [seen[k] for k in rest])
        poses = dict(zip(rest, alone))
        for place in rest:
            person, is_alone = seen[place], maps[place] is None
            # of people close to each other, it was asked already, and alone it may answer for the one in front
            if is_alone and person is not None and poses[place] is None:
                [prompted[place]] = poses_of_group(self._networks.pair, image, [person], [people[place]], None)
        return [
            _Answer(pose, own=True, of_one_alone=False, keypoints=person)
            if pose is not None
            else _fused(person, predicted, poses[place], self._people[number].world)
            for place, (pose, person, predicted, number) in enumerate(zip(prompted, seen, people, here))
        ]

    def _take_over(self, step: int, image: np.ndarray, number: int, answer: _Answer, *, is_guess: bool) -> None:
        """What was seen of a person in this frame, for the result and for where they are looked for next."""
        followed, pose = self._people[number], answer.pose
        person = answer.keypoints or person_of_pose(pose)
        found = tracked_pose(pose, appearance_embedding(image, person), person.quality, self._size)
        followed.guesses = followed.guesses + 1 if is_guess else 0
        followed.see(step, person_of_pose(pose), replace(found, has_metric_landmarks=answer.own), own=answer.own)

    def _candidates(
        self, image: np.ndarray, people: Sequence[FoundPerson], sightings: Sequence[Sighting]
    ) -> tuple[list[FoundPerson], list[KeypointMaps | None]]:
        """Whom the people may be, and for each of them the maps of the square around them and those close to them, if any are."""
        found = [sighting.person for sighting in sightings]
        maps: list[KeypointMaps | None] = [None] * len(people)
        for group in _groups(people):
            if len(group) < 2:
                continue
            points = np.concatenate([people[k].points[LIMBS] for k in group])
            window = window_around(points, _PAIR_WINDOW).snapped()
            [(nearer, group_maps)] = self._networks.people.find(image, [window])
            for k in group:
                maps[k] = group_maps
            found += [person for person in nearer if person.score > _LEAST_SCORE]
            seen = distinct_people(nearer)
            if len(group) == 2 and len(seen) == 1:
                beside = person_beside(self._networks.pair, image, seen[0], group_maps)
                found += [] if beside is None else [beside.person]
        return found, maps

    def _match(
        self, here: Sequence[int], people: Sequence[FoundPerson], candidates: Sequence[FoundPerson], image: np.ndarray
    ) -> list[FoundPerson | None]:
        """The candidate that is each of the people, all matched at once."""
        if not candidates:
            return [None] * len(people)
        quality = np.array([candidate.quality for candidate in candidates])
        values = np.tile(_QUALITY_WEIGHT * (quality - _USUAL_QUALITY), (len(people), 1))
        for row, predicted in enumerate(people):
            for column, candidate in enumerate(candidates):
                distance = np.linalg.norm(candidate.points[LIMBS] - predicted.points[LIMBS], axis=1)
                values[row, column] += 1 - float(np.median(distance)) / (_NEAR * max(limbs_extent(predicted), 1.0))
        if len(people) > 1 and values.max() > -1:
            near = [bool((column > -1).any()) for column in values.T]
            embeddings = [appearance_embedding(image, c) if n else None for c, n in zip(candidates, near)]
            for row, number in enumerate(here):
                usual = self._people[number].appearance
                for column, embedding in enumerate(embeddings):
                    if embedding is not None and usual is not None:
                        alike = appearance_similarity(embedding, usual)
                        values[row, column] += _APPEARANCE_WEIGHT * (alike - _USUAL_SIMILARITY)
        choice = assign(values, same_body(candidates, candidates), 0.0)
        return [None if c == UNASSIGNED else candidates[c] for c in choice]

    def _prompted_poses(
        self,
        image: np.ndarray,
        people: Sequence[FoundPerson],
        found: Sequence[FoundPerson | None],
        maps: Sequence[KeypointMaps | None],
    ) -> list[Pose | None]:
        """The poses of people who are close to each other, where the prompted network knows them."""
        seen = [None if person is None else _smoothed(person, predicted) for person, predicted in zip(found, people)]
        poses: list[Pose | None] = [None] * len(people)
        for group in _groups(people):
            if len(group) < 2:
                continue
            answers = poses_of_group(
                self._networks.pair, image, [seen[k] for k in group], [people[k] for k in group], maps[group[0]]
            )
            for k, answer in zip(group, answers):
                # whom nothing in this frame speaks for is not seen for longer than a guess may last
                if seen[k] is not None:
                    poses[k] = answer
        return poses

    def _poses(
        self,
        image: np.ndarray,
        here: Sequence[int],
        people: Sequence[FoundPerson],
        seen: Sequence[FoundPerson | None],
    ) -> list[Pose | None]:
        """For each person the pose that the landmark network has of them, if it has one."""
        crops: list[Crop] = []
        for number, predicted, person in zip(here, people, seen):
            followed = self._people[number]
            wanted = [followed.crop] if followed.crop is not None else []
            around = body_crop(person if person is not None else predicted)
            if not any(similar(around, crop, _SAME_CROP) for crop in wanted):
                wanted.append(around)
            crops += [crop for crop in wanted if not any(similar(crop, known, _SAME_CROP) for known in crops)]
        poses = [pose for pose in self._networks.body.predict(image, crops) if pose.score >= _LEAST_SCORE_OF_POSE]
        if not poses:
            return [None] * len(people)
        skeletons = [person_of_pose(pose) for pose in poses]
        truth = [person if person is not None else predicted for person, predicted in zip(seen, people)]
        own = similarity(truth, skeletons)
        values = np.array([pose.quality for pose in poses]) + 2 * own
        for row, person in enumerate(seen):
            least = _OWN_SIMILARITY if person is not None else _OWN_SIMILARITY + 0.1
            values[row, own[row] < least] = -np.inf
        choice = assign(values, same_body(skeletons, skeletons), 0.0)
        return [None if c == UNASSIGNED else poses[c] for c in choice]


def _sought(predicted: FoundPerson, maps: KeypointMaps | None) -> FoundPerson | None:
    """What the maps show of somebody without a centre where they are expected, if it is enough."""
    if maps is None:
        return None
    found = maps.nearest_keypoints(predicted.points, predicted.scale)
    return found if found.quality >= _LEAST_GUESS else None


def _smoothed(match: FoundPerson, predicted: FoundPerson) -> FoundPerson:
    """The match, its unsure keypoints drawn to the expected ones."""
    weight = (match.confidence / (match.confidence + _UNSURE))[:, None]
    points = weight * match.points + (1 - weight) * predicted.points
    return replace(match, points=points.astype(np.float32))


def _fused(
    seen: FoundPerson | None,
    predicted: FoundPerson,
    pose: Pose | None,
    world: Float[np.ndarray, "33 3"],
) -> _Answer | None:
    """One person's pose from both networks; None if neither has one."""
    if seen is None:
        return _Answer(pose, True, True, None) if pose is not None and pose.quality > _LEAST_QUALITY_UNSEEN else None
    if pose is None:
        of_keypoints = pose_of_person(seen, _KEYPOINT_CONFIDENCE * seen.confidence, world)
        return _Answer(of_keypoints, False, False, seen)
    mine = pose.points[SHARED]
    confidence = (pose.visibility * pose.presence)[SHARED]
    far = np.linalg.norm(mine - seen.points, axis=1) > _APART * seen.scale
    votes_for_seen = seen.confidence + _EXPECTED_WEIGHT * _nearness(seen.points, predicted)
    votes_for_mine = pose.heat[SHARED] + _EXPECTED_WEIGHT * _nearness(mine, predicted)
    replaced = far & (seen.confidence > _CLEAR) & (votes_for_seen > votes_for_mine)
    confidence = np.where(replaced, _KEYPOINT_CONFIDENCE * seen.confidence, confidence)
    is_own = float(replaced[LIMBS].mean()) < _MOST_REPLACED
    return _Answer(with_keypoints(pose, seen, replaced, confidence), is_own, is_own, seen)


def _nearness(points: Float[np.ndarray, "17 2"], predicted: FoundPerson) -> Float[np.ndarray, " 17"]:
    """0-1, how near keypoints are to where they are expected."""
    distance = np.linalg.norm(points - predicted.points, axis=1) / predicted.scale
    return np.exp(-((distance / _APART) ** 2) / 2)


def _snapped(person: FoundPerson) -> FoundPerson:
    """The person with keypoints on a grid: see `Crop.snapped` for why what is fed back lies on one."""
    step = 2.0 ** np.round(np.log2(max(person.scale, 1.0))) / _STEPS_PER_SCALE
    return replace(person, points=(np.round(person.points / step) * step).astype(np.float32))


def _moved(person: FoundPerson, velocity: np.ndarray) -> FoundPerson:
    return replace(person, points=(person.points + velocity).astype(np.float32))


def _groups(people: Sequence[FoundPerson]) -> list[list[int]]:
    """Numbers of people who are close to each other, directly or by way of others."""
    groups: list[list[int]] = []
    for number, person in enumerate(people):
        near = [group for group in groups if any(person.distance_to(people[k]) < _CLOSE for k in group)]
        groups = [group for group in groups if group not in near]
        groups.append([k for group in near for k in group] + [number])
    return groups


def _usual_appearance(track: Track[Sighting]) -> np.ndarray | None:
    """Mean appearance in frames in which the person was isolated, or in all."""
    seen = list(track.seen.values())
    chosen = [one for one in seen if one.isolated] or seen
    return np.mean([one.appearance for one in chosen], 0).astype(np.float32) if chosen else None
