"""Two people keep their names through a clip, on made-up people of whom it is known who is who."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from core.perception.exchanges import leave_each_body_to_one, undo_exchanges
from core.perception.identity import resolve_identities
from core.perception.linking import link
from core.perception.movenet import FoundPerson
from core.perception.perceive import warn_of_doubtful
from core.perception.scan import FrameFindings
from core.perception.track import Sighting, Track
from core.reporting import SilentReporter

_STANDING = np.array(
    [(0, -70)] * 5
    + [(25, -40), (-25, -40), (33, 8), (-33, 8), (36, 48), (-36, 48)]
    + [(16, 40), (-16, 40), (16, 108), (-16, 108), (16, 176), (-16, 176)],
    np.float32,
)
_LIGHT, _DARK, _DARKER = (0.5, 0.5, 0.0), (0.0, 0.1, 0.9), (0.0, 0.01, 0.99)
"""How much of the clothes has each of three shades. The last two look much alike."""


def _sighting(x: float, clothes: Sequence[float], step: int = 0) -> Sighting:
    noise = 0.02 * np.random.default_rng([step, round(x)]).random(3)
    appearance = np.zeros((3, 33), np.float32)
    appearance[:, :3] = (np.array(clothes) + noise) / (np.sum(clothes) + noise.sum())
    points = _STANDING + np.array([x, 180], np.float32)
    box = np.concatenate([points.min(0), points.max(0)])
    return Sighting(FoundPerson(0.9, box, points, np.full(17, 0.9, np.float32)), appearance, True)


def _track(places: Mapping[int, float], clothes: Mapping[int, Sequence[float]]) -> Track[Sighting]:
    return Track({step: _sighting(x, clothes[step], step) for step, x in places.items()})


_STEPS = range(120)
_LEFT = {step: 320 - 4.0 * max(abs(step - 60) - 8, 0) for step in _STEPS}
"""Comes from the left, is at the other one's place for a while, and goes back to the left."""
_RIGHT = {step: 322 + 4.0 * max(abs(step - 60) - 8, 0) for step in _STEPS}


def _bounced(first: Sequence[float], second: Sequence[float]) -> tuple[Track[Sighting], Track[Sighting]]:
    """Two people walk past each other, and a tracker lets each go back to where they came from."""
    a = _track(_LEFT, {step: first if step < 60 else second for step in _STEPS})
    b = _track(_RIGHT, {step: second if step < 60 else first for step in _STEPS})
    return a, b


def _sides(track: Track[Sighting]) -> list[bool]:
    """Whether somebody is on the right, before and after the meeting."""
    return [bool(track.seen[step].middle[0] > 321) for step in (20, 100)]


@pytest.mark.parametrize("second", [_LIGHT, _DARKER])
def test_people_whom_the_tracker_exchanged_while_they_crossed_are_told_apart_by_their_clothes(
    second: Sequence[float],
) -> None:
    a, b = _bounced(_DARK, second)
    undo_exchanges(a, b)
    assert _sides(a) == [False, True] and _sides(b) == [True, False]


def test_sightings_that_are_linked_to_the_wrong_person_are_put_right() -> None:
    """Two people in much the same clothes walk past each other, and for a while only one of them is found."""

    def found(step: int) -> list[Sighting]:
        right, left = 320 + 5.0 * (step - 45), 320 - 5.0 * (step - 45)
        in_front, behind = _sighting(right, _DARK, step), _sighting(left, _DARKER, step)
        return [in_front] if 38 <= step < 46 else [in_front, behind]

    def clothes(track: Track[Sighting]) -> list[bool]:
        """Whether they are the darker ones, well before and after the meeting."""
        return [bool(track.seen[step].appearance[0, 2] > 0.93) for step in (20, 70)]

    findings = [FrameFindings(step, step / 25, False, tuple(found(step)), np.eye(3), False) for step in range(90)]
    linked = link(findings, 30.0)
    assert sorted(map(clothes, linked)) == [[False, True], [True, False]]
    assert sorted(map(clothes, resolve_identities(linked, 30.0))) == [[False, False], [True, True]]


def test_people_in_the_same_clothes_stay_as_the_tracker_has_them() -> None:
    a, b = _bounced(_DARK, _DARK)
    undo_exchanges(a, b)
    assert _sides(a) == [False, False]


def test_who_meets_and_parts_again_keeps_the_name() -> None:
    a = _track(_LEFT, dict.fromkeys(_STEPS, _DARK))
    b = _track(_RIGHT, dict.fromkeys(_STEPS, _LIGHT))
    undo_exchanges(a, b)
    assert _sides(a) == [False, False]


def test_a_second_pass_that_exchanges_people_is_put_right_by_the_first_one_and_the_clothes() -> None:
    known = _track({**_LEFT, **{k: _RIGHT[k] for k in range(60, 120)}}, dict.fromkeys(_STEPS, _DARK))
    other = _track({**_RIGHT, **{k: _LEFT[k] for k in range(60, 120)}}, dict.fromkeys(_STEPS, _DARKER))
    a, b = _bounced(_DARK, _DARKER)
    undo_exchanges(a, b, (known, other))
    assert _sides(a) == [False, True] and _sides(b) == [True, False]


def test_where_two_passes_disagree_and_clothes_do_not_tell_it_is_said() -> None:
    known = _track({**_LEFT, **{k: _RIGHT[k] for k in range(60, 120)}}, dict.fromkeys(_STEPS, _DARK))
    other = _track({**_RIGHT, **{k: _LEFT[k] for k in range(60, 120)}}, dict.fromkeys(_STEPS, _DARK))
    doubtful = undo_exchanges(*_bounced(_DARK, _DARK), (known, other))
    assert set(range(80, 120)) <= set(doubtful) or set(range(40)) <= set(doubtful)


def test_a_body_on_which_both_tracks_are_is_whose_another_pass_saw_there() -> None:
    a = _track(dict.fromkeys(range(10), 300.0), dict.fromkeys(range(10), _DARK))
    b = _track({k: 302.0 if 3 <= k < 6 else 450.0 for k in range(10)}, dict.fromkeys(range(10), _LIGHT))
    known = Track({k: seen for k, seen in b.seen.items() if not 3 <= k < 6})
    leave_each_body_to_one(a, b, (a, known))
    assert list(a.seen) == list(range(10)) and list(b.seen) == [0, 1, 2, 6, 7, 8, 9]


def test_a_warning_names_the_frames_in_which_people_may_be_exchanged() -> None:
    reporter = SilentReporter()
    warn_of_doubtful([4, *range(30, 60), *range(65, 80), 200, 201], 30.0, reporter)
    assert len(reporter.warnings) == 1 and "frames 30 to 79." in reporter.warnings[0]
    warn_of_doubtful([7], 30.0, reporter)
    assert len(reporter.warnings) == 1
    warn_of_doubtful([frame for start in range(0, 250, 50) for frame in range(start, start + 6)], 30.0, reporter)
    assert "frames 0 to 5, 50 to 55, 100 to 105 and 2 more stretches." in reporter.warnings[1]
