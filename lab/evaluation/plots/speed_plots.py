"""The plots of the speed benchmark: time and memory by stage, a fit of the full mesh, and cost by clip length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..speed import Cost, Speed
from .style import ACCENT, SOFT, Plot, colour_of, draw_stacked_bars, marker_style, render_svg

_LEAST_SECONDS = 0.01
"""Stages that never take longer are not drawn on the logarithmic scale."""


def speed_plots(speed: Speed) -> list[Plot]:
    """The plots of the speed benchmark, without those whose measurements are missing."""
    makers = (_stage_cost, _stage_memory, _full_mesh, _growth)
    return [plot for plot in (make(speed) for make in makers) if plot is not None]


def _stage_cost(speed: Speed) -> Plot | None:
    rows = [(f"{run.frames} frames", _per_frame(run)) for run in speed.runs]
    rows += [(f"refine, {run.frames} frames", _per_frame(run)) for run in speed.refined]
    if not rows:
        return None
    return Plot(
        "speed-stages",
        "Milliseconds per frame by stage",
        "Complete reconstructions, from the pixels on, and refinements.",
        render_svg(
            "speed-stages",
            0.95 + 0.33 * len(rows),
            lambda figure: draw_stacked_bars(figure, rows, 1000.0, "ms per frame"),
        ),
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
            ax.barh(levels, values, 0.86 * height, color=colour_of(index), label=f"{run.frames} frames")
            for y, value in zip(levels, values):
                ax.annotate(f"{value:.0f}", (value, y), (4, 0), textcoords="offset points", va="center", fontsize=8)
        ax.set_yticks(range(len(stages)), stages)
        ax.invert_yaxis()
        ax.set_xlabel("peak memory of the process during the stage, MiB")
        ax.margins(x=0.08)
        ax.grid(axis="y", visible=False)
        figure.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=6)

    return Plot(
        "speed-memory",
        "Peak memory by stage",
        "Peak memory of the process while a stage runs, with the interpreter and the networks.",
        render_svg("speed-memory", 1.1 + 0.3 * len(stages) * max(1, 0.6 * len(runs)), draw),
    )


def _full_mesh(speed: Speed) -> Plot | None:
    mesh = speed.full_mesh
    if mesh is None:
        return None
    errors = ""
    if mesh.mpjpe is not None and mesh.fit_mpjpe is not None:
        errors = f" MPJPE on the sample: {mesh.mpjpe:.0f} mm and {mesh.fit_mpjpe:.0f} mm."
    perception = [run.seconds["perception"] / run.frames for run in speed.runs if "perception" in run.seconds]
    rows = [("full-mesh fit with smplx", mesh.seconds / mesh.frames), ("our fit", mesh.fit_seconds / mesh.frames)]
    if perception:
        rows.append(("perception", float(np.mean(perception))))

    def draw(figure: Any) -> None:
        ax = figure.subplots()
        for index, (_, value) in enumerate(rows):
            ax.barh([index], [1000 * value], 0.62, color=colour_of(index))
            ax.annotate(
                f"{1000 * value:,.0f} ms", (1000 * value, index), (5, 0), textcoords="offset points", va="center"
            )
        ax.set_yticks(range(len(rows)), [name for name, _ in rows])
        ax.invert_yaxis()
        ax.set_xlabel("ms per frame, both people")
        ax.margins(x=0.12)
        ax.grid(axis="y", visible=False)

    return Plot(
        "speed-full-mesh",
        "Against a plain fit of the full mesh",
        f"On the same {mesh.frames} frames: {mesh.steps} steps of Adam, with all vertices posed by the smplx package, took "
        f"{1000 * mesh.seconds / mesh.steps:.0f} ms each, {mesh.fit_steps} steps of our fit "
        f"{1000 * mesh.fit_seconds / mesh.fit_steps:.0f} ms.{errors}",
        render_svg("speed-full-mesh", 0.7 + 0.36 * len(rows), draw),
    )


def _growth(speed: Speed) -> Plot | None:
    runs = speed.growth
    if len(runs) < 2:
        return None
    frames = [run.frames for run in runs]

    def draw(figure: Any) -> None:
        left, right = figure.subplots(1, 2)
        totals = [sum(run.seconds.values()) for run in runs]
        left.plot(frames, totals, color=ACCENT, marker="o", linewidth=2.4, label="all stages after perception")
        for index, stage in enumerate(_stages(runs)):
            if max(run.seconds.get(stage, 0.0) for run in runs) < _LEAST_SECONDS:
                continue
            values = [run.seconds.get(stage, np.nan) for run in runs]
            left.plot(frames, values, **marker_style(index, 0), linewidth=1.5, label=stage)
        left.plot(frames, [totals[0] * count / frames[0] for count in frames], color=SOFT, linestyle=":", linewidth=1)
        left.annotate("proportional", (frames[-1], totals[0] * frames[-1] / frames[0]), (-4, 5), color=SOFT, ha="right",
                      textcoords="offset points", fontsize=8)  # fmt: skip
        left.set_title("seconds")
        left.set_yscale("log")
        left.set_ylim(bottom=_LEAST_SECONDS)
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
        "Cost by clip length",
        "All stages after perception on clips of increasing length; perception takes the same time for every frame. Both axes of "
        "the left plot are logarithmic: a line parallel to the dotted one is proportional to the length.",
        render_svg("speed-growth", 4.2, draw),
    )


def _stages(runs: Sequence[Cost]) -> list[str]:
    return list(dict.fromkeys(stage for run in runs for stage in run.seconds))


def _per_frame(run: Cost) -> dict[str, float]:
    return {stage: seconds / run.frames for stage, seconds in run.seconds.items()}
