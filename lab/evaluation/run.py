"""Runs methods over the clips of a benchmark in worker processes: numbers by clip, and pictures of the worst clips.

The numbers do not depend on how many workers there are: each clip is measured by one process with one thread.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from multiprocessing import get_context, parent_process

import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import Cancelled, UserError
from core.failures import explain
from core.reporting import Reporter, SilentReporter

from .benchmark_clip import BenchmarkClip
from .methods import METHODS
from .pictures import ClipPicture
from .results import ClipResult, DataKind, Report, rows_of
from .scores import SKIN_EVERY, Compared, compare, score, true_skin

WORST = 6
"""Clips of which pictures are kept."""
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0",
}  # fmt: skip

NOTES = (
    "All errors are of the default body, whichever bodies the people have. Joint errors are of 22 body joints in the axes of "
    "the camera; who is who is decided once for a clip, by directions from the camera.",
    "RE is our own definition (the other person's joints after the first one's pelvis and heading are brought together); the "
    "formula behind the published number of that name is not public.",
    f"MPVPE, contact distance and penetration are measured on every {SKIN_EVERY}rd frame, all else on every frame. Penetration "
    "is the depth below the nearest vertex's plane of vertices of one person (every second one) that are inside the other: the "
    "mean over those vertices, and the deepest.",
    "Contact F1 compares pairs of regions frame by frame and forgives no neighbour; contact distance is of the regions that "
    "truly touch.",
    "The table holds means over clips; errors by visibility weigh by joints, the deepest penetration is the deepest of all.",
)
"""What a reader of any report has to know."""


@dataclass(frozen=True)
class ClipTask:
    """One clip to be measured. `make` is called in a worker process: a function of a module, or `functools.partial` of one."""

    name: str
    family: str
    make: Callable[[], BenchmarkClip]
    methods: tuple[str, ...] | None = None
    """Run on it in place of the run's own."""
    label: str = ""
    """Set behind the methods' names where the clip is another look at one: its results are rows of their own."""


@dataclass(frozen=True)
class ReportHeader:
    """What a report is of."""

    benchmark: str
    split: str
    seed: int
    data: DataKind
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClipMeasurement:
    """All methods on one clip: results of those that worked, a sentence for each that did not."""

    results: tuple[ClipResult, ...]
    failures: tuple[str, ...]
    picture: ClipPicture | None
    """Of the last method, where it worked."""


def run_methods(
    heading: ReportHeader,
    clips: Iterable[ClipTask],
    methods: Sequence[str],
    *,
    workers: int = 1,
    worst: int = WORST,
    count: int | None = None,
    reporter: Reporter | None = None,
) -> tuple[Report, list[ClipPicture]]:
    """Measure methods on clips and put the numbers together; pictures are of the last method's `worst` clips, worst first.

    A clip or a method on it that fails is left out of the numbers and named in the report's notes. `workers` processes run
    side by side, 0 stands for this one. `count` is how many clips there will be, for the progress. UserError `no-clips`
    where there are none, `nothing-worked` where not one could be measured.
    """
    reporter = reporter or SilentReporter()
    measured: list[ClipMeasurement] = []
    tried = 0
    for done, (clip, found) in enumerate(_all(clips, tuple(methods), heading.seed, workers), 1):
        measured.append(found)
        tried += len(clip.methods or methods)
        for failure in found.failures:
            reporter.warning(failure)
        reporter.progress(done / count if count else 0.0, f"{done} of {count or 'some'} clips: {clip.name}")
    if not measured:
        raise UserError(
            "no-clips", f"The benchmark {heading.benchmark} holds no clips.", "Choose another split or folder."
        )
    results = tuple(result for found in measured for result in found.results)
    if not results:
        raise UserError("nothing-worked", f"No clip could be measured: {measured[0].failures[0]}")
    failures = [failure for found in measured for failure in found.failures]
    notes = [*heading.notes, *NOTES]
    if failures:
        notes += [f"Failed, and not in the numbers: {len(failures)} of {tried} (clips times methods).", *failures]
    report = Report(
        heading.benchmark, heading.split, heading.seed, heading.data, rows_of(results), results, tuple(notes)
    )
    pictures = [found.picture for found in measured if found.picture is not None]
    return report, sorted(pictures, key=lambda picture: -picture.metrics.get("mpjpe", 0.0))[:worst]


