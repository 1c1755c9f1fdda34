"""The plots of a benchmark's report: errors by family, occlusion, visibility and contact, their distribution, and time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..results import UNITS, ClipResult, Report
from .style import GRID, INK, Plot, add_legend, colour_of, draw_stacked_bars, marker_style, plain_name, render_svg

OCCLUSION_EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 1.0)
CONTACT_EDGES = (0.0, 0.01, 0.25, 0.5, 0.75, 1.0)
"""Bin edges of the shares of occluded joints and of frames with contact; a clip on an edge belongs to the bin above it."""
_NAMES = {
    "mpjpe": "MPJPE", "pa_mpjpe": "PA-MPJPE", "int": "Int", "contact_f1": "contact F1",
    "contact_distance": "contact distance",
}  # fmt: skip
_FEWEST_CLIPS = 5
"""With fewer clips no distribution is drawn."""
_VISIBILITY = (
    ("mpjpe_seen", "visible"),
    ("mpjpe_hidden", "occluded by the other person"),
    ("mpjpe_outside", "outside the image"),
)


def report_plots(report: Report) -> list[Plot]:
    """All plots that the report has the numbers for."""
    makers = (_by_family, _by_family_contact, _by_occlusion, _by_visibility, _by_contact, _distribution, _seconds)
    return [plot for plot in (make(report) for make in makers) if plot is not None]


def methods_of(clips: Sequence[ClipResult]) -> list[str]:
    return list(dict.fromkeys(clip.method for clip in clips))


def binned_means(
    clips: Sequence[ClipResult], share: Callable[[ClipResult], float], edges: Sequence[float], metric: str
) -> list[tuple[float | None, int]]:
    """Mean of a metric (None without clips) and number of clips in each bin of `share`.

    A clip on an edge belongs to the bin above it, except on the last edge.
    """
    having = [clip for clip in clips if metric in clip.metrics]
    place = np.clip(np.digitize([share(clip) for clip in having], edges) - 1, 0, len(edges) - 2)
    found: list[tuple[float | None, int]] = []
    for index in range(len(edges) - 1):
        values = [clip.metrics[metric] for clip, own in zip(having, place) if own == index]
        found.append((float(np.mean(values)) if values else None, len(values)))
    return found


def families_by_error(report: Report) -> list[str]:
    """All families, those of the last method's largest MPJPE first."""
    last = report.rows[-1].by_family
    families = {family for row in report.rows for family in row.by_family}
    return sorted(families, key=lambda family: (-last.get(family, {}).get("mpjpe", -1.0), family))


def _by_family(report: Report) -> Plot | None:
    return _family_dots(
        report,
        ("mpjpe", "int"),
        "by-family",
        "Error by family",
        "Each marker is one method's mean over a family's clips; families are sorted by the last method's MPJPE, its worst at "
        "the top. MPJPE measures the pose of each person by itself, Int the two people relative to each other.",
    )


def _by_family_contact(report: Report) -> Plot | None:
    return _family_dots(
        report,
        ("contact_distance", "contact_f1"),
        "by-family-contact",
        "Contact by family",
        "Distance between the regions that are truly in contact (lower is better), and F1 of the detected pairs of regions per "
        "frame (higher is better).",
    )


def _family_dots(report: Report, metrics: Sequence[str], name: str, title: str, caption: str) -> Plot | None:
    metrics = [key for key in metrics if any(key in row.metrics for row in report.rows)]
    families = families_by_error(report)
    if not metrics or not families:
        return None

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for ax, metric in zip(axes, metrics):
            for level, family in enumerate(families):
                values = [row.by_family.get(family, {}).get(metric) for row in report.rows]
                known = [value for value in values if value is not None]
                if known:
                    ax.plot([min(known), max(known)], [level, level], color=GRID, linewidth=3, zorder=1)
            for index, row in enumerate(report.rows):
                there = [
                    (row.by_family[family][metric], level)
                    for level, family in enumerate(families)
                    if metric in row.by_family.get(family, {})
                ]
                if there:
                    style = marker_style(index, len(report.rows))
                    ax.plot(*zip(*there), linestyle="none", zorder=2 + index, clip_on=False, **style)
            ax.set_title(metric_title(metric))
            ax.set_yticks(range(len(families)), [plain_name(family) for family in families])
            ax.set_ylim(len(families) - 0.4, -0.6)
            ax.set_xlim(left=0, right=1.0 if metric == "contact_f1" and _largest(report, metric) > 0.6 else None)
            ax.grid(axis="y", visible=False)
        add_legend(figure, axes[0], [row.method for row in report.rows])

    return Plot(name, title, caption, render_svg(name, 1.35 + 0.27 * len(families), draw))


def _by_occlusion(report: Report) -> Plot | None:
    return _lines_over_share(
        report,
        lambda clip: clip.hidden_share,
        OCCLUSION_EDGES,
        ("mpjpe", "pair_pa_mpjpe"),
        "by-occlusion",
        "Error by occlusion",
        "Clips binned by the share of joints that the other person occludes. The number of clips is below each bin.",
        "share of joints occluded by the other person",
    )


