"""Second pass with the hub's networks: in every frame ViTPose++ looks at each person by their mask and box.

What it finds prompts the embedded landmark network, which adds the other landmarks and their places in metres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from ...clip import Frame
from ..appearance import appearance_embedding
from ..landmarks import Pose
from ..movenet import LIMBS, FoundPerson, KeypointMaps
from ..networks import PerceptionNetworks
from ..pair_poses import pose_of_answer
from ..prompted_graph import LIMB_JOINTS
from ..prompted_landmarks import JointPrompt, Query, crop_of_joints
from ..scan import window_around
from ..skeletons import person_of_pose, pose_of_person
from ..track import Sighting, Track, TrackedPose, packed
from .fusion import fused
from .keypoints import HubKeypoints, KeypointNetwork, KeypointQuery
from .masked_people import box_of_mask, mask_for_detections, whole_box
from .video_masks import PairMasks

_WINDOW = 1.35
"""Side of the square around both people, of the longer side of the box around their limbs."""
_LEAST_SCORE = 0.0
"""Logit of a mask from which the person is in the frame."""
_MOST_GUESSES = 8
"""Frames in a row for which somebody without a mask is sought where they were."""
_GUESS_CONFIDENCE = 0.6
_LEAST_CONFIDENCE = 0.45
"""Mean confidence of the limb joints from which the landmark network's answer for somebody without a mask is believed."""
_REACH = 1.5
"""Scales that somebody without a mask may be from where they were."""


@dataclass(eq=False)
class _Followed:
    result: Track[TrackedPose] = field(default_factory=lambda: Track[TrackedPose]())
    person: FoundPerson | None = None
    world: np.ndarray = field(default_factory=lambda: np.zeros((33, 3), np.float32))
    guesses: int = 0


@dataclass(frozen=True)
class _Detection:
    """One person of a frame, as ViTPose++ found them."""

    keypoints: HubKeypoints
    person: FoundPerson
    seen: bool
    """False where there is no mask, and the keypoints are those of an earlier frame."""


