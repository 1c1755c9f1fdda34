"""The benchmarks by name: where their clips come from, and one way to run them all.

Each is imported when it is asked for: a missing extra of one does not hinder the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import UserError
from core.contract.files import explain_write_errors, write_json
from core.perception.detections import Detections
from core.reporting import Reporter, SilentReporter
from core.weights import cache_folder

from ..choreography.interaction import Interaction, load_interactions
from .baselines import only_person
from .benchmark_clip import BenchmarkClip
from .methods import ABLATIONS, METHODS, PROMPTED
from .perception_cache import PerceptionCache
from .pictures import ClipPicture, save_pictures
from .rendered import RenderedClip, load_rendered
from .results import Report
from .run import ClipTask, ReportHeader, run_methods

if TYPE_CHECKING:
    from .public.clips import Listed

APART = "seen apart"
_SEEN = "seen"
"""Folder in which what the 2D stage saw is kept."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class EvaluationRequest:
    """What `evaluate` was asked for."""

    benchmark: str
    data: Path | None = None
    """Folder or file; None for the benchmark's own, where it ships with the product."""
    clips: int | None = None
    """At most so many, evenly spread over all; None for all."""
    methods: tuple[str, ...] = ()
    """Names of `methods.METHODS`, none for all that mean something."""
    split: str = "test"
    seed: int = 0
    workers: int = 1
    """Processes; 0 for this one."""


@dataclass(frozen=True)
class EvaluationOutcome:
    report: Report
    pictures: tuple[ClipPicture, ...]
    """Of the last method's worst clips."""


def evaluate(request: EvaluationRequest, reporter: Reporter | None = None) -> EvaluationOutcome:
    """Run a benchmark. UserError `unknown-benchmark`, and where its data are missing, how to get them."""
    if request.benchmark not in BENCHMARKS:
        raise UserError(
            "unknown-benchmark",
            f"There is no benchmark {request.benchmark!r}.",
            f"Choose one of {', '.join(BENCHMARKS)}.",
        )
    return BENCHMARKS[request.benchmark](request, reporter or SilentReporter())


def prepare_to_write(path: Path) -> None:
    """Ask before hours of work whether `write_outcome` will be able to write PATH. UserError where it will not."""
    from .page import require_page

    require_page()
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent):
            pass


def write_outcome(outcome: EvaluationOutcome, path: Path) -> tuple[Path, ...]:
    """Write PATH.json, the page PATH.html, and PATH.npz with what the page's pictures are drawn from; return what was written."""
    from .page import write_page

    numbers, page, arrays = (_with_ending(path, ending) for ending in (".json", ".html", ".npz"))
    write_json(numbers, outcome.report.to_json())
    written = [numbers]
    if outcome.pictures:
        save_pictures(arrays, outcome.pictures)
        written.append(arrays)
    write_page(outcome.report, outcome.pictures, page)
    return (*written, page)


def _with_ending(path: Path, ending: str) -> Path:
    """`report`, `report.json` and `report.html` mean the same."""
    stem = path.stem if path.suffix in (".json", ".html", ".npz") else path.name
    return path.with_name(stem + ending)


def spread(items: Sequence[Item], count: int | None) -> list[Item]:
    """`count` of the items, evenly spaced, in their order; all where there are no more, or for None."""
    if count is None or count >= len(items):
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def _run(
    request: EvaluationRequest, reporter: Reporter, heading: ReportHeader, clips: Sequence[ClipTask]
) -> EvaluationOutcome:
    report, pictures = run_methods(
        heading, clips, _methods(request), workers=request.workers, count=len(clips), reporter=reporter
    )
    return EvaluationOutcome(report, tuple(pictures))


def _methods(request: EvaluationRequest, *, told: bool = True) -> tuple[str, ...]:
    """`told`: whether the clips come with sentences, without which a prompted method is the same as the one without."""
    usual = (name for name in METHODS if name not in ABLATIONS)
    return request.methods or tuple(name for name in usual if told or name not in PROMPTED)


