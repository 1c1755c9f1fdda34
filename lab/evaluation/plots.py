"""The plots of a benchmark's page, as SVG text that takes its colours from the page around it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from core.contract.errors import UserError

from .results import UNITS, ClipResult, Report
from .speed import Cost, Speed

COLOURS = ("#4a8fd6", "#d98a2b", "#3fa577", "#a274d6", "#2aa3b3", "#9c8b3f", "#cc659f", "#7d8794", "#6b76e0")
"""Of methods and stages in their order; each is readable on white and on near black."""
ACCENT = "#e5484d"
"""Of the last method, which the page is about."""
_MARKERS = "sD^vP<>pX"
_INK, _SOFT, _GRID = "#0a0b0c", "#0a0b0d", "#0a0b0e"
"""Stand-ins, which the finished text replaces by the page's own colours."""
_PAGE_COLOURS = {_INK: "var(--ink)", _SOFT: "var(--soft)", _GRID: "var(--grid)"}
HIDDEN_EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 1.0)
CONTACT_EDGES = (0.0, 0.01, 0.25, 0.5, 0.75, 1.0)
"""Shares at which clips are parted; a clip on an edge belongs above it."""
_NAMES = {
    "mpjpe": "MPJPE", "pa_mpjpe": "PA-MPJPE", "int": "Int", "contact_f1": "contact F1",
    "contact_distance": "contact distance",
}  # fmt: skip
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "font.family": ["DejaVu Sans"], "font.size": 9, "axes.titlesize": 9.5,
    "axes.titlelocation": "left", "axes.titlepad": 8, "axes.labelsize": 9, "legend.fontsize": 9, "legend.frameon": False,
    "text.color": _INK, "axes.labelcolor": _SOFT, "axes.titlecolor": _INK, "xtick.color": _SOFT, "ytick.color": _SOFT,
    "xtick.labelcolor": _SOFT, "ytick.labelcolor": _INK, "axes.edgecolor": _GRID, "grid.color": _GRID,
    "axes.grid": True, "axes.axisbelow": True, "grid.linewidth": 0.7, "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.left": False, "xtick.major.size": 0, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
}  # fmt: skip
_UNSEEN = 0.01
"""seconds; stages that never take longer are not drawn on the logarithmic scale."""
_FEWEST = 5
"""Clips that have a distribution."""
_WIDTH = 10.4
"""inches, at 72 px each in SVG."""


@dataclass(frozen=True)
class Plot:
    name: str
    """A word of its own on the page."""
    title: str
    caption: str
    svg: str


def require_matplotlib() -> Any:
    """matplotlib, or UserError `matplotlib-missing` that says how to get it. Ask before hours of work, not after."""
    try:
        return import_module("matplotlib")
    except ImportError as error:
        raise UserError(
            "matplotlib-missing",
            "The report's page needs matplotlib, which is not installed in this environment.",
            "Install it with: python -m pip install -r lab/requirements.txt",
        ) from error


def report_plots(report: Report) -> list[Plot]:
    """Everything that the report's numbers can show; what they do not hold (no clip hidden, one family) is left out."""
    makers = (_by_family, _by_family_contact, _by_occlusion, _by_visibility, _by_contact, _distribution, _seconds)
    return [plot for plot in (make(report) for make in makers) if plot is not None]


def speed_plots(speed: Speed) -> list[Plot]:
    makers = (_stage_cost, _stage_memory, _beside_full_mesh, _growth)
    return [plot for plot in (make(speed) for make in makers) if plot is not None]


def methods_of(clips: Sequence[ClipResult]) -> list[str]:
    return list(dict.fromkeys(clip.method for clip in clips))


def binned(
    clips: Sequence[ClipResult], share: Callable[[ClipResult], float], edges: Sequence[float], measure: str
) -> list[tuple[float | None, int]]:
    """Mean of a measure and number of clips in each bin of `share`; an edge's clip goes above it, but for the last edge."""
    having = [clip for clip in clips if measure in clip.metrics]
    place = np.clip(np.digitize([share(clip) for clip in having], edges) - 1, 0, len(edges) - 2)
    found: list[tuple[float | None, int]] = []
    for index in range(len(edges) - 1):
        values = [clip.metrics[measure] for clip, own in zip(having, place) if own == index]
        found.append((float(np.mean(values)) if values else None, len(values)))
    return found


