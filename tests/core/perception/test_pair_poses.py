"""People who are close: whom the prompted network is asked for, and which of its answers are believed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from core.perception.movenet import LIMBS, FoundPerson
from core.perception.pair_poses import person_beside, poses_of_group
from core.perception.prompted_landmarks import PROMPT_JOINTS, PromptedLandmarks, PromptedPose, Query

_IMAGE = np.zeros((400, 600, 3), np.uint8)


def _person(x: float, confidence: float = 0.8) -> FoundPerson:
    """Somebody upright, 270 px tall."""
    points = np.zeros((17, 2), np.float32)
    points[:5] = (x, 80)
    half = np.array([30.0, 30, 45, 45, 50, 50, 20, 20, 20, 20, 20, 20])
    side = np.where(np.arange(12) % 2 == 0, 1, -1)
    height = np.array([0.0, 0, 45, 45, 85, 85, 90, 90, 150, 150, 210, 210])
    points[LIMBS] = np.stack([x + side * half, 110 + height], 1)
    box = np.concatenate([points.min(0), points.max(0)])
    return FoundPerson(0.8, box, points, np.full(17, confidence, np.float32))


class Oracle:
    """Answers with the limb joints that it is told to, and remembers what it was asked."""

    def __init__(self, *answers: tuple[FoundPerson, float]) -> None:
        self._answers = answers
        self.visibility = 0.9
        self.queries: Sequence[Query] = ()

    def predict(self, _: np.ndarray, queries: Sequence[Query]) -> list[PromptedPose]:
        self.queries = queries
        return [self._pose(query, *answer) for query, answer in zip(queries, self._answers, strict=True)]

    def _pose(self, query: Query, person: FoundPerson, confidence: float) -> PromptedPose:
        points = np.zeros((33, 2), np.float32)
        points[:] = person.points[0]
        points[PROMPT_JOINTS] = person.points[LIMBS]
        return PromptedPose(
            crop=query.crop,
            points=points,
            confidence=np.full(33, confidence, np.float32),
            covariance=np.tile(np.eye(2, dtype=np.float32), (33, 1, 1)),
            visibility=np.full(33, self.visibility, np.float32),
            metric=np.zeros((33, 3), np.float32),
            mask=np.full((64, 64), 200, np.uint8),
            front=0.5,
        )


def _ask(oracle: Oracle, seen: Sequence[FoundPerson | None], expected: Sequence[FoundPerson]) -> list[Any]:
    return poses_of_group(cast(PromptedLandmarks, oracle), _IMAGE, seen, expected, None)


def test_each_is_asked_for_by_their_own_and_the_nearest_others_keypoints() -> None:
    people = [_person(200), _person(260), _person(500)]
    oracle = Oracle(*((person, 0.9) for person in people))
    poses = _ask(oracle, people, people)
    for number, nearest in enumerate((1, 0, 1)):
        query = oracle.queries[number]
        assert query.own is not None and query.other is not None
        np.testing.assert_array_equal(query.own.points, people[number].points[LIMBS])
        np.testing.assert_array_equal(query.other.points, people[nearest].points[LIMBS])
        assert query.crop.x == pytest.approx(people[number].points[11:13, 0].mean(), abs=1)
    assert all(pose is not None for pose in poses)
    np.testing.assert_array_equal(poses[1].points[PROMPT_JOINTS], people[1].points[LIMBS])
    assert poses[0].mask.shape == (256, 256) and poses[0].score == pytest.approx(0.9)


def test_whoever_is_not_seen_is_asked_for_where_they_are_expected() -> None:
    expected = [_person(200), _person(260)]
    oracle = Oracle((expected[0], 0.9), (expected[1], 0.9))
    _ask(oracle, [None, _person(262)], expected)
    own, other = oracle.queries[0].own, oracle.queries[0].other
    assert own is not None and other is not None
    np.testing.assert_array_equal(own.points, expected[0].points[LIMBS])
    assert own.confidence.max() < other.confidence.min()
    np.testing.assert_array_equal(other.points, _person(262).points[LIMBS])


def test_an_answer_without_confidence_is_not_believed() -> None:
    people = [_person(200), _person(260)]
    assert _ask(Oracle((people[0], 0.9), (people[1], 0.1)), people, people)[1] is None


def test_of_two_answers_that_are_one_body_the_surer_one_is_believed() -> None:
    people = [_person(200), _person(260)]
    first, second = _ask(Oracle((people[1], 0.6), (_person(262), 0.8)), people, people)
    assert first is None and second is not None
    first, second = _ask(Oracle((people[1], 0.8), (people[1], 0.8)), people, people)
    assert (first is None) != (second is None)


def test_landmarks_beyond_the_picture_are_not_present() -> None:
    people = [_person(20), _person(80)]
    pose = _ask(Oracle((people[0], 0.9), (people[1], 0.9)), people, people)[0]
    assert pose.presence[PROMPT_JOINTS[3]] == 0 and pose.presence[PROMPT_JOINTS[2]] == 1


def test_whoever_is_not_the_person_who_was_found_is_asked_for() -> None:
    front, behind = _person(200), _person(260)
    oracle = Oracle((behind, 0.6))
    found = person_beside(cast(PromptedLandmarks, oracle), _IMAGE, front, None)
    assert found is not None and found.visibility == pytest.approx(0.9)
    np.testing.assert_array_equal(found.person.points[LIMBS], behind.points[LIMBS])
    [query] = oracle.queries
    assert query.own is None and query.other is not None
    np.testing.assert_array_equal(query.other.points, front.points[LIMBS])


@pytest.mark.parametrize(("x", "confidence"), [(260, 0.3), (203, 0.9)])
def test_nobody_is_beside_who_is_alone(x: float, confidence: float) -> None:
    """The network answers without confidence, or with the person who is known."""
    oracle = Oracle((_person(x), confidence))
    oracle.visibility = 0.05
    assert person_beside(cast(PromptedLandmarks, oracle), _IMAGE, _person(200), None) is None
    assert len(oracle.queries) == 1


def test_somebody_who_is_seen_but_not_where_is_looked_at_again_beside_the_known_one() -> None:
    """As of two of whom one is on the other's back: the answers say more when the network is told of both."""
    back, carrier = _person(200), _person(245)

    class Unsure(Oracle):
        def predict(self, _: np.ndarray, queries: Sequence[Query]) -> list[PromptedPose]:
            self.queries = [*self.queries, *queries]
            if queries[0].own is None:
                return [self._pose(queries[0], carrier, 0.35)]
            return [self._pose(queries[0], carrier, 0.6), self._pose(queries[1], back, 0.7)]

    oracle = Unsure()
    found = person_beside(cast(PromptedLandmarks, oracle), _IMAGE, _person(205, 0.28), None)
    assert found is not None and found.person.score == pytest.approx(0.6)
    asked = oracle.queries[1]
    assert asked.own is not None and asked.other is not None
    np.testing.assert_array_equal(asked.own.points, carrier.points[LIMBS])
    oracle.visibility = 0.1
    assert person_beside(cast(PromptedLandmarks, oracle), _IMAGE, _person(205, 0.28), None) is None
