"""How fast and how large: every stage, beside a plain full-mesh fit, and as clips grow. Run with the core's interpreter.

Whole reconstructions run on the clip played to and fro until it has as many frames as asked, scaled to the size asked; refine
follows each. The growth runs all stages after perception on what perception saw, played to and fro. The full-mesh fit uses the
smplx package (requirements-dev.txt; left out where it is not installed) on the clip's first frames. Each is a process of its
own, so that its peak memory is its own. --out writes REPORT.json and REPORT.html after each of them; the page needs
lab/requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import cv2

from core.clip import probe, read_frames
from core.device import choose_device, limit_threads
from core.pipeline.workspace import CACHE_FOLDER

from ..evaluation.page import require_page, write_speed_page
from ..evaluation.speed import Cost, FullMesh, Machine, Speed, load_speed, save_speed
from ..paths import ROOT, SAMPLES

SAMPLE = SAMPLES / "handshake_hug.mp4"
SAMPLE_TRUTH = SAMPLES / "handshake_hug_truth.npz"
_ABOUT_FULL_MESH = (
    "The full-mesh fit descends on the 33 landmarks' reprojection, a relaxed pose, small betas and little acceleration, each "
    "person by themselves; ours also on metric landmarks, floor, feet, limits and what is between the two."
)
_ABOUT_GROWTH = "Beyond 480 frames the fit goes window by window, after a look at frames spread over the clip."
_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
"""Of child processes, unless set otherwise: as in `core/__main__.py`."""


def stretched(source: Path, frames: int, size: tuple[int, int], target: Path) -> None:
    """Write a clip of so many frames of that size from a shorter one."""
    clip = probe(source)
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), clip.frame_rate, size)
    for image in islice(_to_and_fro(source), frames):
        writer.write(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)[:, :, ::-1])
    writer.release()


def _to_and_fro(source: Path) -> Iterator[cv2.typing.MatLike]:
    clip = probe(source)
    images = [frame.image for frame in read_frames(clip, 0, clip.frame_count - 1)]
    yield from cycle(chain(images, reversed(images)))


def measured(job: str, frames: int, *arguments: object) -> tuple[float, dict[str, Any]]:
    """Run one of `speed_benchmark.jobs`; wall seconds and its answer. Ends the benchmark where the job fails."""
    print(f"{job}, {frames} frames ...", file=sys.stderr, end=" ", flush=True)
    started = time.perf_counter()
    command = [sys.executable, "-m", "lab.speed_benchmark.jobs", job, str(frames), *map(str, arguments)]
    environment = _ENVIRONMENT | os.environ
    process = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    wall = time.perf_counter() - started
    print(f"{wall:.1f} s", file=sys.stderr)
    return wall, json.loads(process.stdout.splitlines()[-1])


def cost(job: str, frames: int, *arguments: object) -> Cost:
    wall, answer = measured(job, frames, *arguments)
    return Cost(frames, round(wall, 2), answer["whole"], answer["seconds"], answer["memory"])


def benchmark(options: argparse.Namespace, scratch: Path) -> Iterator[Speed]:
    """What is known after each measurement, so that a run that is stopped leaves what it has."""
    machine = Machine(os.cpu_count() or 1, limit_threads(), str(choose_device(options.device)), _load())
    speed = Speed(options.clip.name, options.size, machine, (), (), (), None, ())
    longest = max(options.frames)
    for frames in options.frames:
        clip, folder = scratch / f"{frames}.mp4", scratch / str(frames)
        stretched(options.clip, frames, options.size, clip)
        speed = replace(speed, runs=(*speed.runs, cost("reconstruct", frames, clip, folder, options.device)))
        speed = replace(speed, refined=(*speed.refined, cost("refine", frames, folder, options.device)))
        yield speed
    detections = next((scratch / str(longest) / CACHE_FOLDER).glob("perception-*.npz"))
    if options.full_mesh and find_spec("smplx") is None:
        speed = _noted(speed, "smplx is not installed (requirements-dev.txt), so nothing was compared with it.")
    elif options.full_mesh:
        truth = SAMPLE_TRUTH if options.clip == SAMPLE else ""
        _, answer = measured("full-mesh", min(options.full_mesh, longest), detections, options.device, truth)
        numbers = {name: value for name, value in answer.items() if name not in ("whole", "memory")}
        speed = _noted(replace(speed, full_mesh=FullMesh(**numbers)), _ABOUT_FULL_MESH)
        yield speed
    if options.growth:
        speed = _noted(
            speed, f"As clips grow: what perception saw of {longest} frames, played to and fro. {_ABOUT_GROWTH}"
        )
    for frames in options.growth:
        speed = replace(speed, growth=(*speed.growth, cost("growth", frames, detections, options.device)))
        yield speed


def _noted(speed: Speed, note: str) -> Speed:
    return replace(speed, notes=(*speed.notes, note))


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):  # Windows
        return None


def table(speed: Speed) -> str:
    load = "" if speed.machine.load is None else f", load {speed.machine.load} before it began"
    lines = [
        f"{speed.clip} at {speed.size[0]}x{speed.size[1]}, {speed.machine.cores} cores, {speed.machine.device}{load}"
    ]
    for title, runs in (("reconstruct", speed.runs), ("refine", speed.refined), ("after perception", speed.growth)):
        if runs:
            names = list(dict.fromkeys(name for run in runs for name in run.seconds))
            lines.append(
                f"\n{title}, ms a frame\nframes   wall s   peak MiB   " + "   ".join(f"{name:>11}" for name in names)
            )
            for run in runs:
                stages = "   ".join(f"{1000 * run.seconds[name] / run.frames:>11.1f}" for name in names)
                memory = "       –" if run.peak_memory is None else f"{run.peak_memory:>8.0f}"
                lines.append(f"{run.frames:>6}   {run.wall:>6.1f}   {memory}   {stages}")
    mesh = speed.full_mesh
    if mesh is not None:
        lines.append(f"\nfit of {mesh.frames} frames   s a frame   ms a step   steps   MPJPE mm")
        for name, seconds, steps, error in (
            ("full mesh", mesh.seconds, mesh.steps, mesh.mpjpe),
            ("ours", mesh.fit_seconds, mesh.fit_steps, mesh.fit_mpjpe),
        ):
            shown = "–" if error is None else f"{error:.0f}"
            lines.append(
                f"{name:16}   {seconds / mesh.frames:>9.3f}   {1000 * seconds / steps:>9.0f}   {steps:>5}   {shown:>8}"
            )
    return "\n".join(lines)


def draw_page(report: Path) -> None:
    """Draw the page REPORT.html of an earlier report."""
    write_speed_page(load_speed(report), report.with_suffix(".html"))


def run_benchmark(options: argparse.Namespace) -> None:
    """Run `python -m lab speed`; the arguments are those of `lab.commands.speed`."""
    if options.out:
        require_page()
    with tempfile.TemporaryDirectory() as scratch:
        speed = None
        for speed in benchmark(options, Path(scratch)):
            if options.out:
                save_speed(options.out.with_suffix(".json"), speed)
                write_speed_page(speed, options.out.with_suffix(".html"))
    if speed is not None:
        print(table(speed))
