"""Plots the curves of a training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.contract.files import replacing

from ..evaluation.plots import require_matplotlib
from .loop import History

_SMOOTHING = 0.1
"""Part of the training curve over which the plotted line averages."""
_COLUMNS = 3


def save_curves(path: Path, title: str, history: History, baselines: Mapping[str, float] | None = None) -> None:
    """Write a PNG: the training loss and its parts, and each dev error with its baseline as a dashed line.

    UserError `matplotlib-missing`.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    dev = list(history.dev)
    rows = 1 + -(-max(len(dev), 1) // _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 2.7 * rows), layout="constrained")
    figure.suptitle(f"{title}, {history.seconds / 60:.0f} min")
    grid = figure.add_gridspec(rows, _COLUMNS)
    losses = figure.add_subplot(grid[0, :])
    for name, points in history.train.items():
        step, value = np.array(points).T
        width = max(1, round(_SMOOTHING * len(value)))
        padded = np.pad(value, (width // 2, (width - 1) // 2), mode="edge")
        smooth = np.convolve(padded, np.ones(width) / width, "valid")
        losses.plot(step, smooth, label=name, lw=1.8 if name == "loss" else 1)
    losses.set(xlabel="step", title="training loss and its parts")
    losses.legend(fontsize=7, ncols=2, loc="upper right")
    for index, name in enumerate(dev):
        axes = figure.add_subplot(grid[1 + index // _COLUMNS, index % _COLUMNS])
        step, value = np.array(history.dev[name]).T
        axes.plot(step, value, marker=".")
        if baselines and name in baselines:
            axes.axhline(baselines[name], ls="--", color="grey", lw=1)
        axes.set_title(f"dev: {name}", fontsize=9)
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=90, format="png")
