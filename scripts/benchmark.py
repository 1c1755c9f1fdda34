"""Time and memory of every stage, of refine, and of what grows with the clip. Run with the core's interpreter.

    .venv/bin/python scripts/benchmark.py [--clip FILE] [--frames N ...] [--size 1920x1080] [--out REPORT.json]

Each reconstruction runs in a process of its own, so that its peak memory is its own. The clip is played forwards and
backwards until it has as many frames as asked, scaled to the size asked.
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
from dataclasses import asdict, dataclass
from itertools import chain, cycle, islice
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.clip import probe, read_frames  # noqa: E402
from core.contract.reconstruction import load  # noqa: E402

SAMPLE = ROOT / "samples" / "handshake_hug.mp4"


@dataclass(frozen=True)
class Run:
    """One process. Memory in MiB, time in seconds."""

    frames: int
    wall: float
    peak_memory: float
    stages: dict[str, float]


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


def measured(arguments: list[str]) -> tuple[float, float]:
    """Run the core's command line; wall seconds and peak memory in MiB. Ends the benchmark where the run fails."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "core", *arguments], cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"python -m core {' '.join(arguments)} failed with {os.waitstatus_to_exitcode(status)}")
    scale = 1024 * 1024 if sys.platform == "darwin" else 1024
    return wall, usage.ru_maxrss / scale


def reconstruct(clip: Path, frames: int, folder: Path, device: str) -> Run:
    wall, memory = measured(["reconstruct", str(clip), "--out", str(folder), "--device", device])
    return Run(frames, wall, memory, load(folder).info.seconds)


def refine(folder: Path, frames: int) -> Run:
    """Refine with one contact enforced that was only detected."""
    info = load(folder).info
    contacts = [contact.to_json() for contact in info.contacts]
    if contacts:
        contacts[0]["state"] = "enforced"
    edits = folder / "edits.json"
    edits.write_text(json.dumps({"contacts": contacts, "pins": []}), encoding="utf-8")
    wall, memory = measured(["refine", str(folder), "--edits", str(edits)])
    seconds = load(folder).info.seconds
    return Run(frames, wall, memory, {"refine": seconds["refine"]})


def table(runs: list[Run], refined: list[Run]) -> str:
    names = list(runs[0].stages)
    lines = ["frames   wall s   peak MiB   " + "   ".join(f"{name:>11}" for name in names) + "   after / perception"]
    for run in runs:
        after = sum(run.stages.values()) - run.stages["perception"]
        stages = "   ".join(f"{run.stages[name]:>9.2f} s" for name in names)
        share = after / run.stages["perception"]
        lines.append(f"{run.frames:>6}   {run.wall:>6.1f}   {run.peak_memory:>8.0f}   {stages}   {share:>18.2f}")
    lines += [
        f"refine {run.frames} frames: {run.stages['refine']:.2f} s in the stage, {run.wall:.2f} s for the whole process, "
        f"{run.peak_memory:.0f} MiB"
        for run in refined
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=SAMPLE)
    parser.add_argument("--frames", type=int, nargs="+", default=[75, 150, 300])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    width, height = (int(number) for number in options.size.split("x"))
    runs, refined = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for frames in options.frames:
            clip, folder = Path(scratch) / f"{frames}.mp4", Path(scratch) / str(frames)
            stretched(options.clip, frames, (width, height), clip)
            runs.append(reconstruct(clip, frames, folder, options.device))
            refined.append(refine(folder, frames))
            print(f"{frames} frames done", file=sys.stderr)
    print(f"{options.clip.name} at {options.size}, {os.cpu_count()} cores, device {options.device}")
    print(table(runs, refined))
    if options.out:
        report = {"reconstruct": [asdict(run) for run in runs], "refine": [asdict(run) for run in refined]}
        options.out.write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
