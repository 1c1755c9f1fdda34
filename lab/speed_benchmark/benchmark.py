"""Runs `python -m lab speed`: every measurement in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import chain, cycle, islice
from pathlib import Path
from typing import Any

import cv2

from core.clip import probe, read_frames
from core.contract.errors import UserError
from core.device import choose_device, limit_threads
from core.pipeline.workspace import CACHE_FOLDER

from ..evaluation.page import require_page_packages, write_speed_page
from ..evaluation.speed import Cost, FullMesh, Machine, Speed, load_speed, save_speed
from ..paths import SAMPLES

_SAMPLE, _SAMPLE_TRUTH = SAMPLES / "handshake_hug.mp4", SAMPLES / "handshake_hug_truth.npz"
_ABOUT_FULL_MESH = (
    "The fit of the full mesh minimises the reprojection error of the 33 landmarks, the distance to a relaxed pose, betas and "
    "acceleration, for each person separately; our fit also uses metric landmarks, floor, feet, joint limits and what is between "
    "the two people."
)
_ABOUT_GROWTH = "Above 480 frames the fit goes window by window, after a first fit of frames spread over the clip."


@dataclass(frozen=True)
class SpeedSettings:
    """What to measure; a length of a clip is in frames."""

    clip: Path
    lengths: Sequence[int]
    """Of complete reconstructions."""
    growth: Sequence[int]
    """Of clips for all stages after perception."""
    full_mesh: int
    """Of the fit of the full mesh; 0 leaves it out."""
    size: tuple[int, int]
    """Width and height that the clip is scaled to, px."""
    device: str
    out: Path | None
    """REPORT.json, which is written after each measurement, with REPORT.html."""


def draw_page(report: Path) -> None:
    """Draw the page REPORT.html of an earlier report."""
    write_speed_page(load_speed(report), report.with_suffix(".html"))


def run_benchmark(settings: SpeedSettings) -> None:
    """Measure, write the report and its page, and print the table."""
    if settings.out:
        require_page_packages()
    with tempfile.TemporaryDirectory() as scratch:
        speed = None
        for speed in measure(settings, Path(scratch)):
            if settings.out:
                save_speed(settings.out.with_suffix(".json"), speed)
                write_speed_page(speed, settings.out.with_suffix(".html"))
    if speed is not None:
        print(speed_table(speed))


def measure(settings: SpeedSettings, scratch: Path) -> Iterator[Speed]:
    """All results so far after each measurement, so that a run that is stopped keeps what it has."""
    machine = Machine(os.cpu_count() or 1, limit_threads(), str(choose_device(settings.device)), _load_average())
    speed = Speed(settings.clip.name, settings.size, machine, (), (), (), None, ())
    for frames in settings.lengths:
        clip, folder = scratch / f"{frames}.mp4", scratch / str(frames)
        write_longer_clip(settings.clip, frames, settings.size, clip)
        speed = replace(speed, runs=(*speed.runs, _cost("reconstruct", frames, clip, folder, settings.device)))
        speed = replace(speed, refined=(*speed.refined, _cost("refine", frames, folder, settings.device)))
        yield speed
    longest = max(settings.lengths)
    detections = next((scratch / str(longest) / CACHE_FOLDER).glob("perception-*.npz"))
    if settings.full_mesh and find_spec("smplx") is None:
        speed = _add_note(
            speed, "The fit of the full mesh was left out: smplx is not installed (requirements-dev.txt)."
        )
    elif settings.full_mesh:
        truth = _SAMPLE_TRUTH if settings.clip == _SAMPLE else ""
        frames = min(settings.full_mesh, longest)
        _, answer = _run_job("full-mesh", frames, detections, settings.device, truth)
        result = {name: value for name, value in answer.items() if name not in ("whole", "memory")}
        speed = _add_note(replace(speed, full_mesh=FullMesh(**result)), _ABOUT_FULL_MESH)
        yield speed
    if settings.growth:
        about = f"By clip length: detections of {longest} frames, played forwards and backwards. {_ABOUT_GROWTH}"
        speed = _add_note(speed, about)
    for frames in settings.growth:
        speed = replace(speed, growth=(*speed.growth, _cost("growth", frames, detections, settings.device)))
        yield speed


def write_longer_clip(source: Path, frames: int, size: tuple[int, int], target: Path) -> None:
    """Write a clip of the given length and size (px), which plays the source forwards and backwards."""
    clip = probe(source)
    images = [frame.image for frame in read_frames(clip, 0, clip.frame_count - 1)]
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), clip.frame_rate, size)
    for image in islice(cycle(chain(images, reversed(images))), frames):
        writer.write(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)[:, :, ::-1])
    writer.release()


def speed_table(speed: Speed) -> str:
    """The results as text for the terminal."""
    load = "" if speed.machine.load is None else f", load {speed.machine.load} before it began"
    width, height = speed.size
    lines = [f"{speed.clip} at {width}x{height}, {speed.machine.cores} cores, {speed.machine.device}{load}"]
    for title, runs in (("reconstruct", speed.runs), ("refine", speed.refined), ("after perception", speed.growth)):
        if runs:
            lines += _cost_lines(title, runs)
    if speed.full_mesh is not None:
        lines += _full_mesh_lines(speed.full_mesh)
    return "\n".join(lines)


def _cost_lines(title: str, runs: Sequence[Cost]) -> list[str]:
    stages = list(dict.fromkeys(stage for run in runs for stage in run.seconds))
    lines = [f"\n{title}, ms per frame", "frames   wall s   peak MiB   " + "   ".join(f"{name:>11}" for name in stages)]
    for run in runs:
        times = "   ".join(f"{1000 * run.seconds.get(stage, 0.0) / run.frames:>11.1f}" for stage in stages)
        memory = "       –" if run.peak_memory is None else f"{run.peak_memory:>8.0f}"
        lines.append(f"{run.frames:>6}   {run.wall:>6.1f}   {memory}   {times}")
    return lines


def _full_mesh_lines(mesh: FullMesh) -> list[str]:
    lines = [f"\nfit of {mesh.frames} frames   s per frame   ms per step   steps   MPJPE mm"]
    for name, seconds, steps, error in (
        ("full mesh", mesh.seconds, mesh.steps, mesh.mpjpe),
        ("ours", mesh.fit_seconds, mesh.fit_steps, mesh.fit_mpjpe),
    ):
        shown = "–" if error is None else f"{error:.0f}"
        per_frame, per_step = seconds / mesh.frames, 1000 * seconds / steps
        lines.append(f"{name:16}   {per_frame:>11.3f}   {per_step:>11.0f}   {steps:>5}   {shown:>8}")
    return lines


def _cost(job: str, frames: int, *arguments: object) -> Cost:
    wall, answer = _run_job(job, frames, *arguments)
    return Cost(frames, round(wall, 2), answer["whole"], answer["seconds"], answer["memory"])


def _run_job(job: str, frames: int, *arguments: object) -> tuple[float, dict[str, Any]]:
    """Run one of `jobs.JOBS` in a process; wall seconds and its answer. UserError `job-failed`."""
    print(f"{job}, {frames} frames ...", file=sys.stderr, end=" ", flush=True)
    started = time.perf_counter()
    command = [sys.executable, "-m", "lab.speed_benchmark.jobs", job, str(frames), *map(str, arguments)]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if process.returncode:
        raise UserError("job-failed", f"The measurement {job!r} of {frames} frames failed.", "Its messages say why.")
    wall = time.perf_counter() - started
    print(f"{wall:.1f} s", file=sys.stderr)
    return wall, json.loads(process.stdout.splitlines()[-1])


def _add_note(speed: Speed, note: str) -> Speed:
    return replace(speed, notes=(*speed.notes, note))


def _load_average() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):  # Windows
        return None