def families_by_error(report: Report, measure: str = "mpjpe") -> list[str]:
    """All families, those that the last method does worst on first."""
    last = report.rows[-1].by_family
    families = {family for row in report.rows for family in row.by_family}
    return sorted(families, key=lambda family: (-last.get(family, {}).get(measure, -1.0), family))


def _by_family(report: Report) -> Plot | None:
    return _family_dots(
        report,
        ("mpjpe", "int"),
        "by-family",
        "Error by family",
        "Each mark is one method's mean over a family's clips; families in the order of the last method's MPJPE, its worst "
        "at the top. MPJPE: the pose of each person by itself. Int: where the two stand to each other.",
    )


def _by_family_contact(report: Report) -> Plot | None:
    return _family_dots(
        report,
        ("contact_distance", "contact_f1"),
        "by-family-contact",
        "Contact by family",
        "Distance between the regions that truly touch (lower is better), and F1 of the detected pairs of regions, frame by "
        "frame (higher is better).",
    )


def _family_dots(report: Report, measures: Sequence[str], name: str, title: str, caption: str) -> Plot | None:
    measures = [key for key in measures if any(key in row.metrics for row in report.rows)]
    families = families_by_error(report)
    if not measures or not families:
        return None

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
        for ax, measure in zip(axes, measures):
            for level, family in enumerate(families):
                values = [row.by_family.get(family, {}).get(measure) for row in report.rows]
                known = [value for value in values if value is not None]
                if known:
                    ax.plot([min(known), max(known)], [level, level], color=_GRID, linewidth=3, zorder=1)
            for index, row in enumerate(report.rows):
                there = [
                    (row.by_family[family][measure], level)
                    for level, family in enumerate(families)
                    if measure in row.by_family.get(family, {})
                ]
                if there:
                    style = _mark(index, len(report.rows))
                    ax.plot(*zip(*there), linestyle="none", zorder=2 + index, clip_on=False, **style)
            ax.set_title(_titled(measure))
            ax.set_yticks(range(len(families)), [_plain(family) for family in families])
            ax.set_ylim(len(families) - 0.4, -0.6)
            ax.set_xlim(left=0, right=1.0 if measure == "contact_f1" and _top(report, measure) > 0.6 else None)
            ax.grid(axis="y", visible=False)
        _legend(figure, axes[0], [row.method for row in report.rows])

    return Plot(name, title, caption, _svg(name, 1.35 + 0.27 * len(families), draw))


def _by_occlusion(report: Report) -> Plot | None:
    return _lines_over_share(
        report,
        lambda clip: clip.hidden_share,
        HIDDEN_EDGES,
        ("mpjpe", "pair_pa_mpjpe"),
        "by-occlusion",
        "Error by occlusion",
        "Clips parted by the share of joints that the other person hides. How many clips stand behind each point is under it.",
        "share of joints hidden by the other person",
    )


def _by_contact(report: Report) -> Plot | None:
    return _lines_over_share(
        report,
        lambda clip: clip.contact_share,
        CONTACT_EDGES,
        ("mpjpe", "int"),
        "by-contact",
        "Error by contact",
        "Clips parted by the share of frames in which the two touch.",
        "share of frames with contact",
    )


def _lines_over_share(
    report: Report,
    share: Callable[[ClipResult], float],
    edges: Sequence[float],
    measures: Sequence[str],
    name: str,
    title: str,
    caption: str,
    label: str,
) -> Plot | None:
    methods = methods_of(report.clips)
    measures = [key for key in measures if any(key in clip.metrics for clip in report.clips)]
    counts = [count for _, count in binned(_of(report, methods[-1]), share, edges, measures[0])] if measures else []
    if sum(count > 0 for count in counts) < 2:
        return None
    labels = [
        f"{100 * low:.0f}–{100 * high:.0f} %\n{count} clips" for low, high, count in zip(edges, edges[1:], counts)
    ]

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(measures), squeeze=False)[0]
        for ax, measure in zip(axes, measures):
            for index, method in enumerate(methods):
                bins = binned(_of(report, method), share, edges, measure)
                points = [(place, value) for place, (value, _) in enumerate(bins) if value is not None]
                if points:
                    ax.plot(*zip(*points), zorder=2 + index, **_mark(index, len(methods)), linewidth=1.6)
            ax.set_title(_titled(measure))
            ax.set_xticks(range(len(labels)), labels, fontsize=8)
            ax.set_xlim(-0.4, len(labels) - 0.6)
            ax.set_xlabel(label)
            ax.set_ylim(bottom=0)
            ax.grid(axis="x", visible=False)
        _legend(figure, axes[0], methods)

    return Plot(name, title, caption, _svg(name, 4.1, draw))


