"""The counts of a fuzzing campaign as a table in Markdown, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from core.contract.files import replacing

from .outcome import FAILURES, Outcome


def table(outcomes: Sequence[Outcome]) -> str:
    header = ("reader", "inputs", "refused", *FAILURES, "slowest, s", "peak, MB")
    rows: list[tuple[object, ...]] = [
        (
            outcome.title, outcome.tries, outcome.refused, *(outcome.count(kind) for kind in FAILURES),
            f"{outcome.slowest_seconds:.2f}", round(outcome.peak_bytes / 2**20),
        )
        for outcome in outcomes
    ]  # fmt: skip
    total = ("all", sum(one.tries for one in outcomes), sum(one.refused for one in outcomes))
    rows.append((*total, *(sum(one.count(kind) for one in outcomes) for kind in FAILURES), "", ""))
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def examples_of_failures(outcomes: Sequence[Outcome]) -> str:
    """A line for each kind of failure of each reader, with a file that shows it; at most five for each reader."""
    lines = []
    for outcome in outcomes:
        different = {(failure.kind, failure.problem[:80]): failure for failure in reversed(outcome.failures)}
        for failure in list(different.values())[:5]:
            lines.append(f"{outcome.name}: {failure.kind}: {failure.problem} ({failure.input_file})")
    return "\n".join(lines)


def save_outcomes(outcomes: Sequence[Outcome], file: Path) -> None:
    with replacing(file) as temporary:
        temporary.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n", encoding="utf-8")