def _pairs_2d(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    from .pairs_2d import PAIRS, load_pairs

    if request.data is None:
        path, interactions = PAIRS.get(request.split, Path()), load_pairs(request.split)
    elif request.data.with_suffix(".npz").is_file():
        path, interactions = request.data, list(_interactions(request.data).values())
    else:
        raise UserError(
            "no-data",
            f"There is no file of interactions {request.data.with_suffix('.npz')}.",
            f"Make one with `python -m lab choreograph --split {request.split} --out {request.data}`.",
        )
    interactions.sort(key=lambda clip: (clip.family, clip.name))
    chosen = spread(interactions, request.clips)
    clips = [
        ClipTask(clip.name, clip.family, partial(_pairs_2d_shot, path, clip.name, request.seed)) for clip in chosen
    ]
    notes = (
        "Choreographed from recorded single motions, without pixels: true joints projected through varied cameras, with a "
        "model of the 2D stage's errors that was fitted on rendered clips, and visibility from the two meshes.",
    )
    return _run(request, reporter, ReportHeader("pairs-2d", request.split, request.seed, "choreographed", notes), clips)


def _pairs_2d_shot(path: Path, name: str, seed: int) -> BenchmarkClip:
    from .pairs_2d import simulate_clips

    return next(iter(simulate_clips([_interactions(path)[name]], seed, _body())))


@lru_cache(maxsize=2)
def _interactions(path: Path) -> dict[str, Interaction]:
    return {clip.name: clip for clip in load_interactions(path)}


@lru_cache(maxsize=1)
def _body() -> BodyModel:
    return load_body(None)


def _pairs_video(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    if request.data is None:
        raise UserError(
            "no-data",
            "pairs-video needs the folder of its rendered clips.",
            "Render them with `python -m lab render INTERACTIONS FOLDER`, then name it: --data FOLDER.",
        )
    rendered = sorted(_rendered(request.data).values(), key=lambda clip: (clip.family, clip.name))
    chosen = spread(rendered, request.clips)
    last = _methods(request)[-1:]
    clips: list[ClipTask] = []
    for clip in chosen:
        if clip.alone:
            apart = partial(_seen_apart_shot, request.data, clip.name)
            clips.append(ClipTask(clip.name, clip.family, apart, last, APART))
        clips.append(ClipTask(clip.name, clip.family, partial(_pairs_video_shot, request.data, clip.name)))
    notes = [
        "Choreographed from recorded single motions and rendered; from the pixels on through the whole product. Perception's "
        "time is that of the run which first looked at a clip."
    ]
    if any(clip.label for clip in clips):
        notes.append(
            f"The row `{last[0]}, {APART}` gets 2D tracks from videos that show each person alone, without hands: what is left "
            "of the errors is not the 2D stage's trouble with two people who touch."
        )
    return _run(
        request, reporter, ReportHeader("pairs-video", request.split, request.seed, "rendered", tuple(notes)), clips
    )


def _pairs_video_shot(folder: Path, name: str) -> BenchmarkClip:
    clip = _rendered(folder)[name]
    seen = _onlooker(folder / _SEEN).detect_two(clip.video)
    return BenchmarkClip(
        clip.name, clip.family, clip.truth, seen.detections, clip.sentences, {"perception": seen.seconds}, clip.video
    )


def _seen_apart_shot(folder: Path, name: str) -> BenchmarkClip:
    clip = _rendered(folder)[name]
    onlooker = _onlooker(folder / _SEEN)
    seen = [onlooker.detect_everyone(video) for video in clip.alone]
    detections = _together(*(each.detections for each in seen))
    seconds = {"perception": sum(each.seconds for each in seen)}
    return BenchmarkClip(clip.name, clip.family, clip.truth, detections, clip.sentences, seconds, clip.video)


def _together(first: Detections, second: Detections) -> Detections:
    """The foremost person of each, as if they had been seen in one clip."""
    if not len(first.found) or not len(second.found):
        raise UserError("nobody", "Nobody is found in the video of one person alone.")
    if not np.array_equal(first.frame_index, second.frame_index):
        raise UserError("rendered-clip-damaged", "The videos of each person alone have not the same frames.")
    one, other = only_person(first, 0), only_person(second, 0)
    by_person = ("keypoints", "ambiguous", "world_landmarks", "found", "hands", "hand_landmarks", "masks", "track_ids")
    return replace(one, **{item: np.concatenate([getattr(one, item), getattr(other, item)]) for item in by_person})


@lru_cache(maxsize=1)
def _rendered(folder: Path) -> dict[str, RenderedClip]:
    return {clip.name: clip for clip in load_rendered(folder, _body())}


def _onlooker(folder: Path) -> PerceptionCache:
    return PerceptionCache(folder, torch.device("cpu"), SilentReporter())


def _real(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    from .real.evaluate_real import evaluate_real

    if request.data is None:
        raise UserError(
            "no-data",
            "The benchmark real needs a folder of videos.",
            "Put clips of two people there, and Pose2Sim's demo (Calib.qca.txt, single_cam0N.mp4, multi_cam0N.mp4); "
            "then name it: --data FOLDER.",
        )
    methods = _methods(request, told=False)
    report = evaluate_real(
        request.data, methods, cache=cache_folder() / _SEEN, seed=request.seed, clips=request.clips, reporter=reporter
    )
    return EvaluationOutcome(report, ())


def _public(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    from .public import PUBLIC_SETS, listed

    name, public = request.benchmark, PUBLIC_SETS[request.benchmark]
    if request.data is None:
        raise UserError(
            "no-data", f"The benchmark {name} needs the folder of the data set: --data FOLDER.", public.get_it
        )
    chosen = spread(listed(name, request.data, request.split), request.clips)
    clips = [ClipTask(clip.name, clip.family, partial(_public_shot, name, request.data, clip)) for clip in chosen]
    request = replace(request, methods=_methods(request, told=False))
    return _run(request, reporter, ReportHeader(name, request.split, request.seed, "public", public.notes), clips)


def _public_shot(name: str, folder: Path, clip: Listed) -> BenchmarkClip:
    from .public import shot

    return shot(name, folder, clip, _body(), _onlooker(cache_folder() / _SEEN))


BENCHMARKS: Mapping[str, Callable[[EvaluationRequest, Reporter], EvaluationOutcome]] = {
    "pairs-2d": _pairs_2d,
    "pairs-video": _pairs_video,
    "real": _real,
    "hi4d": _public,
    "harmony4d": _public,
    "chi3d": _public,
    "3dpw": _public,
}