def _by_visibility(report: Report) -> Plot | None:
    kinds = [(key, text) for key, text in _VISIBILITY if any(key in row.metrics for row in report.rows)]
    if len(kinds) < 2:
        return None

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        width = 0.82 / len(report.rows)
        for index, row in enumerate(report.rows):
            places = [place for place, (key, _) in enumerate(kinds) if key in row.metrics]
            heights = [row.metrics[key] for key, _ in kinds if key in row.metrics]
            left = [place + (index - (len(report.rows) - 1) / 2) * width for place in places]
            ax.bar(left, heights, 0.9 * width, color=_colour(index, len(report.rows)), label=row.method)
            for x, height in zip(left, heights):
                ax.annotate(f"{height:.0f}", (x, height), (0, 2), textcoords="offset points", ha="center", fontsize=7.5)
        ax.set_xticks(range(len(kinds)), [text for _, text in kinds])
        ax.tick_params(axis="x", labelcolor=_INK)
        ax.set_title("MPJPE (mm)")
        ax.grid(axis="x", visible=False)
        _legend(figure, ax, [row.method for row in report.rows])

    return Plot(
        "by-visibility",
        "Joints seen, hidden and out of the picture",
        "Error of joints by what the camera sees of them, over all clips, weighted by how many there are.",
        _svg("by-visibility", 3.7, draw),
    )


_VISIBILITY = (
    ("mpjpe_seen", "seen"),
    ("mpjpe_hidden", "hidden by the other person"),
    ("mpjpe_outside", "out of the picture"),
)


def _distribution(report: Report) -> Plot | None:
    methods = methods_of(report.clips)
    clips = _of(report, methods[-1])
    measures = [key for key in ("mpjpe", "int") if sum(key in clip.metrics for clip in clips) >= _FEWEST]
    if not measures:
        return None

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
        for ax, measure in zip(axes, measures):
            everything = [clip.metrics[measure] for clip in report.clips if measure in clip.metrics]
            for index, method in enumerate(methods):
                values = np.sort([clip.metrics[measure] for clip in _of(report, method) if measure in clip.metrics])
                if len(values):
                    shares = 100 * np.arange(len(values) + 1) / len(values)
                    main = index == len(methods) - 1
                    x = np.concatenate([[0.0], values])
                    ax.step(
                        x,
                        shares,
                        where="post",
                        color=_colour(index, len(methods)),
                        linewidth=2.4 if main else 1.5,
                        zorder=2 + index,
                    )
            ax.set_title(_titled(measure))
            ax.set_xlim(0, float(np.percentile(everything, 98)) * 1.05)
            ax.set_ylim(0, 101)
        axes[0].set_ylabel("% of clips with less error")
        _legend(figure, axes[0], methods, lines=True)

    return Plot(
        "distribution",
        "Distribution over clips",
        "How many of the clips stay under an error. A curve further to the left is better; a long tail to the right is a few "
        "clips that fail. The last two in a hundred values are cut off.",
        _svg("distribution", 3.7, draw),
    )


def _seconds(report: Report) -> Plot | None:
    rows = [(row.method, row.seconds_per_frame) for row in report.rows if row.seconds_per_frame]
    if not rows:
        return None
    return Plot(
        "seconds",
        "Time per frame",
        "Milliseconds for a frame (both people), by stage, on the machine that ran the benchmark.",
        _svg("seconds", 0.95 + 0.33 * len(rows), lambda figure: _stacked(figure, rows, 1000.0, "ms a frame")),
    )


def _stage_cost(speed: Speed) -> Plot | None:
    rows = [(f"{run.frames} frames", _per_frame(run)) for run in speed.runs]
    rows += [(f"refine, {run.frames} frames", _per_frame(run)) for run in speed.refined]
    if not rows:
        return None
    return Plot(
        "speed-stages",
        "Milliseconds per frame by stage",
        "Whole reconstructions from the pixels on, and refine.",
        _svg("speed-stages", 0.95 + 0.33 * len(rows), lambda figure: _stacked(figure, rows, 1000.0, "ms a frame")),
    )


