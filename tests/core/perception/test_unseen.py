"""Frames in which somebody is not seen are named."""

from __future__ import annotations

import numpy as np

from core.contract.skeleton import LANDMARK_INDEX
from core.perception.detections import Detections
from core.perception.unseen import unseen_legs, unseen_people

_COUNT, _FIRST, _RATE = 100, 20, 25


def _detections(*unseen: list[tuple[int, int]], rate: float = _RATE) -> Detections:
    """Two people who are not seen in some stretches of frames of the clip, both ends included."""
    frames = np.arange(_FIRST, _FIRST + _COUNT, dtype=np.int32)
    found = np.ones((2, _COUNT), bool)
    for person, stretches in enumerate(unseen):
        for first, last in stretches:
            found[person, first - _FIRST : last - _FIRST + 1] = False
    empty = np.zeros((2, _COUNT, 2, 21, 3), np.float32)
    return Detections(
        frame_index=frames,
        time=frames / rate,
        image_size=np.array([640, 360], np.int32),
        keypoints=np.zeros((2, _COUNT, 33, 3), np.float32),
        covariance=np.zeros((2, _COUNT, 33, 2, 2), np.float32),
        world_landmarks=np.zeros((2, _COUNT, 33, 3), np.float32),
        found=found,
        hands=empty,
        hand_landmarks=empty,
        masks=np.zeros((2, _COUNT, 90, 160), np.uint8),
        track_ids=np.array([0, 1], np.int32),
        camera_motion=np.zeros(_COUNT, np.float32),
    )


def test_people_who_are_seen_but_for_moments_need_no_warning() -> None:
    assert unseen_people(_detections([(40, 45)], [(20, 22), (117, 119)])) == []


def test_an_end_without_a_person_is_named_with_the_frames_that_show_both() -> None:
    before, after = unseen_people(_detections([(20, 38)], [(101, 119)]))
    assert before == (
        "Person A is not seen before frame 39, so the motion there is guessed: choose frames 39 to 100 to leave that out."
    )
    assert after.startswith("Person B is not seen after frame 100,") and "frames 39 to 100" in after


def test_all_stretches_of_a_person_are_in_one_sentence() -> None:
    (sentence,) = unseen_people(_detections([], [(20, 38), (50, 60), (62, 70), (101, 119)]))
    assert "before frame 39, in frames 50 to 70 and after frame 100" in sentence
    (sentence,) = unseen_people(_detections([(50, 60)]))
    assert sentence == "Person A is not seen in frames 50 to 60, so the motion there is guessed."


def test_what_is_worth_a_warning_depends_on_the_seconds() -> None:
    assert unseen_people(_detections([(50, 60)], rate=60)) == []
    assert len(unseen_people(_detections([(50, 53)], rate=10))) == 1


def test_somebody_who_is_never_seen_is_not_told_of_any_range() -> None:
    (sentence,) = unseen_people(_detections([(20, 119)]))
    assert "in frames 20 to 119" in sentence and "choose" not in sentence


def test_legs_that_are_not_seen_are_said_to_be_guessed() -> None:
    seen = _detections()
    seen.keypoints[..., 2] = 0.9
    assert unseen_legs(seen) == []
    knees_and_feet = [index for name, index in LANDMARK_INDEX.items() if name.endswith(("knee", "ankle"))]
    seen.keypoints[1][:80, knees_and_feet, 2] = 0.05
    assert unseen_legs(seen) == [
        "The legs of Person B are hardly ever seen, so they are guessed: people are taken to stand."
    ]
    seen.keypoints[1][:40, knees_and_feet, 2] = 0.9
    assert unseen_legs(seen) == []
