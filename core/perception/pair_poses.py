"""Poses of people who are close to each other: the prompted network is asked for each by their own and the other's keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import UInt8

from .assignment import similarity
from .landmarks import Pose
from .movenet import FoundPerson, KeypointMaps
from .prompted_landmarks import (
    ASKED_SCALE,
    PROMPT_JOINTS,
    JointPrompt,
    PromptedLandmarks,
    PromptedPose,
    Query,
    crop_of_joints,
)
from .skeletons import SHARED, body_crop, person_of_pose, with_keypoints

_LEAST_CONFIDENCE = 0.45
"""Mean confidence of the limb joints from which an answer is believed."""
_SEEN, _MOST_PASSES = 0.3, 2
"""Visibility of whoever is not the one who is known from which the network is asked again, and how often. Beside people who are
alone it is below 0.1."""
_GUESS_CONFIDENCE = 0.6
"""Of a prompt that is only where the person is expected to be."""
_REACH = 1.0
"""Distance in scales of a joint from the prompt beyond which it is somebody else's."""
_ONE_BODY = 0.85
"""Similarity of two answers' limbs from which they are of one body."""
_FULL_CONFIDENCE = 0.95
"""What a heat map as sharp as the training targets has around its maximum."""
_MASK_SIDE = 256
"""px, as of the landmark network's masks."""


def poses_of_group(
    network: PromptedLandmarks,
    image: UInt8[np.ndarray, "H W 3"],
    seen: Sequence[FoundPerson | None],
    expected: Sequence[FoundPerson],
    maps: KeypointMaps | None,
) -> list[Pose | None]:
    """The pose of each of a group of people, or None where the network does not know.

    `seen` are the people as MoveNet found them in this frame, `expected` where they should be; `maps` are of a square
    around them.
    """
    people = [guess if person is None else person for person, guess in zip(seen, expected)]
    prompts = [_prompt(person, guess) for person, guess in zip(seen, expected)]
    queries = [
        Query(crop_of_joints(own.points, own.confidence), own, _nearest_other(people, prompts, number), maps)
        for number, own in enumerate(prompts)
    ]
    answers = network.predict(image, queries)
    size = (image.shape[1], image.shape[0])
    poses = [_within_reach(pose_of_answer(answer, size), person) for answer, person in zip(answers, people)]
    return _believed(poses)


@dataclass(frozen=True)
class PersonBeside:
    """Whoever is not the person who is known."""

    person: FoundPerson
    """The score is the mean confidence of the limb joints."""
    visibility: float
    """0-1, the mean of the limb joints, before anything was told of the person."""


def person_beside(
    network: PromptedLandmarks, image: UInt8[np.ndarray, "H W 3"], person: FoundPerson, maps: KeypointMaps | None
) -> PersonBeside | None:
    """Somebody whom MoveNet did not find because `person` is in front of them, or they of `person`; None where nobody is.

    The network is asked for whoever is not that one. Where it sees somebody but not where their joints are, as of two who are one
    on the other's back, it looks again, for both and told of both by its own answers. `maps` are of a square around the person,
    if one was looked at.
    """
    known = JointPrompt.of_keypoints(person.points, person.confidence)
    crop = crop_of_joints(known.points, known.confidence)
    [answer] = network.predict(image, [Query(replace(crop, size=ASKED_SCALE * crop.size), None, known, maps)])
    visibility = float(answer.visibility[PROMPT_JOINTS].mean())
    size = (image.shape[1], image.shape[0])
    pose = pose_of_answer(answer, size)
    if pose.score < _LEAST_CONFIDENCE and visibility > _SEEN:
        asked = answer.prompt()
        for _ in range(_MOST_PASSES):
            queries = [
                Query(crop_of_joints(own.points, own.confidence), own, other, maps)
                for own, other in ((asked, known), (known, asked))
            ]
            answers = network.predict(image, queries)
            asked, known = (each.prompt() for each in answers)
            pose, own_pose = (pose_of_answer(each, size) for each in answers)
            person = person_of_pose(own_pose)
    found = person_of_pose(pose)
    if pose.score < _LEAST_CONFIDENCE or similarity([found], [person])[0, 0] > _ONE_BODY:
        return None
    return PersonBeside(found, visibility)


def pose_of_answer(answer: PromptedPose, picture_size: tuple[int, int]) -> Pose:
    """An answer in the form of the landmark network's; `picture_size` is (width, height) in px."""
    inside = np.all((answer.points >= 0) & (answer.points < picture_size), axis=1).astype(np.float32)
    pose = Pose(
        crop=answer.crop,
        next_crop=answer.crop,
        score=float(answer.confidence[PROMPT_JOINTS].mean()),
        points=answer.points,
        # how sure the place is says more than whether the landmark is in view
        visibility=np.minimum(answer.confidence / _FULL_CONFIDENCE, 1),
        presence=inside,
        heat=answer.confidence,
        world=answer.metric,
        mask=cv2.resize(answer.mask, (_MASK_SIDE, _MASK_SIDE), interpolation=cv2.INTER_LINEAR),
        covariance=answer.covariance,
    )
    return replace(pose, next_crop=body_crop(person_of_pose(pose)))


def _within_reach(pose: Pose, person: FoundPerson) -> Pose:
    """The pose with the person's own keypoints instead of joints that are too far from them: those are of people around."""
    distance = np.linalg.norm(pose.points[SHARED] - person.points, axis=1)
    too_far = distance > _REACH * person.scale
    if not too_far.any():
        return pose
    confidence = np.where(too_far, _GUESS_CONFIDENCE * person.confidence, (pose.visibility * pose.presence)[SHARED])
    return with_keypoints(pose, person, too_far, confidence)


def _prompt(seen: FoundPerson | None, expected: FoundPerson) -> JointPrompt:
    if seen is not None:
        return JointPrompt.of_keypoints(seen.points, seen.confidence)
    return JointPrompt.of_keypoints(expected.points, np.full(len(expected.points), _GUESS_CONFIDENCE))


def _nearest_other(people: Sequence[FoundPerson], prompts: Sequence[JointPrompt], number: int) -> JointPrompt | None:
    others = [k for k in range(len(people)) if k != number]
    if not others:
        return None
    nearest = min(others, key=lambda k: float(np.linalg.norm(people[k].middle - people[number].middle)))
    return prompts[nearest]


def _believed(poses: Sequence[Pose]) -> list[Pose | None]:
    """Without answers of low confidence, and of two that are one body without the less confident one."""
    skeletons = [person_of_pose(pose) for pose in poses]
    same = similarity(skeletons, skeletons) > _ONE_BODY
    believed: list[Pose | None] = []
    for number, pose in enumerate(poses):
        better = any(
            same[number, k] and (poses[k].score, -k) > (pose.score, -number) for k in range(len(poses)) if k != number
        )
        believed.append(None if better or pose.score < _LEAST_CONFIDENCE else pose)
    return believed
