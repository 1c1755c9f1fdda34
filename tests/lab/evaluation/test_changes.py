"""What a change of the product did to each metric of each method."""

from __future__ import annotations

import math

import pytest

from lab.evaluation.changes import changes, changes_table
from lab.evaluation.results import ClipResult, Report, make_rows


def report(**errors: list[float | None]) -> Report:
    """A method's MPJPE on the clips a, b, ...; None where it is not defined."""
    clips = tuple(
        ClipResult(name, "hug", method, 10, {} if value is None else {"mpjpe": value}, {}, 0.0, 0.0, {})
        for method, values in errors.items()
        for name, value in zip("abcd", values)
    )
    return Report("made-up", "dev", 0, "choreographed", make_rows(clips), clips, ())


def test_the_difference_of_a_metric_is_over_the_clips_that_both_have() -> None:
    before, after = report(fit=[10.0, 20.0, None, 70.0], raw=[5.0]), report(fit=[13.0, 21.0, 50.0])
    (found,) = changes(before, after)
    assert (found.method, found.metric, found.before, found.after, found.clips) == ("fit", "mpjpe", 15.0, 17.0, 2)
    assert found.difference == pytest.approx(2.0)
    assert found.standard_error == pytest.approx(1.0)  # differences of 3 and 1: sqrt(2) / sqrt(2)
    assert "+2" in changes_table([found]) and "fit" in changes_table([found])


def test_one_clip_has_no_error_and_methods_can_be_chosen() -> None:
    one = report(fit=[10.0], raw=[5.0])
    assert [found.method for found in changes(one, one, ["raw", "unknown"])] == ["raw"]
    assert math.isnan(changes(one, one)[0].standard_error)
