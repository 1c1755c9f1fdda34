"""The second pass asks for a person whom the landmark network does not know, with networks that answer what they are told to."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from core.perception import following
from core.perception.following import Follower
from core.perception.landmarks import Pose
from core.perception.movenet import FoundPerson
from core.perception.skeletons import SHARED, pose_of_person
from core.perception.track import Sighting, Track

_SIZE = (640, 360)
_STANDING = np.array(
    [(0, -70)] * 5
    + [(25, -40), (-25, -40), (33, 8), (-33, 8), (36, 48), (-36, 48)]
    + [(16, 40), (-16, 40), (16, 108), (-16, 108), (16, 176), (-16, 176)],
    np.float32,
)


def _person(x: float) -> FoundPerson:
    points = _STANDING + np.array([x, 150], np.float32)
    return FoundPerson(0.9, np.concatenate([points.min(0), points.max(0)]), points, np.full(17, 0.5, np.float32))


def _followed(
    monkeypatch: pytest.MonkeyPatch, places: Sequence[float], knows: bool
) -> tuple[list[Track[Any]], list[int]]:
    """The tracks of people after one frame, and of how many the prompted network was asked at once."""
    asked: list[int] = []

    def answer(_: Any, image: np.ndarray, seen: Sequence[FoundPerson], *__: Any) -> list[Pose | None]:
        asked.append(len(seen))
        world = np.ones((33, 3), np.float32)
        return [pose_of_person(one, np.full(17, 0.9, np.float32), world) if knows else None for one in seen]

    monkeypatch.setattr(following, "poses_of_group", answer)
    networks: Any = SimpleNamespace(
        people=SimpleNamespace(find=lambda _, windows: [([], "maps") for _ in windows]),
        body=SimpleNamespace(predict=lambda *_: []),
        pair=None,
    )
    monkeypatch.setattr(following, "person_beside", lambda *_: None)
    sightings = [Sighting(_person(x), np.zeros((3, 33), np.float32), True) for x in places]
    follower = Follower(networks, [Track({0: sighting}) for sighting in sightings], _SIZE, 30.0)
    follower.advance(0, np.zeros((360, 640, 3), np.uint8), sightings)
    return follower.tracks, asked


def test_somebody_alone_whom_the_landmark_network_does_not_know_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tracks, asked = _followed(monkeypatch, (150.0, 400.0), knows=True)
    assert asked == [1, 1]
    for track in tracks:
        seen = track.seen[0]
        assert seen.has_metric_landmarks and seen.pose.visibility[SHARED].min() > 0.8


def test_moves_of_somebody_whom_no_network_knows_are_those_of_their_keypoints(monkeypatch: pytest.MonkeyPatch) -> None:
    tracks, asked = _followed(monkeypatch, (150.0, 400.0), knows=False)
    assert asked == [1, 1]
    assert all(track.seen and not track.seen[0].has_metric_landmarks for track in tracks)


def test_of_two_who_are_close_nobody_is_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _, asked = _followed(monkeypatch, (200.0, 240.0), knows=False)
    assert asked == [2]