class MaskedFollower:
    """Follows the people of two tracks through frames whose masks are known; call `advance` with some successive frames at a
    time."""

    def __init__(
        self,
        networks: PerceptionNetworks,
        keypoints: KeypointNetwork,
        tracks: Sequence[Track[Sighting]],
        masks: Mapping[int, PairMasks],
        picture_size: tuple[int, int],
    ) -> None:
        self._networks, self._keypoints = networks, keypoints
        self._sightings, self._masks, self._size = tracks, masks, picture_size
        self._people = [_Followed() for _ in tracks]

    @property
    def tracks(self) -> list[Track[TrackedPose]]:
        return [person.result for person in self._people]

    def repeat(self, step: int) -> None:
        """The frame shows what the last one showed."""
        for followed in self._people:
            if step - 1 in followed.result.seen:
                followed.result.seen[step] = followed.result.seen[step - 1]

    def advance(self, frames: Sequence[tuple[int, Frame]]) -> None:
        """Find both people in some frames, with their steps."""
        masks = {step: self._masks[step].unpacked() for step, _ in frames if step in self._masks}
        asked: list[tuple[int, int, KeypointQuery]] = []
        for step, frame in frames:
            for person in range(len(self._people)):
                query = self._query(step, frame.image, person, masks.get(step))
                if query is not None:
                    asked.append((step, person, query))
        answers = self._keypoints.predict([query for _, _, query in asked])
        found = {(step, person): (answer, query.box) for (step, person, query), answer in zip(asked, answers)}
        for step, frame in frames:
            detections = [self._detection(person, found.get((step, person))) for person in range(len(self._people))]
            self._finish(step, frame.image, detections, masks.get(step))

    def _query(
        self, step: int, image: np.ndarray, person: int, masks: UInt8[np.ndarray, "2 S S"] | None
    ) -> KeypointQuery | None:
        sighting = self._sightings[person].seen.get(step)
        box = None
        if masks is not None and self._masks[step].score[person] > _LEAST_SCORE:
            box = box_of_mask(masks[person], self._size)
        if box is not None and masks is not None:
            expected = None if sighting is None else sighting.person
            return KeypointQuery(image, whole_box(box, expected, masks, person, self._size), masks[1 - person])
        if sighting is not None and sighting.isolated:  # the masks lost somebody who stands alone
            return KeypointQuery(image, sighting.person.box)
        return None

    def _detection(self, person: int, answer: tuple[HubKeypoints, np.ndarray] | None) -> _Detection | None:
        """What is known of somebody from their mask or, for some frames after it was lost, from where they were."""
        followed = self._people[person]
        if answer is not None:
            keypoints, box = answer
            return _Detection(keypoints, keypoints.person(float(keypoints.confidence[LIMBS].mean()), box), True)
        if followed.person is None or followed.guesses >= _MOST_GUESSES:
            return None
        last = followed.person
        spread = np.tile((0.3 * last.scale) ** 2 * np.eye(2, dtype=np.float32), (len(last.points), 1, 1))
        unsure = np.full(len(last.points), _GUESS_CONFIDENCE, np.float32)
        return _Detection(HubKeypoints(last.points, unsure, spread), last, False)

    def _finish(
        self,
        step: int,
        image: np.ndarray,
        detections: Sequence[_Detection | None],
        masks: UInt8[np.ndarray, "2 S S"] | None,
    ) -> None:
        here = [person for person, detection in enumerate(detections) if detection is not None]
        known = [detection for detection in detections if detection is not None]
        if not known:
            return
        maps = self._maps(image, known)
        prompts = [_prompt(detection) for detection in known]
        queries = [
            Query(crop_of_joints(own.points, own.confidence), own, _other(prompts, number), maps)
            for number, own in enumerate(prompts)
        ]
        answers = self._networks.pair.predict(image, queries)
        for person, detection, answer in zip(here, known, answers):
            followed = self._people[person]
            pose = pose_of_answer(answer, self._size)
            own = True
            if detection.seen:
                pose, own = fused(pose, detection.keypoints, detection.person.scale)
                if not own:
                    pose = self._of_keypoints(detection, followed.world)
            elif pose.score < _LEAST_CONFIDENCE or person_of_pose(pose).distance_to(detection.person) > _REACH:
                continue
            appearance = appearance_embedding(image, detection.person)
            mask = (
                mask_for_detections(masks[person], self._size)
                if masks is not None and detection.seen
                else np.zeros_like(mask_for_detections(np.zeros((2, 2), np.uint8), self._size))
            )
            followed.guesses = 0 if detection.seen else followed.guesses + 1
            followed.person = person_of_pose(pose)
            followed.world = pose.world
            followed.result.seen[step] = TrackedPose(
                pose.without_mask(), appearance, detection.person.quality, packed(mask), own
            )

    def _of_keypoints(self, detection: _Detection, world: np.ndarray) -> Pose:
        """A pose of ViTPose's keypoints alone, where the landmark network answered for somebody else."""
        pose = pose_of_person(detection.person, detection.keypoints.confidence, world)
        return fused(pose, detection.keypoints, detection.person.scale)[0]

    def _maps(self, image: np.ndarray, detections: Sequence[_Detection]) -> KeypointMaps:
        """MoveNet's keypoint maps of the square around everyone, which the landmark network looks at as well."""
        points = np.concatenate([detection.person.points[LIMBS] for detection in detections])
        [(_, maps)] = self._networks.people.find(image, [window_around(points, _WINDOW).snapped()])
        return maps


def _prompt(detection: _Detection) -> JointPrompt:
    points = detection.keypoints
    sigma = np.sqrt(np.trace(points.covariance, axis1=1, axis2=2) / 2)
    return JointPrompt(
        points.points[-LIMB_JOINTS:].astype(np.float64),
        np.clip(points.confidence[-LIMB_JOINTS:], 0, 1),
        np.minimum(sigma[-LIMB_JOINTS:], 0.1 * detection.person.scale),
    )


def _other(prompts: Sequence[JointPrompt], number: int) -> JointPrompt | None:
    return prompts[1 - number] if len(prompts) > 1 else None
