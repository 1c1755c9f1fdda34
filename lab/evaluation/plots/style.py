"""The style of all plots on a benchmark's page: SVG that takes its colours from the page around it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from core.contract.errors import UserError

COLOURS = ("#4a8fd6", "#d98a2b", "#3fa577", "#a274d6", "#2aa3b3", "#9c8b3f", "#cc659f", "#7d8794", "#6b76e0")
"""Of methods and stages in their order; each is readable on white and on near black."""
ACCENT = "#e5484d"
"""Of the last method, which the page is about."""
_MARKERS = "sD^vP<>pX"
INK, SOFT, GRID = "#0a0b0c", "#0a0b0d", "#0a0b0e"
"""Placeholders, which are replaced by the page's own colours in the finished SVG."""
_PAGE_COLOURS = {INK: "var(--ink)", SOFT: "var(--soft)", GRID: "var(--grid)"}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "font.family": ["DejaVu Sans"], "font.size": 9, "axes.titlesize": 9.5,
    "axes.titlelocation": "left", "axes.titlepad": 8, "axes.labelsize": 9, "legend.fontsize": 9, "legend.frameon": False,
    "text.color": INK, "axes.labelcolor": SOFT, "axes.titlecolor": INK, "xtick.color": SOFT, "ytick.color": SOFT,
    "xtick.labelcolor": SOFT, "ytick.labelcolor": INK, "axes.edgecolor": GRID, "grid.color": GRID,
    "axes.grid": True, "axes.axisbelow": True, "grid.linewidth": 0.7, "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.left": False, "xtick.major.size": 0, "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0,
    "figure.facecolor": "none", "axes.facecolor": "none", "savefig.facecolor": "none",
}  # fmt: skip
_WIDTH = 10.4
"""inches, at 72 px each in SVG."""


@dataclass(frozen=True)
class Plot:
    """One plot of the page."""

    name: str
    """Unique on the page; ids inside the SVG begin with it."""
    title: str
    caption: str
    svg: str


def require_matplotlib() -> Any:
    """matplotlib, or UserError `matplotlib-missing` with how to install it. Call this before hours of work, not after."""
    try:
        return import_module("matplotlib")
    except ImportError as error:
        raise UserError(
            "matplotlib-missing",
            "The report's page needs matplotlib, which is not installed in this environment.",
            "Install it with: python -m pip install -r lab/requirements.txt",
        ) from error


def render_svg(name: str, height: float, draw: Callable[[Any], None]) -> str:
    """Draw on a new figure of that height (inches) and return one `<svg>` element, whose ids begin with the name."""
    matplotlib = require_matplotlib()
    figures = import_module("matplotlib.figure")
    style = {key: value for key, value in _STYLE.items() if value is not None} | {"svg.hashsalt": name}
    with matplotlib.rc_context(style):
        figure = figures.Figure(figsize=(_WIDTH, height), layout="constrained")
        figure.get_layout_engine().set(wspace=0.06)
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _adapt_to_page(name, text.getvalue())


def colour_of(index: int, count: int = 0) -> str:
    """The colour of one of `count` methods, the last of which stands out; without `count`, of a stage."""
    return ACCENT if index == count - 1 else COLOURS[index % len(COLOURS)]


def marker_style(index: int, count: int) -> dict[str, Any]:
    """Markers of a method's points; the last method stands out."""
    main = index == count - 1
    return {
        "color": colour_of(index, count),
        "marker": "o" if main else _MARKERS[index % len(_MARKERS)],
        "markersize": 8.0 if main else 5.5,
        "markeredgecolor": INK if main else "none",
        "markeredgewidth": 1.0 if main else 0.0,
    }


def add_legend(figure: Any, ax: Any, methods: Sequence[str], *, lines: bool = False) -> None:
    """One legend for all axes, with markers or lines, in the methods' order."""
    handles = []
    for index, method in enumerate(methods):
        style = (
            {"color": colour_of(index, len(methods)), "linewidth": 2.0}
            if lines
            else {**marker_style(index, len(methods)), "linestyle": "none"}
        )
        handles += ax.plot([], [], label=method, **style)
    figure.legend(handles=handles, loc="outside upper left", ncols=8, handletextpad=0.4, columnspacing=1.6)


def draw_stacked_bars(figure: Any, rows: Sequence[tuple[str, Mapping[str, float]]], unit: float, label: str) -> None:
    """Stacked horizontal bars: one bar per row, one segment per stage."""
    ax = figure.subplots()
    stages = list(dict.fromkeys(stage for _, seconds in reversed(rows) for stage in seconds))
    left = np.zeros(len(rows))
    for index, stage in enumerate(stages):
        values = np.array([unit * seconds.get(stage, 0.0) for _, seconds in rows])
        ax.barh(range(len(rows)), values, 0.62, left, color=colour_of(index), label=stage)
        left += values
    for level, total in enumerate(left):
        ax.annotate(_amount(total), (total, level), (5, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.invert_yaxis()
    ax.set_xlabel(label)
    ax.margins(x=0.08)
    ax.grid(axis="y", visible=False)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=8)


def plain_name(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _amount(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.95 else f"{value:.2f}"


def _adapt_to_page(name: str, text: str) -> str:
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r' id="', f' id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text)
    text = re.sub(r"'?DejaVu Sans'?", "var(--font)", text)
    for placeholder, colour in _PAGE_COLOURS.items():
        text = text.replace(placeholder, colour)
    text = re.sub(r'<svg ([^>]*?)width="[^"]*" ?', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)height="[^"]*" ?', r'<svg \1class="plot" role="img" ', text, count=1)
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", text)
