"""The measurements of the speed benchmark, each of which runs in a process of its own: `python -m lab.speed_benchmark.jobs`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.body.files import load_body
from core.contract.edits import Edits
from core.contract.files import read_npz
from core.contract.reconstruction import load
from core.contract.requests import ReconstructRequest, RefineRequest
from core.device import choose_device, limit_threads
from core.fitting.camera import KnownCamera
from core.fitting.fit import FIRST_FIT, FitSchedule
from core.fitting.initial import estimate_initial_motion
from core.fitting.targets import FitTargets
from core.fitting.windows import fit_clip
from core.motion import BODY_COUNT, median_time_step, pose_motion
from core.perception.detections import Detections
from core.pipeline.cache import MemoryCache, unflatten
from core.pipeline.jobs import reconstruct, refine
from core.pipeline.nodes import TakeSettings, first_take_nodes, nodes_of_detections
from core.pipeline.settings import PipelineSettings
from core.pipeline.stage import Given, run
from core.progress import JobProgress, Progress
from core.reporting import SilentReporter
from core.transforms import transform_points

from ..evaluation.initial_estimate import observe_with_default_camera
from ..evaluation.metrics import mpjpe, root_relative
from .memory import StagePeaks
from .smplx_baseline import fit_full_mesh


class MemoryListener:
    """A `progress.Listener` that records the peak memory of each stage."""

    def __init__(self, peaks: StagePeaks) -> None:
        self._peaks = peaks

    def stage(self, name: str, index: int, count: int) -> None:
        self._peaks.begin(name)

    def progress(self, progress: Progress) -> None:
        pass

    def warning(self, text: str) -> None:
        pass

    def log(self, text: str) -> None:
        pass

    def cancelled(self) -> bool:
        return False


def reconstruct_clip(peaks: StagePeaks, _: int, clip: str, folder: str, device: str) -> dict[str, Any]:
    reconstruct(ReconstructRequest(Path(clip), device=device), Path(folder), MemoryListener(peaks))
    peaks.end()
    return {"seconds": load(Path(folder)).info.seconds}


def refine_folder(peaks: StagePeaks, _: int, folder: str, device: str) -> dict[str, Any]:
    """Refine with the first detected contact enforced; the seconds are of what the new take adds to those of the earlier one."""
    before = load(Path(folder)).info
    contacts = before.contacts
    edited = tuple(
        replace(contact, state="enforced") if index == 0 else contact for index, contact in enumerate(contacts)
    )
    refine(RefineRequest(edits=Edits(contacts=edited), device=device), Path(folder), MemoryListener(peaks))
    peaks.end()
    total = load(Path(folder)).info.seconds
    added = {name: seconds - before.seconds.get(name, 0.0) for name, seconds in total.items()}
    return {"seconds": {name: seconds for name, seconds in added.items() if seconds > 0}}


def stages_after_perception(peaks: StagePeaks, frames: int, detections_file: str, device: str) -> dict[str, Any]:
    """All stages after perception, on detections of the given length."""
    limit_threads()
    detections = play_back_and_forth(_load_detections(detections_file), frames)
    body = load_body(None).to(choose_device(device))
    clip = nodes_of_detections(Given(detections, "clip"), KnownCamera(), Given(body, body.identity))
    take = first_take_nodes(clip, TakeSettings(), PipelineSettings())
    results = run(take.targets, MemoryCache(), JobProgress(MemoryListener(peaks)))
    peaks.end()
    return {"seconds": results.seconds}


def compare_with_full_mesh(
    peaks: StagePeaks, frames: int, detections_file: str, device: str, truth_file: str
) -> dict[str, Any]:
    """Our fit and a plain one with smplx on the clip's first frames, from the same initial motion, with nothing learned in
    either.

    Without a `truth_file` (an empty name) the errors are None.
    """
    limit_threads()
    body = load_body(None).to(choose_device(device))
    detections = _load_detections(detections_file).frames(slice(0, frames))
    observed = observe_with_default_camera(detections, body.device)
    start = estimate_initial_motion(observed, body, reporter=SilentReporter())
    started = time.perf_counter()
    fitted = fit_clip(start, observed, body, FitTargets(), FitSchedule(FIRST_FIT), SilentReporter())
    fit_seconds = time.perf_counter() - started
    ours = pose_motion(body, fitted.motion_incam).joints[:, :, :BODY_COUNT].cpu().numpy()
    steps = sum(phase.steps for phase in FIRST_FIT)
    peaks.begin("full-mesh")
    started = time.perf_counter()
    theirs = fit_full_mesh(start, observed, body, steps)
    seconds = time.perf_counter() - started
    peaks.end()
    errors = (None, None)
    if truth_file:
        truth = read_npz(Path(truth_file))
        index = detections.frame_index
        true = transform_points(truth["camera_world"][0], truth["joints"][:, index, :BODY_COUNT])
        errors = (_error(theirs, true), _error(ours, true))
    return {
        "frames": frames,
        "steps": steps,
        "seconds": seconds,
        "peak_memory": peaks.by_stage.get("full-mesh"),
        "mpjpe": errors[0],
        "fit_steps": steps,
        "fit_seconds": fit_seconds,
        "fit_mpjpe": errors[1],
    }


def play_back_and_forth(detections: Detections, frames: int) -> Detections:
    """Detections played forwards and backwards until they have the given number of frames, at the same rate."""
    count = len(detections.frame_index)
    one_period = np.concatenate([np.arange(count), np.arange(count)[::-1]])
    chosen = detections.frames(np.resize(one_period, frames))
    step = median_time_step(detections.time)
    return replace(
        chosen,
        frame_index=np.arange(frames, dtype=np.int32),
        time=step * np.arange(frames, dtype=np.float64),
        duplicate=None,
    )


def run_job(name: str, arguments: list[str]) -> None:
    """Run a job and print its answer, with the peak memory of the process, as one line of JSON."""
    peaks = StagePeaks()
    answer = JOBS[name](peaks, int(arguments[0]), *arguments[1:])
    print(json.dumps({**answer, "whole": peaks.whole(), "memory": peaks.by_stage}))


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "reconstruct": reconstruct_clip,
    "refine": refine_folder,
    "growth": stages_after_perception,
    "full-mesh": compare_with_full_mesh,
}


def _load_detections(file: str) -> Detections:
    return unflatten(Detections, read_npz(Path(file)))


def _error(joints: np.ndarray, true: np.ndarray) -> float:
    """MPJPE in mm of joints [2,T,22,3] in the camera's axes, with the better order of the two people."""
    return min(mpjpe(root_relative(joints[order]), root_relative(true)) for order in ([0, 1], [1, 0]))


if __name__ == "__main__":
    run_job(sys.argv[1], sys.argv[2:])
