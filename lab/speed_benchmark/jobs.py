"""What is measured, each in a process of its own: a reconstruction, a refinement, the stages after perception, a plain fit."""

from __future__ import annotations

import json
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
from core.device import choose_device, limit_threads
from core.fitting.fit import FIRST_FIT
from core.fitting.windows import select_detections
from core.motion import BODY_COUNT, pose_motion
from core.perception.detections import Detections
from core.pipeline.cache import unflatten
from core.pipeline.jobs import RefineRequest, Request, reconstruct, refine
from core.pipeline.stage import Choices, Inputs
from core.pipeline.stages import FIT, INITIAL, RECONSTRUCT_STAGES
from core.progress import Progress
from core.reporting import SilentReporter
from core.stgcn.predict import JointPrediction

from ..evaluation.metrics import about_root, mpjpe
from .full_mesh import fit_full_mesh
from .memory import StagePeaks

_AFTER_PERCEPTION = RECONSTRUCT_STAGES[1:]


class Watch:
    """A `progress.Listener` that notes memory where a stage ends."""

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
    reconstruct(Request(Path(clip), device=device), Path(folder), Watch(peaks))
    peaks.end()
    return {"seconds": load(Path(folder)).info.seconds}


def refine_folder(peaks: StagePeaks, _: int, folder: str, device: str) -> dict[str, Any]:
    """Refine with the first detected contact enforced."""
    contacts = load(Path(folder)).info.contacts
    edited = tuple(
        replace(contact, state="enforced") if index == 0 else contact for index, contact in enumerate(contacts)
    )
    refine(RefineRequest(Edits(contacts=edited), device=device), Path(folder), Watch(peaks))
    peaks.end()
    return {"seconds": {"refine": load(Path(folder)).info.seconds["refine"]}}


def stages_after_perception(peaks: StagePeaks, frames: int, tracks_file: str, device: str) -> dict[str, Any]:
    """Every stage after perception on so many frames of what perception saw."""
    limit_threads()
    inputs = _inputs(frames, device)
    results: dict[str, Any] = {"perception": to_and_fro(_tracks(tracks_file), frames)}
    seconds: dict[str, float] = {}
    for stage in _AFTER_PERCEPTION:
        peaks.begin(stage.name)
        started = time.perf_counter()
        results[stage.name] = stage.run(inputs, results, SilentReporter())
        seconds[stage.name] = time.perf_counter() - started
    peaks.end()
    return {"seconds": seconds}


def beside_full_mesh(peaks: StagePeaks, frames: int, tracks_file: str, device: str, truth_file: str) -> dict[str, Any]:
    """Our fit and a plain one with smplx on the clip's first frames, from the same start, without anything learned in either.

    `truth_file` may be empty.
    """
    limit_threads()
    inputs = _inputs(frames, device)
    detections = select_detections(_tracks(tracks_file), np.arange(frames))
    start = INITIAL.run(inputs, {"perception": detections}, SilentReporter())
    results = {"perception": detections, "initial": start, "geometry": JointPrediction(start.motion, None)}
    started = time.perf_counter()
    fitted = FIT.run(inputs, results, SilentReporter())
    fit_seconds = time.perf_counter() - started
    ours = pose_motion(inputs.body, fitted.motion).joints[:, :, :BODY_COUNT].cpu().numpy()
    steps = sum(phase.steps for phase in FIRST_FIT)
    peaks.begin("full-mesh")
    started = time.perf_counter()
    theirs = fit_full_mesh(start, detections, inputs.body, steps)
    seconds = time.perf_counter() - started
    peaks.end()
    errors = (None, None)
    if truth_file:
        truth = read_npz(Path(truth_file))
        index = detections.frame_index
        true = _turned(truth["joints"][:, index, :BODY_COUNT], truth["camera_world"][0])
        errors = (
            _error(_turned(theirs, start.camera.T_cw), true),
            _error(_turned(ours, fitted.camera.T_cw), true),
        )
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


def to_and_fro(detections: Detections, frames: int) -> Detections:
    """The tracks played forwards and backwards until they have so many frames, at the same rate."""
    count = len(detections.frame_index)
    there_and_back = np.concatenate([np.arange(count), np.arange(count)[::-1]])
    chosen = select_detections(detections, np.resize(there_and_back, frames))
    step = float(np.median(np.diff(detections.time)))
    return replace(
        chosen,
        frame_index=np.arange(frames, dtype=np.int32),
        time=step * np.arange(frames, dtype=np.float64),
        duplicate=np.zeros(0, bool),
    )


def run_job(name: str, arguments: list[str]) -> None:
    """What a child process does: the job, its answer with the peak of the process on stdout as one line of JSON."""
    peaks = StagePeaks()
    answer = JOBS[name](peaks, int(arguments[0]), *arguments[1:])
    print(json.dumps({**answer, "whole": peaks.whole(), "memory": peaks.by_stage}))


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "reconstruct": reconstruct_clip,
    "refine": refine_folder,
    "growth": stages_after_perception,
    "full-mesh": beside_full_mesh,
}


def _tracks(file: str) -> Detections:
    return unflatten(Detections, read_npz(Path(file)))


def _inputs(frames: int, device: str) -> Inputs:
    body = load_body(None)
    return Inputs(Choices("", (0, frames - 1), None, None, body.identity), body.to(choose_device(device)), None)


def _turned(points: np.ndarray, world: np.ndarray) -> np.ndarray:
    """World points [...,3] about the axes of a camera [4,4]; its place does not matter about the pelvis."""
    return points @ world[:3, :3].T + world[:3, 3]


def _error(joints: np.ndarray, true: np.ndarray) -> float:
    """MPJPE in mm of [2,T,22,3] in the camera's axes, whichever of the two is whom."""
    return min(mpjpe(about_root(joints[order]), about_root(true)) for order in ([0, 1], [1, 0]))
