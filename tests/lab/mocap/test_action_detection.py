"""Windows of each action are found in synthetic captures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.mocap.action_detection import find_windows
from lab.mocap.windows import Action
from tests.lab.mocap.synthetic import WALKING_SPEED, all_captures, standing, walking


@pytest.mark.parametrize("action", ["walking", "kicking", "punching", "getting_up"])
def test_actions_are_recognised_from_motion_alone(action: Action) -> None:
    """The captures have no text, and their names are replaced."""
    captures = [replace(one, source=f"recording-{index}") for index, one in enumerate(all_captures())]
    windows = find_windows(captures, action, 64)
    assert windows and {window.capture.subject for window in windows} == {f"who-{action}"}


def test_windows_of_standing_contain_no_other_action() -> None:
    windows = find_windows(all_captures(), "standing", 64)
    assert "walking" not in {window.capture.source for window in windows}
    for window in windows:
        busy = {"kicking": 50, "punching": 40, "getting_up": 50}.get(window.capture.source, -1)
        assert not window.start <= busy < window.end
    assert sum(window.capture.source == "standing" for window in windows) == 2


def test_kicks_and_punches_have_a_peak_and_a_side() -> None:
    (kick,) = find_windows(all_captures(), "kicking", 60)
    assert kick.side == "right" and kick.peak is not None and abs(kick.start + kick.peak - 50) <= 3
    (punch,) = find_windows(all_captures(), "punching", 60)
    assert punch.side == "left" and punch.peak is not None and abs(punch.start + punch.peak - 40) <= 3
    assert kick.frames == punch.frames == 60


def test_getting_up_starts_on_the_floor_and_ends_upright() -> None:
    (rise,) = find_windows(all_captures(), "getting_up", 64)
    height = rise.capture.pelvis[:, 2]
    assert rise.peak is not None
    assert height[rise.start] < 0.45 < 0.85 < height[rise.start + rise.peak] <= height[rise.end - 1] + 0.05


def test_long_stretches_give_overlapping_windows_and_short_ones_a_single_window() -> None:
    windows = find_windows([standing(120)], "standing", 40)
    assert [(window.start, window.end) for window in windows] == [(0, 40), (20, 60), (40, 80), (60, 100), (80, 120)]
    (short,) = find_windows([walking()], "walking", 300)
    assert 60 < short.frames <= 100 and short.speed == pytest.approx(WALKING_SPEED, rel=0.1)


def test_dancing_requires_a_text_that_mentions_it() -> None:
    moving = replace(walking(), text=("walk",))
    assert not find_windows([moving], "dancing", 64)
    assert find_windows([replace(moving, text=("a slow dance",))], "dancing", 64)
