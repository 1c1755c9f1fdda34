"""How well one benchmark predicts another: whether its rows come in the same order, and by how much their errors differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from .results import HIGHER_IS_BETTER, UNITS, Report


@dataclass(frozen=True)
class Agreement:
    """On one measure, over N >= 2 rows that both reports have, best row of `one` first."""

    measure: str
    methods: tuple[str, ...]
    one: tuple[float, ...]
    other: tuple[float, ...]
    rank_correlation: float
    """Spearman's: 1 where the order is the same, -1 where it is the reverse; NaN where a report has all rows alike."""

    @property
    def difference(self) -> float:
        """Mean over the rows of (other - one) / one."""
        return float(np.mean((np.array(self.other) - self.one) / np.array(self.one)))


def agreements(one: Report, other: Report, methods: Iterable[str] | None = None) -> list[Agreement]:
    """Of every measure that at least two rows have in both reports; `methods` names the rows, None all that both have."""
    ours, theirs = ({row.method: row.metrics for row in report.rows} for report in (one, other))
    wanted = [name for name in (methods or ours) if name in ours and name in theirs]
    found = []
    for measure in UNITS:
        names = [name for name in wanted if measure in ours[name] and measure in theirs[name]]
        if len(names) < 2:
            continue
        sign = -1.0 if measure in HIGHER_IS_BETTER else 1.0
        names.sort(key=lambda name: sign * ours[name][measure])
        a, b = ([side[name][measure] for name in names] for side in (ours, theirs))
        found.append(Agreement(measure, tuple(names), tuple(a), tuple(b), _spearman(a, b)))
    return found


def _spearman(a: list[float], b: list[float]) -> float:
    first, second = (ranks - ranks.mean() for ranks in (rankdata(a), rankdata(b)))
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale else float("nan")


def agreement_table(found: Iterable[Agreement]) -> str:
    """A line a measure: how its ranks agree, how much the errors differ, and the rows, best of the first report first."""
    lines = [f"{'measure':18} {'ranks':>6} {'differ':>7}  rows: first -> second"]
    for each in found:
        pairs = ", ".join(
            f"{name} {a:.4g} -> {b:.4g}" for name, a, b in zip(each.methods, each.one, each.other, strict=True)
        )
        lines.append(f"{each.measure:18} {each.rank_correlation:6.2f} {each.difference:+7.0%}  {pairs}")
    return "\n".join(lines)