def _stage_memory(speed: Speed) -> Plot | None:
    runs = [run for run in speed.runs if run.memory]
    if not runs:
        return None
    stages = list(dict.fromkeys(stage for run in runs for stage in run.memory))

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        height = 0.8 / len(runs)
        for index, run in enumerate(runs):
            levels = [place + (index - (len(runs) - 1) / 2) * height for place in range(len(stages))]
            values = [run.memory.get(stage, 0.0) for stage in stages]
            ax.barh(levels, values, 0.86 * height, color=_colour(index), label=f"{run.frames} frames")
            for y, value in zip(levels, values):
                ax.annotate(f"{value:.0f}", (value, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
        ax.set_yticks(range(len(stages)), stages)
        ax.invert_yaxis()
        ax.set_xlabel("peak of the process during the stage, MiB")
        ax.margins(x=0.08)
        ax.grid(axis="y", visible=False)
        figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=6)

    return Plot(
        "speed-memory",
        "Peak memory by stage",
        "What the process holds at most while a stage runs, the interpreter and the networks included.",
        _svg("speed-memory", 1.1 + 0.3 * len(stages) * max(1, 0.6 * len(runs)), draw),
    )


def _beside_full_mesh(speed: Speed) -> Plot | None:
    mesh = speed.full_mesh
    if mesh is None:
        return None
    errors = ""
    if mesh.mpjpe is not None and mesh.fit_mpjpe is not None:
        errors = f" MPJPE on the sample: {mesh.mpjpe:.0f} mm and {mesh.fit_mpjpe:.0f} mm."
    perception = [run.seconds["perception"] / run.frames for run in speed.runs if "perception" in run.seconds]
    rows = [("full-mesh fit with smplx", mesh.seconds / mesh.frames), ("our fit", mesh.fit_seconds / mesh.frames)]
    if perception:
        rows.append(("perception alone", float(np.mean(perception))))

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        for index, (_, value) in enumerate(rows):
            ax.barh([index], [1000 * value], 0.62, color=_colour(index))
            ax.annotate(
                f"{1000 * value:,.0f} ms", (1000 * value, index), (5, 0), textcoords="offset points", va="center"
            )
        ax.set_yticks(range(len(rows)), [name for name, _ in rows])
        ax.invert_yaxis()
        ax.set_xlabel("ms a frame, both people")
        ax.margins(x=0.12)
        ax.grid(axis="y", visible=False)

    return Plot(
        "speed-full-mesh",
        "Beside a plain full-mesh fit",
        f"The same {mesh.frames} frames: {mesh.steps} steps of Adam with every vertex posed by the smplx package took "
        f"{1000 * mesh.seconds / mesh.steps:.0f} ms a step, our {mesh.fit_steps} steps "
        f"{1000 * mesh.fit_seconds / mesh.fit_steps:.0f} ms a step.{errors}",
        _svg("speed-full-mesh", 0.7 + 0.36 * len(rows), draw),
    )


def _growth(speed: Speed) -> Plot | None:
    runs = speed.growth
    if len(runs) < 2:
        return None
    frames = [run.frames for run in runs]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        totals = [sum(run.seconds.values()) for run in runs]
        left.plot(frames, totals, color=ACCENT, marker="o", linewidth=2.4, label="all after perception")
        for index, stage in enumerate(_stages(runs)):
            if max(run.seconds.get(stage, 0.0) for run in runs) < _UNSEEN:
                continue
            values = [run.seconds.get(stage, np.nan) for run in runs]
            left.plot(frames, values, **_mark(index, 0), linewidth=1.5, label=stage)
        left.plot(frames, [totals[0] * count / frames[0] for count in frames], color=_SOFT, linestyle=":", linewidth=1)
        left.annotate("in proportion", (frames[-1], totals[0] * frames[-1] / frames[0]), (-4, 5), color=_SOFT, ha="right",
                      textcoords="offset points", fontsize=8)  # fmt: skip
        left.set_title("seconds")
        left.set_yscale("log")
        left.set_ylim(bottom=_UNSEEN)
        right.set_title("peak memory, MiB")
        known = [(run.frames, run.peak_memory) for run in runs if run.peak_memory is not None]
        if known:
            right.plot(*zip(*known), color=ACCENT, marker="o", linewidth=2.0)
            right.set_ylim(0, 1.15 * max(value for _, value in known))
        for ax in (left, right):
            ax.set_xscale("log", base=2)
            ax.set_xticks(frames, [f"{count:,}" for count in frames])
            ax.set_xlabel("frames")
            ax.minorticks_off()
        left.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=7)

    return Plot(
        "speed-growth",
        "Cost as clips grow",
        "Every stage after perception on longer and longer clips; perception itself takes the same for each frame. Both axes of "
        "seconds are logarithmic: a line in parallel with the dotted one grows with the clip's length.",
        _svg("speed-growth", 4.2, draw),
    )