def measure_clip(clip: ClipTask, methods: Sequence[str], seed: int) -> ClipMeasurement:
    """All methods on one clip, in this process."""
    body = _body()
    rows = {method: f"{method}, {clip.label}" if clip.label else method for method in clip.methods or methods}
    try:
        shot = clip.make()
        skin = true_skin(shot, body)
    except Cancelled:
        raise
    except Exception as error:
        return ClipMeasurement((), tuple(f"{row} on {clip.name}: {_sentence(error)}" for row in rows.values()), None)
    results, failures, picture = [], [], None
    for method, row in rows.items():
        try:
            prompt = shot.sentences[0] if shot.sentences else ""
            estimate = METHODS[method](shot.detections, body, prompt=prompt, seed=seed, reporter=SilentReporter())
            result = score(shot, estimate, body, method=row, skin=skin)
        except Cancelled:
            raise
        except Exception as error:
            failures.append(f"{row} on {clip.name}: {_sentence(error)}")
            continue
        results.append(result)
        if row == methods[-1]:
            picture = picture_of(shot, result, compare(shot, estimate, body))
    return ClipMeasurement(tuple(results), tuple(failures), picture)


def picture_of(shot: BenchmarkClip, result: ClipResult, both: Compared) -> ClipPicture:
    """What a picture of one method on a clip is drawn from."""
    truth, frames = shot.truth, shot.detections.frame_index
    return ClipPicture(
        name=shot.name,
        family=shot.family,
        method=result.method,
        metrics=result.metrics,
        true_joints=both.true_seen.astype(np.float32),
        joints=both.seen.astype(np.float32),
        visibility=truth.visibility[:, frames],
        K=truth.camera.K,
        world=truth.camera.T_cw,
        image_size=shot.detections.image_size,
        frame_index=frames,
        video=shot.video,
    )


def _all(
    clips: Iterable[ClipTask], methods: tuple[str, ...], seed: int, workers: int
) -> Iterator[tuple[ClipTask, ClipMeasurement]]:
    """Every clip in the order given, with what was measured."""
    if workers == 0:
        with _one_thread():
            for clip in clips:
                yield clip, measure_clip(clip, methods, seed)
        return
    with _one_thread(), _pool(workers) as pool:
        waiting = iter(clips)
        running: dict[Future[ClipMeasurement], tuple[int, ClipTask]] = {}
        ready: dict[int, tuple[ClipTask, ClipMeasurement]] = {}
        told = started = 0
        while True:
            # a few more than there are workers: clips may be large, and making them is work too
            for clip in islice(waiting, 2 * workers - len(running)):
                running[pool.submit(measure_clip, clip, methods, seed)] = (started, clip)
                started += 1
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                place, clip = running.pop(future)
                ready[place] = (clip, _outcome(future, clip))
            while told in ready:
                yield ready.pop(told)
                told += 1


def _outcome(future: Future[ClipMeasurement], clip: ClipTask) -> ClipMeasurement:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise UserError(
            "worker-died",
            f"A worker process ended while {clip.name} was measured, most likely for want of memory.",
            "Use fewer workers: --workers 1.",
        ) from error


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _start_worker() -> None:
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(
        signal.SIGINT, lambda *_: os._exit(130)
    )  # without a trace: the main process says that it was cancelled


def _end_with_parent() -> None:
    """A killed run would otherwise leave its workers waiting for clips for good."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread here, and in processes that start from here."""
    before: Mapping[str, str | None] = {name: os.environ.get(name) for name in _ONE_THREAD}
    threads = torch.get_num_threads()
    os.environ.update(_ONE_THREAD)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@lru_cache(maxsize=1)
def _body() -> BodyModel:
    return load_body(None)


def _sentence(error: Exception) -> str:
    return explain(error).message
