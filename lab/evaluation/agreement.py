"""How well one benchmark predicts another: rank correlation of the methods, and the difference of their errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from .results import HIGHER_IS_BETTER, UNITS, Report


@dataclass(frozen=True)
class Agreement:
    """On one metric, over the N >= 2 methods that both reports have, best of `one` first."""

    metric: str
    methods: tuple[str, ...]
    one: tuple[float, ...]
    other: tuple[float, ...]
    rank_correlation: float
    """Spearman's; NaN where all methods of a report are equal."""

    @property
    def difference(self) -> float:
        """Mean over the methods of (other - one) / one."""
        return float(np.mean((np.array(self.other) - self.one) / np.array(self.one)))


def agreements(one: Report, other: Report, methods: Iterable[str] | None = None) -> list[Agreement]:
    """For every metric that at least two methods have in both reports; None for all methods that both have."""
    ours, theirs = ({row.method: row.metrics for row in report.rows} for report in (one, other))
    chosen = [name for name in (methods or ours) if name in ours and name in theirs]
    found = []
    for metric in UNITS:
        names = [name for name in chosen if metric in ours[name] and metric in theirs[name]]
        if len(names) < 2:
            continue
        sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0
        names.sort(key=lambda name: sign * ours[name][metric])
        a, b = ([side[name][metric] for name in names] for side in (ours, theirs))
        found.append(Agreement(metric, tuple(names), tuple(a), tuple(b), _spearman(a, b)))
    return found


def agreement_table(found: Iterable[Agreement]) -> str:
    """A line per metric: rank correlation, relative difference, and the methods, best of the first report first."""
    lines = [f"{'metric':18} {'ranks':>6} {'differ':>7}  methods: first -> second report"]
    for each in found:
        pairs = ", ".join(
            f"{name} {a:.4g} -> {b:.4g}" for name, a, b in zip(each.methods, each.one, each.other, strict=True)
        )
        lines.append(f"{each.metric:18} {each.rank_correlation:6.2f} {each.difference:+7.0%}  {pairs}")
    return "\n".join(lines)


def _spearman(a: list[float], b: list[float]) -> float:
    first, second = (ranks - ranks.mean() for ranks in (rankdata(a), rankdata(b)))
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale else float("nan")