def _stages(runs: Sequence[Cost]) -> list[str]:
    return list(dict.fromkeys(stage for run in runs for stage in run.seconds))


def _per_frame(run: Cost) -> dict[str, float]:
    return {stage: seconds / run.frames for stage, seconds in run.seconds.items()}


def _stacked(figure: Any, rows: Sequence[tuple[str, Mapping[str, float]]], unit: float, label: str) -> None:
    """Bars of stages one after the other, a bar a row."""
    ax = figure.subplots()
    stages = list(dict.fromkeys(stage for _, seconds in reversed(rows) for stage in seconds))
    left = np.zeros(len(rows))
    for index, stage in enumerate(stages):
        values = np.array([unit * seconds.get(stage, 0.0) for _, seconds in rows])
        ax.barh(range(len(rows)), values, 0.62, left, color=_colour(index), label=stage)
        left += values
    for level, total in enumerate(left):
        ax.annotate(_amount(total), (total, level), (5, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.invert_yaxis()
    ax.set_xlabel(label)
    ax.margins(x=0.08)
    ax.grid(axis="y", visible=False)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=8)


def _amount(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def _of(report: Report, method: str) -> list[ClipResult]:
    return [clip for clip in report.clips if clip.method == method]


def _top(report: Report, measure: str) -> float:
    return max((values.get(measure, 0.0) for row in report.rows for values in row.by_family.values()), default=0.0)


def _titled(measure: str) -> str:
    name = _NAMES.get(measure, measure.replace("_", "-").upper().replace("PAIR-PA", "Pair-PA"))
    return f"{name} ({UNITS[measure]})" if UNITS.get(measure) else name


def _plain(family: str) -> str:
    return family.replace("_", " ").replace("-", " ")


def _colour(index: int, count: int = 0) -> str:
    """Of one of `count` methods, the last of which stands out; of a stage without `count`."""
    return ACCENT if index == count - 1 else COLOURS[index % len(COLOURS)]


def _mark(index: int, count: int) -> dict[str, Any]:
    """How a method's points look; the last method stands out."""
    main = index == count - 1
    return {
        "color": _colour(index, count),
        "marker": "o" if main else _MARKERS[index % len(_MARKERS)],
        "markersize": 8.0 if main else 5.5,
        "markeredgecolor": _INK if main else "none",
        "markeredgewidth": 1.0 if main else 0.0,
    }


def _legend(figure: Any, ax: Any, methods: Sequence[str], *, lines: bool = False) -> None:
    """One legend over all axes, of marks or of lines, in the methods' order."""
    handles = []
    for index, method in enumerate(methods):
        style = (
            {"color": _colour(index, len(methods)), "linewidth": 2.0}
            if lines
            else {**_mark(index, len(methods)), "linestyle": "none"}
        )
        handles += ax.plot([], [], label=method, **style)
    figure.legend(handles=handles, loc="outside upper left", ncols=8, handletextpad=0.4, columnspacing=1.6)


def _svg(name: str, height: float, draw: Callable[[Any], None]) -> str:
    """Draw on a new figure and return it as one `<svg>` element, its ids made the plot's own."""
    matplotlib = require_matplotlib()
    figures = import_module("matplotlib.figure")
    style = {key: value for key, value in _STYLE.items() if value is not None} | {"svg.hashsalt": name}
    with matplotlib.rc_context(style):
        figure = figures.Figure(figsize=(_WIDTH, height), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _for_page(name, text.getvalue())


def _for_page(name: str, text: str) -> str:
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r' id="', f' id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"'?DejaVu Sans'?", "var(--font)", text)
    for stand_in, colour in _PAGE_COLOURS.items():
        text = text.replace(stand_in, colour)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*" ?', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*" ?', r'<svg \1class="plot" role="img" ', text, count=1)
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", text)
