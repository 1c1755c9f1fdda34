"""The page of a benchmark's report: one self-contained HTML file without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from core.contract.errors import UserError
from core.contract.files import read_json, replacing

from .findings import findings
from .pictures import ClipPicture, picture_svg
from .plots import Plot, plain_name, report_plots, require_matplotlib, speed_plots
from .results import HIGHER_IS_BETTER, UNITS, ClipResult, Report, Row
from .speed import Cost, Speed

_TEMPLATE = Path(__file__).with_name("page.html")
_GROUPS = (
    ("Each person", ("mpjpe", "pa_mpjpe", "mpvpe")),
    ("Joints", ("mpjpe_seen", "mpjpe_hidden", "mpjpe_outside")),
    ("Both people", ("int", "pair_pa_mpjpe", "re")),
    (
        "Contact",
        ("contact_distance", "contact_f1", "contact_f1_parts", "wrong_contacts", "penetration_mean", "penetration_max"),
    ),
    ("Smoothness", ("accel", "foot_slide", "jitter")),
    ("In the image", ("reprojection", "reprojection_share")),
)
_NAMES = {
    "mpjpe": "MPJPE", "pa_mpjpe": "PA-MPJPE", "mpvpe": "MPVPE", "mpjpe_seen": "visible", "mpjpe_hidden": "occluded",
    "mpjpe_outside": "truncated", "int": "Int", "pair_pa_mpjpe": "Pair-PA", "re": "RE", "contact_distance": "distance",
    "contact_f1": "F1", "contact_f1_parts": "F1 parts", "wrong_contacts": "wrong", "penetration_mean": "depth mean",
    "penetration_max": "depth max", "accel": "Accel",
    "foot_slide": "foot slide", "jitter": "jitter", "reprojection": "error", "reprojection_share": "error",
}  # fmt: skip
_DEFINITIONS = (
    ("MPJPE", "mean per-joint position error of 22 joints, each person aligned at the pelvis"),
    ("PA-MPJPE", "MPJPE after one Procrustes alignment per frame and person"),
    ("MPVPE", "mean per-vertex position error, each person aligned at the pelvis"),
    ("visible, occluded, truncated",
     "MPJPE of joints that the camera sees, that the other person occludes, that lie outside the image"),
    ("Int", "mean error of the distances between the joints of one and of the other person"),
    ("Pair-PA", "MPJPE after one Procrustes alignment of both people together"),
    ("RE", "error of the second person's joints after the first one's pelvis and heading are aligned: our own definition, "
     "because the published formula is not known"),
    ("distance", "between the regions that are truly in contact"),
    ("F1", "of the pairs of regions in contact, per frame"),
    ("depth", "how deep one body's surface is inside the other, along the normal of the nearest vertex"),
    ("Accel", "error of the second difference of the joints"),
    ("foot slide", "horizontal movement of feet that touch the floor"),
    ("jitter", "third derivative of the joints; it is not zero for real motion"),
    ("in the image", "distance of the fitted landmarks from the detected ones"),
)  # fmt: skip
_DATA = {
    "choreographed": "Choreographed: interactions composed from single-person motion capture. The ground truth is exact.",
    "rendered": "Rendered: the ground truth is exact; easier than real video.",
    "real": "Real video.",
    "public": "A public dataset.",
}
_CLIP_METRICS = ("mpjpe", "pa_mpjpe", "int", "mpjpe_seen", "mpjpe_hidden", "contact_distance", "contact_f1", "accel")
_CAPTION_METRICS = ("mpjpe", "pa_mpjpe", "int", "contact_distance", "contact_f1")


@dataclass(frozen=True)
class Column:
    """A metric in the table, ready to print."""

    key: str
    name: str
    unit: str
    better: str
    """An arrow: up if higher is better, else down."""
    cells: tuple[tuple[str, bool], ...]
    """For each method the text, and whether it is the best."""


def require_page_packages() -> None:
    """UserError `matplotlib-missing` or `jinja2-missing`. Call this before hours of work, not after."""
    require_matplotlib()
    _jinja2()


def write_page(report: Report, pictures: Sequence[ClipPicture], path: Path, speed: Speed | None = None) -> None:
    """Write the report as a page: table, plots, pictures of the worst clips in the given order, time and memory.

    UserError as in `require_page_packages`, or where the file cannot be written.
    """
    _write(path, _about_report(report, pictures) | _about_speed(speed))


def write_speed_page(speed: Speed, path: Path) -> None:
    """Write a page of time and memory only."""
    _write(path, {"title": "Speed and memory", "report": None} | _about_speed(speed))


def columns(rows: Sequence[Row], keys: Iterable[str]) -> list[Column]:
    """The metrics that any row has. All that print like the best one are best."""
    found = []
    for key in keys:
        values = [row.metrics.get(key) for row in rows]
        known = [value for value in values if value is not None]
        if known:
            best = max(known) if key in HIGHER_IS_BETTER else min(known)
            digits = _digits(key, max(known))
            shown = [("–" if value is None else f"{value:.{digits}f}") for value in values]
            top = f"{best:.{digits}f}"
            cells = tuple((text, text == top and len(known) > 1) for text in shown)
            arrow = "↑" if key in HIGHER_IS_BETTER else "↓"
            found.append(Column(key, _NAMES.get(key, key.replace("_", " ")), UNITS.get(key, ""), arrow, cells))
    return found


def load_report(path: Path) -> Report:
    """Read REPORT.json. UserError `file-unreadable`."""
    record = read_json(path)
    try:
        return Report(
            benchmark=record["benchmark"],
            split=record["split"],
            seed=record["seed"],
            data=record["data"],
            rows=tuple(Row(**row) for row in record["rows"]),
            clips=tuple(ClipResult(**clip) for clip in record["clips"]),
            notes=tuple(record["notes"]),
        )
    except (KeyError, TypeError) as error:
        raise UserError(
            "file-unreadable", f"{path} is not a report of a benchmark ({error}).", "Run python -m lab evaluate again."
        ) from error


def _about_report(report: Report, pictures: Sequence[ClipPicture]) -> dict[str, Any]:
    plots = {plot.name: plot for plot in report_plots(report)}
    groups = [(name, columns(report.rows, keys)) for name, keys in _GROUPS]
    known = {key for _, keys in _GROUPS for key in keys}
    groups.append(("Also", columns(report.rows, sorted({key for row in report.rows for key in row.metrics} - known))))
    totals = [1000 * sum(row.seconds_per_frame.values()) for row in report.rows]
    main = report.rows[-1].method
    clips = [clip for clip in report.clips if clip.method == main]
    return {
        "title": f"{report.benchmark}, {report.split}",
        "report": report,
        "data": _DATA[report.data],
        "count": len({clip.clip for clip in report.clips}),
        "frames": sum({clip.clip: clip.frames for clip in report.clips}.values()),
        "families": len({clip.family for clip in report.clips}),
        "main": main,
        "groups": [(name, found) for name, found in groups if found],
        "totals": [f"{total:.1f}" if total < 9.95 else f"{total:.0f}" for total in totals] if any(totals) else [],
        "findings": findings(report),
        "sections": _sections(plots),
        "cost": [plots[name] for name in ("seconds",) if name in plots],
        "pictures": [(_heading(picture), _caption(picture), picture_svg(picture)) for picture in pictures],
        "clip_metrics": [(_NAMES[key], UNITS[key]) for key in _CLIP_METRICS],
        "clips": [_clip_cells(clip) for clip in sorted(clips, key=lambda clip: -clip.metrics.get("mpjpe", 0.0))],
        "definitions": _DEFINITIONS,
    }


def _about_speed(speed: Speed | None) -> dict[str, Any]:
    if speed is None:
        return {"speed": None}
    return {
        "speed": speed,
        "speed_plots": speed_plots(speed),
        "runs": _cost_table([("", run) for run in speed.runs] + [("refine", run) for run in speed.refined]),
        "growth": _cost_table([("", run) for run in speed.growth]),
    }


def _sections(plots: Mapping[str, Plot]) -> list[tuple[str, list[Plot]]]:
    order = (
        ("By family", ("by-family", "by-family-contact")),
        ("Occlusion", ("by-occlusion", "by-visibility")),
        ("Contact", ("by-contact",)),
        ("Clip by clip", ("distribution",)),
    )
    found = [(title, [plots[name] for name in names if name in plots]) for title, names in order]
    return [(title, shown) for title, shown in found if shown]


def _cost_table(runs: Sequence[tuple[str, Cost]]) -> dict[str, Any]:
    stages = list(dict.fromkeys(stage for _, run in runs for stage in run.seconds))
    rows = [
        (
            f"{kind} {run.frames:,}".strip(),
            f"{run.wall:.1f}",
            "–" if run.peak_memory is None else f"{run.peak_memory:,.0f}",
            [f"{1000 * run.seconds[stage] / run.frames:.1f}" if stage in run.seconds else "–" for stage in stages],
            f"{1000 * sum(run.seconds.values()) / run.frames:.1f}",
        )
        for kind, run in runs
    ]
    return {"stages": stages, "rows": rows}


def _clip_cells(clip: ClipResult) -> list[str]:
    numbers = [clip.metrics.get(key) for key in _CLIP_METRICS]
    texts = ["–" if value is None else f"{value:.{_digits(key, value)}f}" for key, value in zip(_CLIP_METRICS, numbers)]
    return [clip.clip, str(clip.frames), f"{clip.hidden_share:.0%}", f"{clip.contact_share:.0%}", *texts]


def _heading(picture: ClipPicture) -> str:
    return f"{picture.name} ({plain_name(picture.family)})"


def _caption(picture: ClipPicture) -> str:
    long = {"contact_distance": "contact distance", "contact_f1": "contact F1"}
    return ", ".join(
        f"{long.get(key, _NAMES[key])} {picture.metrics[key]:.{_digits(key, picture.metrics[key])}f} {UNITS[key]}".strip()
        for key in _CAPTION_METRICS
        if key in picture.metrics
    )


def _digits(key: str, largest: float) -> int:
    return 2 if key in HIGHER_IS_BETTER else 0 if largest >= 100 else 1


def _jinja2() -> Any:
    try:
        return import_module("jinja2")
    except ImportError as error:
        raise UserError(
            "jinja2-missing",
            "The page of a report needs jinja2, which is not installed in this environment.",
            "Install it with: python -m pip install -r lab/requirements.txt",
        ) from error


def _write(path: Path, content: Mapping[str, Any]) -> None:
    jinja2 = _jinja2()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    text = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(content)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