def _by_contact(report: Report) -> Plot | None:
    return _lines_over_share(
        report,
        lambda clip: clip.contact_share,
        CONTACT_EDGES,
        ("mpjpe", "int"),
        "by-contact",
        "Error by contact",
        "Clips binned by the share of frames in which the two are in contact.",
        "share of frames with contact",
    )


def _lines_over_share(
    report: Report,
    share: Callable[[ClipResult], float],
    edges: Sequence[float],
    metrics: Sequence[str],
    name: str,
    title: str,
    caption: str,
    label: str,
) -> Plot | None:
    methods = methods_of(report.clips)
    metrics = [key for key in metrics if any(key in clip.metrics for clip in report.clips)]
    counts = (
        [count for _, count in binned_means(_results_of(report, methods[-1]), share, edges, metrics[0])]
        if metrics
        else []
    )
    if sum(count > 0 for count in counts) < 2:
        return None
    labels = [
        f"{100 * low:.0f}–{100 * high:.0f} %\n{count} clips" for low, high, count in zip(edges, edges[1:], counts)
    ]

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(metrics), squeeze=False)[0]
        for ax, metric in zip(axes, metrics):
            for index, method in enumerate(methods):
                bins = binned_means(_results_of(report, method), share, edges, metric)
                points = [(place, value) for place, (value, _) in enumerate(bins) if value is not None]
                if points:
                    ax.plot(*zip(*points), zorder=2 + index, **marker_style(index, len(methods)), linewidth=1.6)
            ax.set_title(metric_title(metric))
            ax.set_xticks(range(len(labels)), labels, fontsize=8)
            ax.set_xlim(-0.4, len(labels) - 0.6)
            ax.set_xlabel(label)
            ax.set_ylim(bottom=0)
            ax.grid(axis="x", visible=False)
        add_legend(figure, axes[0], methods)

    return Plot(name, title, caption, render_svg(name, 4.1, draw))


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
            ax.bar(left, heights, 0.9 * width, color=colour_of(index, len(report.rows)), label=row.method)
            for x, height in zip(left, heights):
                ax.annotate(f"{height:.0f}", (x, height), (0, 2), textcoords="offset points", ha="center", fontsize=7.5)
        ax.set_xticks(range(len(kinds)), [text for _, text in kinds])
        ax.tick_params(axis="x", labelcolor=INK)
        ax.set_title("MPJPE (mm)")
        ax.grid(axis="x", visible=False)
        add_legend(figure, ax, [row.method for row in report.rows])

    return Plot(
        "by-visibility",
        "Visible, occluded and truncated joints",
        "Error of joints by their visibility, over all clips, weighted by the number of joints.",
        render_svg("by-visibility", 3.7, draw),
    )


def _distribution(report: Report) -> Plot | None:
    methods = methods_of(report.clips)
    clips = _results_of(report, methods[-1])
    metrics = [key for key in ("mpjpe", "int") if sum(key in clip.metrics for clip in clips) >= _FEWEST_CLIPS]
    if not metrics:
        return None

    def draw(figure: Any) -> None:
        axes = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for ax, metric in zip(axes, metrics):
            everything = [clip.metrics[metric] for clip in report.clips if metric in clip.metrics]
            for index, method in enumerate(methods):
                values = np.sort(
                    [clip.metrics[metric] for clip in _results_of(report, method) if metric in clip.metrics]
                )
                if len(values):
                    shares = 100 * np.arange(len(values) + 1) / len(values)
                    main = index == len(methods) - 1
                    x = np.concatenate([[0.0], values])
                    ax.step(
                        x,
                        shares,
                        where="post",
                        color=colour_of(index, len(methods)),
                        linewidth=2.4 if main else 1.5,
                        zorder=2 + index,
                    )
            ax.set_title(metric_title(metric))
            ax.set_xlim(0, float(np.percentile(everything, 98)) * 1.05)
            ax.set_ylim(0, 101)
        axes[0].set_ylabel("% of clips with less error")
        add_legend(figure, axes[0], methods, lines=True)

    return Plot(
        "distribution",
        "Distribution over clips",
        "Share of the clips with less than a given error. A curve farther to the left is better; a long tail to the right means "
        "that a few clips fail. The largest two percent of the values are cut off.",
        render_svg("distribution", 3.7, draw),
    )


def _seconds(report: Report) -> Plot | None:
    rows = [(row.method, row.seconds_per_frame) for row in report.rows if row.seconds_per_frame]
    if not rows:
        return None
    return Plot(
        "seconds",
        "Time per frame",
        "Milliseconds per frame (both people), by stage, on the machine that ran the benchmark.",
        render_svg(
            "seconds", 0.95 + 0.33 * len(rows), lambda figure: draw_stacked_bars(figure, rows, 1000.0, "ms per frame")
        ),
    )


def _results_of(report: Report, method: str) -> list[ClipResult]:
    return [clip for clip in report.clips if clip.method == method]


def _largest(report: Report, metric: str) -> float:
    return max((values.get(metric, 0.0) for row in report.rows for values in row.by_family.values()), default=0.0)


def metric_title(metric: str) -> str:
    name = _NAMES.get(metric, metric.replace("_", "-").upper().replace("PAIR-PA", "Pair-PA"))
    return f"{name} ({UNITS[metric]})" if UNITS.get(metric) else name
