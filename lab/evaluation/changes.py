"""What changed between two runs of one benchmark: each metric of each method, on the clips that both runs have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from .results import UNITS, ClipResult, Report, mean_metrics


@dataclass(frozen=True)
class Change:
    """One metric of one method, before and after."""

    method: str
    metric: str
    before: float
    after: float
    """Both as in a report's rows, over the clips that have the metric in both reports."""
    clips: int
    standard_error: float
    """Of the mean difference over these clips; NaN for a single one."""

    @property
    def difference(self) -> float:
        return self.after - self.before


def changes(before: Report, after: Report, methods: Iterable[str] | None = None) -> list[Change]:
    """Every metric of every method that both reports have; None for all methods."""
    ours, theirs = (_by_method(report) for report in (before, after))
    found = []
    for method in methods or ours:
        if method not in ours or method not in theirs:
            continue
        for metric in UNITS:
            shared = [
                name
                for name, clip in ours[method].items()
                if metric in clip.metrics and name in theirs[method] and metric in theirs[method][name].metrics
            ]
            if shared:
                found.append(
                    _change(method, metric, *([clips[method][name] for name in shared] for clips in (ours, theirs)))
                )
    return found


def changes_table(found: Iterable[Change]) -> str:
    """A heading for each method, and a line for each of its metrics."""
    lines: list[str] = []
    for method, of_method in groupby(found, key=lambda change: change.method):
        lines.append(f"{method:22} {'before':>9} {'after':>9} {'difference':>11} {'± error':>9}  clips")
        lines += [
            f"  {change.metric:20} {change.before:9.4g} {change.after:9.4g} {change.difference:+11.3g} "
            f"{change.standard_error:9.2g}  {change.clips}"
            for change in of_method
        ]
    return "\n".join(lines)


def _by_method(report: Report) -> dict[str, dict[str, ClipResult]]:
    found: dict[str, dict[str, ClipResult]] = {}
    for clip in report.clips:
        found.setdefault(clip.method, {})[clip.clip] = clip
    return found


def _change(method: str, metric: str, before: list[ClipResult], after: list[ClipResult]) -> Change:
    differences = np.array([theirs.metrics[metric] - ours.metrics[metric] for ours, theirs in zip(before, after)])
    error = float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else float("nan")
    return Change(method, metric, mean_metrics(before)[metric], mean_metrics(after)[metric], len(differences), error)
