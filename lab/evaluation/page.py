"""A benchmark's page: one file of html that needs nothing beside it, no network and no script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from core.contract.errors import UserError
from core.contract.files import read_json, replacing

from .pictures import ClipPicture, picture_svg
from .plots import Plot, families_by_error, report_plots, require_matplotlib, speed_plots
from .results import HIGHER_IS_BETTER, UNITS, ClipResult, Report, Row
from .speed import Cost, Speed

_TEMPLATE = Path(__file__).with_name("page.html")
_GROUPS = (
    ("Each person", ("mpjpe", "pa_mpjpe", "mpvpe")),
    ("Joints", ("mpjpe_seen", "mpjpe_hidden", "mpjpe_outside")),
    ("The two together", ("int", "pair_pa_mpjpe", "re")),
    ("Contact", ("contact_distance", "contact_f1", "penetration_mean", "penetration_max")),
    ("Motion", ("accel", "foot_slide", "jitter")),
    ("In the picture", ("reprojection", "reprojection_share")),
)
_NAMES = {
    "mpjpe": "MPJPE", "pa_mpjpe": "PA-MPJPE", "mpvpe": "MPVPE", "mpjpe_seen": "seen", "mpjpe_hidden": "hidden",
    "mpjpe_outside": "outside", "int": "Int", "pair_pa_mpjpe": "Pair-PA", "re": "RE", "contact_distance": "distance",
    "contact_f1": "F1", "penetration_mean": "depth mean", "penetration_max": "depth max", "accel": "Accel",
    "foot_slide": "foot slide", "jitter": "jitter", "reprojection": "off by", "reprojection_share": "off by",
}  # fmt: skip
_MEANINGS = (
    ("MPJPE", "mean distance of 22 joints, each person aligned at the pelvis"),
    ("PA-MPJPE", "the same after the best similarity for each frame and person"),
    ("MPVPE", "mean distance of the skin's vertices, each person aligned at the pelvis"),
    ("seen, hidden, outside", "MPJPE of joints that the camera sees, that the other person hides, that are out of the picture"),
    ("Int", "how far off the distances between one's and the other's joints are"),
    ("Pair-PA", "mean distance of both people's joints after one similarity for both"),
    ("RE", "error of the second person after the first one's pelvis and heading are brought together: our own definition, the "
     "published formula is not known"),
    ("distance", "between the regions that truly touch"),
    ("F1", "of the pairs of regions that are said to touch, frame by frame"),
    ("depth", "how deep one body's surface is inside the other, along the normal of the nearest vertex"),
    ("Accel", "error of the second difference of joints"),
    ("foot slide", "how far feet move that stand still"),
    ("jitter", "third derivative of joints; the truth's own is not nought"),
    ("in the picture, off by", "distance of the estimate's landmarks from what the 2D stage saw"),
)  # fmt: skip
_DATA = {
    "choreographed": "Choreographed: recorded motions of single people, put together by rules. The truth is exact.",
    "rendered": "Rendered: clips made by a renderer, so the truth is exact; kinder than life.",
    "real": "Real video.",
    "public": "A public data set, by its published protocol.",
}
_CLIP_MEASURES = ("mpjpe", "pa_mpjpe", "int", "mpjpe_seen", "mpjpe_hidden", "contact_distance", "contact_f1", "accel")
_CAPTION_MEASURES = ("mpjpe", "pa_mpjpe", "int", "contact_distance", "contact_f1")


@dataclass(frozen=True)
class Column:
    """A measure in the table, ready to print."""

    key: str
    name: str
    unit: str
    better: str
    """An arrow: the way in which it gets better."""
    cells: tuple[tuple[str, bool], ...]
    """For each method what to print, and whether it is the best of all."""


def require_page() -> None:
    """UserError `matplotlib-missing` or `jinja2-missing` where a page cannot be made. Ask before hours of work, not after."""
    require_matplotlib()
    _jinja2()


def write_page(report: Report, pictures: Sequence[ClipPicture], path: Path, speed: Speed | None = None) -> None:
    """Write the report as a page: table, plots, worst clips with pictures, cost.

    `pictures` in the order to show them. UserError as in `require_page`, or where the file cannot be written.
    """
    _write(path, _about_report(report, pictures) | _about_speed(speed))


def write_speed_page(speed: Speed, path: Path) -> None:
    """A page of the cost alone, for a benchmark of speed without one of quality."""
    _write(path, {"title": "Speed and memory", "report": None} | _about_speed(speed))


def columns(rows: Sequence[Row], keys: Iterable[str]) -> list[Column]:
    """The measures that any row has. Best are all that print like the best."""
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


def findings(report: Report) -> list[str]:
    """What stands out in the numbers, in plain sentences; about the last method, the one that the page is about."""
    main = report.rows[-1]
    said = []
    best = min(
        (row for row in report.rows if "mpjpe" in row.metrics), key=lambda row: row.metrics["mpjpe"], default=None
    )
    if best is not None and len(report.rows) > 1 and "mpjpe" in main.metrics:
        mine = f"{main.method} has an MPJPE of {main.metrics['mpjpe']:.0f} mm"
        if best is main:
            other = min(
                (row for row in report.rows[:-1] if "mpjpe" in row.metrics),
                key=lambda row: row.metrics["mpjpe"],
                default=None,
            )
            if other is not None:
                said.append(f"{mine}, the least of all; next is {other.method} with {other.metrics['mpjpe']:.0f} mm.")
        else:
            said.append(f"{mine}; {best.method} is better with {best.metrics['mpjpe']:.0f} mm.")
    families = [family for family in families_by_error(report) if "mpjpe" in main.by_family.get(family, {})]
    if len(families) > 1:
        worst, kindest = (f"{main.by_family[family]['mpjpe']:.0f} mm" for family in (families[0], families[-1]))
        if worst != kindest:
            said.append(
                f"Its weakest family is {_plain(families[0])} ({worst} MPJPE), its best {_plain(families[-1])} ({kindest})."
            )
    seen, hidden = (main.metrics.get(key) for key in ("mpjpe_seen", "mpjpe_hidden"))
    if seen and hidden:
        said.append(
            f"Joints that the other person hides are off by {hidden:.0f} mm, seen ones by {seen:.0f} mm: "
            f"{hidden / seen:.1f} times as much."
        )
    touching = {family: row["contact_f1"] for family, row in main.by_family.items() if "contact_f1" in row}
    if len(touching) > 1:
        least = min(touching, key=lambda family: touching[family])
        said.append(f"Contacts are found least in {_plain(least)} (F1 {touching[least]:.2f}).")
    if main.seconds_per_frame:
        stage = max(main.seconds_per_frame, key=lambda name: main.seconds_per_frame[name])
        share = main.seconds_per_frame[stage] / max(sum(main.seconds_per_frame.values()), 1e-12)
        if len(main.seconds_per_frame) > 1:
            said.append(f"Of its time, {share:.0%} goes into the stage {stage}.")
    return said


def load_report(path: Path) -> Report:
    """Read a report's json again. UserError `file-unreadable` where it is missing, damaged or something else."""
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
            "file-unreadable", f"{path} holds no report of a benchmark ({error}).", "Run python -m lab evaluate again."
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
        "pictures": [(_head(picture), _caption(picture), picture_svg(picture)) for picture in pictures],
        "clip_measures": [(_NAMES[key], UNITS[key]) for key in _CLIP_MEASURES],
        "clips": [_clip_cells(clip) for clip in sorted(clips, key=lambda clip: -clip.metrics.get("mpjpe", 0.0))],
        "meanings": _MEANINGS,
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
    numbers = [clip.metrics.get(key) for key in _CLIP_MEASURES]
    texts = [
        "–" if value is None else f"{value:.{_digits(key, value)}f}" for key, value in zip(_CLIP_MEASURES, numbers)
    ]
    return [clip.clip, str(clip.frames), f"{clip.hidden_share:.0%}", f"{clip.contact_share:.0%}", *texts]


def _head(picture: ClipPicture) -> str:
    return f"{picture.name} ({_plain(picture.family)})"


def _caption(picture: ClipPicture) -> str:
    long = {"contact_distance": "contact distance", "contact_f1": "contact F1"}
    return ", ".join(
        f"{long.get(key, _NAMES[key])} {picture.metrics[key]:.{_digits(key, picture.metrics[key])}f} {UNITS[key]}".strip()
        for key in _CAPTION_MEASURES
        if key in picture.metrics
    )


def _digits(key: str, largest: float) -> int:
    return 2 if key in HIGHER_IS_BETTER else 0 if largest >= 100 else 1


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _jinja2() -> Any:
    try:
        return import_module("jinja2")
    except ImportError as error:
        raise UserError(
            "jinja2-missing",
            "The report's page needs jinja2, which is not installed in this environment.",
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
