"""A picture of how a training went."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.contract.files import replacing

from ..evaluation.plots import require_matplotlib
from .loop import History

_SMOOTH = 0.1
"""Share of the curve over which the drawn line averages."""


def save_curves(path: Path, title: str, history: History, baselines: dict[str, float] | None = None) -> None:
    """PNG: the training loss and its parts, and each dev error with, dashed, what it is of the initial motion.

    UserError `matplotlib-missing`.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    dev = list(history.dev)
    columns = 3
    rows = 1 + -(-max(len(dev), 1) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.7 * rows), layout="constrained")
    figure.suptitle(f"{title}, {history.seconds / 60:.0f} min")
    grid = figure.add_gridspec(rows, columns)
    losses = figure.add_subplot(grid[0, :])
    for name, points in history.train.items():
        step, value = np.array(points).T
        width = max(1, round(_SMOOTH * len(value)))
        padded = np.pad(value, (width // 2, (width - 1) // 2), mode="edge")
        losses.plot(
            step, np.convolve(padded, np.ones(width) / width, "valid"), label=name, lw=1.8 if name == "loss" else 1
        )
    losses.set(xlabel="step", title="training loss and its parts")
    losses.legend(fontsize=7, ncols=2, loc="upper right")
    for index, name in enumerate(dev):
        axes = figure.add_subplot(grid[1 + index // columns, index % columns])
        step, value = np.array(history.dev[name]).T
        axes.plot(step, value, marker=".")
        if baselines and name in baselines:
            axes.axhline(baselines[name], ls="--", color="grey", lw=1)
        axes.set_title(f"dev: {name}", fontsize=9)
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=90, format="png")
