"""What stands out in a report, in plain sentences about its last method, which the page is about."""

from __future__ import annotations

from collections.abc import Iterator

from .plots import families_by_error, plain_name
from .results import Report, Row


def findings(report: Report) -> list[str]:
    """What the tables say, in sentences for the top of the report's page."""
    return [
        *_rank(report),
        *_families(report),
        *_occlusion(report.rows[-1]),
        *_contact(report.rows[-1]),
        *_time(report.rows[-1]),
    ]


def _rank(report: Report) -> Iterator[str]:
    main = report.rows[-1]
    others = [row for row in report.rows[:-1] if "mpjpe" in row.metrics]
    if not others or "mpjpe" not in main.metrics:
        return
    best = min(others, key=lambda row: row.metrics["mpjpe"])
    own, other = main.metrics["mpjpe"], best.metrics["mpjpe"]
    if own < other:
        yield f"{main.method} has the lowest MPJPE, {own:.0f} mm; next is {best.method} with {other:.0f} mm."
    else:
        yield f"{main.method} has an MPJPE of {own:.0f} mm; {best.method} is better with {other:.0f} mm."


def _families(report: Report) -> Iterator[str]:
    by_family = report.rows[-1].by_family
    families = [family for family in families_by_error(report) if "mpjpe" in by_family.get(family, {})]
    if len(families) > 1:
        worst, best = (f"{by_family[family]['mpjpe']:.0f} mm" for family in (families[0], families[-1]))
        if worst != best:
            yield (
                f"Its worst family is {plain_name(families[0])} ({worst} MPJPE), its best is {plain_name(families[-1])} ({best})."
            )


def _occlusion(main: Row) -> Iterator[str]:
    visible, occluded = (main.metrics.get(key) for key in ("mpjpe_seen", "mpjpe_hidden"))
    if visible and occluded:
        yield (
            f"Joints that the other person occludes are off by {occluded:.0f} mm, visible ones by {visible:.0f} mm: "
            f"{occluded / visible:.1f} times as much."
        )


def _contact(main: Row) -> Iterator[str]:
    f1 = {family: metrics["contact_f1"] for family, metrics in main.by_family.items() if "contact_f1" in metrics}
    if len(f1) > 1:
        worst = min(f1, key=lambda family: f1[family])
        yield f"Contacts are detected worst in {plain_name(worst)} (F1 {f1[worst]:.2f})."


def _time(main: Row) -> Iterator[str]:
    seconds = main.seconds_per_frame
    if len(seconds) > 1:
        slowest = max(seconds, key=lambda stage: seconds[stage])
        yield f"The stage {slowest} takes {seconds[slowest] / max(sum(seconds.values()), 1e-12):.0%} of its time."
