"""Whether one benchmark ranks methods as another does."""

from __future__ import annotations

import math

import pytest

from lab.evaluation.agreement import agreement_table, agreements
from lab.evaluation.results import Report, Row


def report(**errors: dict[str, float]) -> Report:
    rows = tuple(Row(name, metrics, {}, {}) for name, metrics in errors.items())
    return Report("made-up", "test", 0, "choreographed", rows, (), ())


def test_ranks_and_differences() -> None:
    one = report(raw={"mpjpe": 100.0}, alone={"mpjpe": 80.0}, fit={"mpjpe": 50.0}, extra={"mpjpe": 1.0})
    same = report(fit={"mpjpe": 60.0}, raw={"mpjpe": 120.0}, alone={"mpjpe": 96.0})
    (found,) = agreements(one, same)
    assert found.methods == ("fit", "alone", "raw")
    assert found.rank_correlation == pytest.approx(1.0)
    assert found.difference == pytest.approx(0.2)
    # the first two change places: 1 - 6 (1 + 1) / (3 (9 - 1))
    swapped = report(raw={"mpjpe": 120.0}, alone={"mpjpe": 50.0}, fit={"mpjpe": 70.0})
    assert agreements(one, swapped)[0].rank_correlation == pytest.approx(0.5)
    reverse = report(raw={"mpjpe": 1.0}, alone={"mpjpe": 2.0}, fit={"mpjpe": 3.0})
    assert agreements(one, reverse)[0].rank_correlation == pytest.approx(-1.0)


def test_the_best_row_of_a_measure_where_more_is_better_comes_first() -> None:
    one = report(raw={"contact_f1": 0.1}, fit={"contact_f1": 0.4})
    (found,) = agreements(one, one)
    assert found.methods == ("fit", "raw") and "fit 0.4 -> 0.4" in agreement_table([found])


def test_rows_that_are_all_alike_rank_nothing_and_one_shared_row_is_none() -> None:
    alike = report(raw={"mpjpe": 5.0}, fit={"mpjpe": 5.0})
    assert math.isnan(agreements(alike, alike)[0].rank_correlation)
    assert agreements(alike, alike, ["fit"]) == []
    assert agreements(alike, report(raw={"mpjpe": 5.0})) == []
