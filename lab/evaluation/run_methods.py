"""Runs methods on the clips of a benchmark, in worker processes, and puts their scores together into a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from core.body.files import load_body
from core.contract.errors import Cancelled, UserError
from core.failures import explain
from core.reporting import Reporter, SilentReporter

from .benchmark_clip import BenchmarkClip
from .kept_scores import KeptScores
from .methods import METHODS
from .oracles import ORACLES
from .pictures import ClipPicture
from .results import ClipResult, DataKind, Report, make_rows
from .scores import SKIN_EVERY, ComparedJoints, compare_joints, score, true_surfaces
from .worker_pool import map_in_order

WORST = 6
"""Clips of which pictures are kept."""

NOTES = (
    "All methods fit the default body, whatever bodies the people have. Errors of joints are over 22 body joints in the camera's "
    "axes; which person is which is decided once per clip, by directions from the camera.",
    "RE is our own definition (the other person's joints after the first one's pelvis and heading are aligned); the formula "
    "behind the published number of that name is not public.",
    f"MPVPE, contact distance and penetration are measured on every {SKIN_EVERY}rd frame, all others on every frame. Penetration "
    "is the depth, below the plane of the nearest vertex, of every second vertex of one person that is inside the other: the "
    "mean over those vertices, and the deepest.",
    "Contact F1 compares pairs of regions per frame, without tolerance for neighbouring regions; contact distance is that of the "
    "regions that are truly in contact. F1 by parts compares pairs of 18 body parts; wrong contacts are such pairs that are "
    "listed and truly touch in none of the listed frames; touches are the entries that an animator is shown.",
    "The table holds means over clips; errors by visibility are weighted by joints, and the deepest penetration is the maximum.",
)
"""What readers of any report have to know."""


@dataclass(frozen=True)
class ClipTask:
    """One clip to run methods on. `make` is called in a worker process: a module's function, or `functools.partial` of one."""

    name: str
    family: str
    make: Callable[[], BenchmarkClip]
    methods: tuple[str, ...] | None = None
    """Methods to run instead of those of the whole run."""
    label: str = ""
    """Added to the methods' names where the clip is a variant of another one; its results get rows of their own."""


@dataclass(frozen=True)
class ReportHeader:
    """What a report says of the data before its tables."""

    benchmark: str
    split: str
    seed: int
    data: DataKind
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClipScores:
    """All methods on one clip: results of those that worked, and a sentence for each that failed."""

    results: tuple[ClipResult, ...]
    failures: tuple[str, ...]
    picture: ClipPicture | None
    """Of the last method, if it worked."""


def run_methods(
    header: ReportHeader,
    tasks: Iterable[ClipTask],
    methods: Sequence[str],
    *,
    workers: int = 1,
    count: int | None = None,
    kept: KeptScores | None = None,
    reporter: Reporter | None = None,
) -> tuple[Report, list[ClipPicture]]:
    """The report, and pictures of the last method's WORST clips, worst first.

    A clip, or a method on it, that fails is named in the report's notes and missing in the numbers. `workers` processes run at
    the same time, 0 stands for this one. `count` is the number of clips, for the progress. What `kept` holds is not run again,
    and has no picture; what is run is added to it. UserError `no-clips`, or `nothing-worked` where every clip failed.
    """
    reporter = reporter or SilentReporter()
    run_clip = partial(score_clip, methods=tuple(methods), seed=header.seed, kept=kept)
    scored: list[ClipScores] = []
    attempts = 0
    for done, (task, scores) in enumerate(map_in_order(run_clip, tasks, workers), 1):
        scored.append(scores)
        attempts += len(task.methods or methods)
        for failure in scores.failures:
            reporter.warning(failure)
        reporter.progress(done / count if count else 0.0, f"{done} of {count or 'some'} clips: {task.name}")
    if not scored:
        raise UserError(
            "no-clips", f"The benchmark {header.benchmark} has no clips.", "Choose another split or folder."
        )
    results = tuple(result for scores in scored for result in scores.results)
    failures = [failure for scores in scored for failure in scores.failures]
    if not results:
        raise UserError("nothing-worked", f"Every clip failed: {failures[0]}", "Correct this and run it again.")
    notes = [*header.notes, *NOTES]
    if failures:
        notes += [f"{len(failures)} of {attempts} runs (one method on one clip each) failed:", *failures]
    rows = make_rows(results)
    report = Report(header.benchmark, header.split, header.seed, header.data, rows, results, tuple(notes))
    pictures = [scores.picture for scores in scored if scores.picture is not None]
    return report, sorted(pictures, key=lambda picture: -picture.metrics.get("mpjpe", 0.0))[:WORST]


def chosen_methods(names: str) -> tuple[str, ...]:
    """Names from `a,b,c`. UserError `unknown-method` for one that does not exist."""
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in chosen if name not in METHODS and name not in ORACLES]
    if unknown or not chosen:
        what = f"There is no method {unknown[0]!r}." if unknown else "No method is named."
        raise UserError("unknown-method", what, f"Choose among {', '.join([*METHODS, *ORACLES])}.")
    return chosen


def score_clip(task: ClipTask, methods: Sequence[str], seed: int, kept: KeptScores | None = None) -> ClipScores:
    """All methods on one clip, in this process; see `run_methods` for `kept`."""
    rows = {method: f"{method}, {task.label}" if task.label else method for method in task.methods or methods}
    order = list(rows.values())
    known = [] if kept is None else [kept.load(task.name, row) for row in rows.values()]
    results = [result for result in known if result is not None]
    have = {result.method for result in results}
    rows = {method: row for method, row in rows.items() if row not in have}
    if not rows:
        return ClipScores(tuple(results), (), None)
    body = load_body(None)
    try:
        clip = task.make()
        surfaces = true_surfaces(clip, body)
    except Cancelled:
        raise
    except Exception as error:
        return ClipScores(tuple(results), tuple(_failure(row, task, error) for row in rows.values()), None)
    prompt = clip.sentences[0] if clip.sentences else ""
    failures, picture = [], None
    for method, row in rows.items():
        try:
            if method in ORACLES:
                estimate = ORACLES[method](clip, body, seed, SilentReporter())
            else:
                estimate = METHODS[method](clip.detections, body, prompt=prompt, seed=seed, reporter=SilentReporter())
            result = score(clip, estimate, body, method=row, surfaces=surfaces)
        except Cancelled:
            raise
        except Exception as error:
            failures.append(_failure(row, task, error))
            continue
        results.append(result)
        if kept is not None:
            kept.save(result)
        if row == methods[-1]:
            picture = _picture(clip, result, compare_joints(clip, estimate, body))
    results.sort(key=lambda result: order.index(result.method))
    return ClipScores(tuple(results), tuple(failures), picture)


def _picture(clip: BenchmarkClip, result: ClipResult, joints: ComparedJoints) -> ClipPicture:
    frames = clip.detections.frame_index
    return ClipPicture(
        name=clip.name,
        family=clip.family,
        method=result.method,
        metrics=result.metrics,
        true_joints=joints.true_incam.astype(np.float32),
        joints=joints.incam.astype(np.float32),
        visibility=clip.truth.visibility[:, frames],
        K=clip.truth.camera.K,
        T_cw=clip.truth.camera.T_cw,
        image_size=clip.detections.image_size,
        frame_index=frames,
        video=clip.video,
    )


def _failure(row: str, task: ClipTask, error: Exception) -> str:
    return f"{row} on {task.name}: {explain(error).message}"
