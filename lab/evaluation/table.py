"""A report as a table for the terminal."""

from __future__ import annotations

from .results import UNITS, Report, Row

_HEADINGS = {
    "mpjpe": "MPJPE", "pa_mpjpe": "PA", "mpvpe": "MPVPE", "int": "Int", "pair_pa_mpjpe": "PairPA", "re": "RE",
    "contact_distance": "CD", "contact_f1": "F1", "contact_f1_parts": "F1 parts", "wrong_contacts": "wrong", "touches": "touches",
    "penetration_mean": "pen", "penetration_max": "deepest",
    "accel": "Accel", "foot_slide": "slide", "jitter": "jitter", "mpjpe_seen": "visible", "mpjpe_hidden": "occluded",
    "mpjpe_outside": "truncated", "reprojection": "reproj", "reprojection_share": "reproj",
    "mpjpe_openpose": "MPJPE*", "pa_mpjpe_openpose": "PA*", "pitch_error": "pitch", "roll_error": "roll", "focal_error": "focal",
}  # fmt: skip
"""* is against the limbs that others have triangulated, see `real.evaluate_real`."""
_TWO_DIGITS = ("contact_f1", "contact_f1_parts", "wrong_contacts", "touches", "accel", "foot_slide")
_SHORT_UNITS = {"mm/frame²": "mm/f²", "mm/frame": "mm/f", "% of height": "%"}


def report_table(report: Report) -> str:
    """A line per method: all metrics of the report with their units, then the total seconds per frame."""
    names = [name for name in UNITS if any(name in row.metrics for row in report.rows)]
    columns = [["", "", *(row.method for row in report.rows)]]
    for name in names:
        unit = UNITS[name]
        columns.append([_HEADINGS[name], _SHORT_UNITS.get(unit, unit), *(_value(row, name) for row in report.rows)])
    columns.append(["time", "s/f", *(f"{sum(row.seconds_per_frame.values()):.3f}" for row in report.rows)])
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths))
        ).rstrip()
        for cells in zip(*columns)
    ]
    count = len({clip.clip for clip in report.clips})
    heading = f"{report.benchmark}, split {report.split}, seed {report.seed}: {count} clips ({report.data})"
    return "\n".join([heading, *lines])


def _value(row: Row, name: str) -> str:
    if name not in row.metrics:
        return "-"
    return f"{row.metrics[name]:.{2 if name in _TWO_DIGITS else 1}f}"
