"""The benchmarks by name: where their clips come from, and one function that runs any of them.

Modules of single benchmarks are imported when they are needed, so that a package that one of them lacks does not break the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from core.body.files import load_body
from core.contract.errors import UserError
from core.contract.files import explain_write_errors, write_json
from core.digests import content_key
from core.perception.detections import Detections
from core.pipeline.cache import key_of
from core.reporting import Reporter, SilentReporter
from core.weights import cache_folder

from ..choreography.interaction import Interaction, load_interactions
from ..choreography.splits import NOBODY, Clip, split_of_subject
from .benchmark_clip import BenchmarkClip
from .kept_scores import KeptScores
from .methods import ABLATIONS, METHODS, PROMPTED
from .perception_cache import detections_beside
from .pictures import ClipPicture, save_pictures
from .rendered import RenderedClip, load_rendered
from .results import Report
from .run_methods import ClipTask, ReportHeader, run_methods

if TYPE_CHECKING:
    from .public.clips import ListedClip

APART = "seen apart"
"""Label of rows whose detections come from videos of each person alone."""
_DEFAULT_SPLIT = "test"
Item = TypeVar("Item")


@dataclass(frozen=True)
class EvaluationRequest:
    """What to evaluate."""

    benchmark: str
    data: Path | None = None
    """Folder or file; None for the data in the repository, for benchmarks that have some."""
    clips: int | None = None
    """Largest number of clips, evenly spread over all; None for all."""
    methods: tuple[str, ...] = ()
    """Names of `methods.METHODS`; empty for all that are defined on the benchmark, without ablations."""
    split: str | None = None
    """None: that of the data where they say it, else "test"."""
    seed: int = 0
    workers: int = 1
    """Processes; 0 for this one."""
    resume: Path | None = None
    """Folder of scores that are kept, to go on with after an interruption."""


@dataclass(frozen=True)
class EvaluationOutcome:
    """A benchmark's report, and what its page shows."""

    report: Report
    pictures: tuple[ClipPicture, ...]
    """Of the last method's worst clips."""


def evaluate(request: EvaluationRequest, reporter: Reporter | None = None) -> EvaluationOutcome:
    """Run a benchmark. UserError `unknown-benchmark`, `no-data` and others, with a way to get missing data."""
    if request.benchmark not in BENCHMARKS:
        raise UserError(
            "unknown-benchmark",
            f"There is no benchmark {request.benchmark!r}.",
            f"Choose one of {', '.join(BENCHMARKS)}.",
        )
    return BENCHMARKS[request.benchmark](request, reporter or SilentReporter())


def prepare_to_write(path: Path) -> None:
    """Check, before hours of work, that `write_outcome` will be able to write PATH. UserError if it will not."""
    from .page import require_page_packages

    require_page_packages()
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent):
            pass


def write_outcome(outcome: EvaluationOutcome, path: Path) -> tuple[Path, ...]:
    """Write PATH.json, PATH.html, and PATH.npz with the data of the page's pictures; return the files."""
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


def evenly_spread(items: Sequence[Item], count: int | None) -> list[Item]:
    """`count` of the items at even intervals, in their order; all if there are no more, or for None."""
    if count is None or count >= len(items):
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


def methods_to_run(request: EvaluationRequest, *, has_sentences: bool = True) -> tuple[str, ...]:
    """The request's methods, or the usual ones; without sentences, those with a prompt are the same as others."""
    usual = (name for name in METHODS if name not in ABLATIONS)
    return request.methods or tuple(name for name in usual if has_sentences or name not in PROMPTED)


def _split_of_data(request: EvaluationRequest, clips: Iterable[Clip]) -> str:
    """The split of the people in the clips, whatever their families. UserError `wrong-split` if another one is asked for."""
    subjects = {subject for clip in clips for subject in clip.subjects} - {NOBODY}
    found = " and ".join(sorted({split_of_subject(subject) for subject in subjects})) or request.split or _DEFAULT_SPLIT
    if request.split not in (None, found):
        raise UserError(
            "wrong-split",
            f"{request.data} holds clips of the split {found}, not of {request.split}.",
            "Leave --split out, or give other --data.",
        )
    return found


def _run(
    request: EvaluationRequest,
    reporter: Reporter,
    header: ReportHeader,
    tasks: Sequence[ClipTask],
    files: Iterable[Path] = (),
) -> EvaluationOutcome:
    """`files` are those of the data, where they are not always the same."""
    kept = None
    if request.resume is not None:
        data = key_of(*map(content_key, files))
        kept = KeptScores.of_run(request.resume, header.benchmark, header.split, header.seed, data)
    report, pictures = run_methods(
        header, tasks, methods_to_run(request), workers=request.workers, count=len(tasks), kept=kept, reporter=reporter
    )
    return EvaluationOutcome(report, tuple(pictures))


# pairs-2d


def _pairs_2d(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    from .pairs_2d import PAIRS, choreograph_command, load_pairs

    if request.data is None:
        split = request.split or _DEFAULT_SPLIT
        path, interactions = PAIRS.get(split, Path()), load_pairs(split)
    elif request.data.with_suffix(".npz").is_file():
        path, interactions = request.data, list(_interactions(request.data).values())
        split = _split_of_data(request, interactions)
    else:
        raise UserError(
            "no-data",
            f"There is no file of interactions {request.data.with_suffix('.npz')}.",
            f"Make one with `{choreograph_command(request.split or _DEFAULT_SPLIT, request.data)}`.",
        )
    interactions.sort(key=lambda clip: (clip.family, clip.name))
    chosen = evenly_spread(interactions, request.clips)
    tasks = [
        ClipTask(clip.name, clip.family, partial(_pairs_2d_clip, path, clip.name, request.seed)) for clip in chosen
    ]
    notes = (
        "Interactions choreographed from single-person motion capture, without pixels: detections are simulated by a noise model "
        "that was fitted to the 2D networks on rendered clips; visibility is computed from both meshes.",
    )
    header = ReportHeader("pairs-2d", split, request.seed, "choreographed", notes)
    return _run(request, reporter, header, tasks, [path.with_suffix(ending) for ending in (".npz", ".json")])


def _pairs_2d_clip(path: Path, name: str, seed: int) -> BenchmarkClip:
    from .pairs_2d import simulate_clips

    return next(iter(simulate_clips([_interactions(path)[name]], seed, load_body(None))))


@lru_cache(maxsize=2)
def _interactions(path: Path) -> dict[str, Interaction]:
    return {clip.name: clip for clip in load_interactions(path)}


# pairs-video


def _pairs_video(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    if request.data is None:
        raise UserError(
            "no-data",
            "pairs-video needs a folder of rendered clips.",
            "Render them with `python -m lab render INTERACTIONS FOLDER`, then add --data FOLDER.",
        )
    rendered = sorted(_rendered(request.data).values(), key=lambda clip: (clip.family, clip.name))
    last = methods_to_run(request)[-1:]
    tasks: list[ClipTask] = []
    for clip in evenly_spread(rendered, request.clips):
        if clip.alone:
            make = partial(_pairs_video_clip_apart, request.data, clip.name)
            tasks.append(ClipTask(clip.name, clip.family, make, last, APART))
        tasks.append(ClipTask(clip.name, clip.family, partial(_pairs_video_clip, request.data, clip.name)))
    notes = [
        "Interactions choreographed from single-person motion capture and rendered; the whole pipeline runs, from the pixels on. "
        "The time of perception is that of the run that made the detections."
    ]
    if any(task.label for task in tasks):
        notes.append(
            f"The row `{last[0]}, {APART}` has detections from videos of each person alone, without hands. Its remaining errors "
            "do not come from the 2D networks' trouble with two people in contact."
        )
    header = ReportHeader("pairs-video", _split_of_data(request, rendered), request.seed, "rendered", tuple(notes))
    return _run(request, reporter, header, tasks, [file for clip in rendered for file in clip.files])


def _pairs_video_clip(folder: Path, name: str) -> BenchmarkClip:
    clip = _rendered(folder)[name]
    found = detections_beside(folder).detect_two(clip.video)
    return _benchmark_clip(clip, found.detections, found.seconds)


def _pairs_video_clip_apart(folder: Path, name: str) -> BenchmarkClip:
    clip = _rendered(folder)[name]
    perception = detections_beside(folder)
    found = [perception.detect_everyone(video) for video in clip.alone]
    detections = _merge_first_people([each.detections for each in found])
    return _benchmark_clip(clip, detections, sum(each.seconds for each in found))


def _benchmark_clip(clip: RenderedClip, detections: Detections, seconds: float) -> BenchmarkClip:
    return BenchmarkClip(
        clip.name, clip.family, clip.truth, detections, clip.sentences, {"perception": seconds}, clip.video
    )


def _merge_first_people(found: Sequence[Detections]) -> Detections:
    """The most prominent person of each video, as the people of one clip."""
    if not all(len(each.found) for each in found):
        raise UserError("nobody", "Nobody is found in the video of one person alone.", "Render the clip again.")
    if not np.array_equal(found[0].frame_index, found[1].frame_index):
        raise UserError(
            "rendered-clip-damaged", "The videos of each person alone differ in length.", "Render the clip again."
        )
    return Detections.concatenate([each.person(0) for each in found])


@lru_cache(maxsize=1)
def _rendered(folder: Path) -> dict[str, RenderedClip]:
    return {clip.name: clip for clip in load_rendered(folder, load_body(None))}


# real videos and public datasets


def _real(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    from .real.evaluate_real import evaluate_real

    if request.data is None:
        raise UserError(
            "no-data",
            "The benchmark real needs a folder of videos.",
            "Put videos of two people there, and Pose2Sim's demo (Calib.qca.txt, single_cam0N.mp4, multi_cam0N.mp4); "
            "then add --data FOLDER.",
        )
    if request.resume is not None:
        raise UserError("not-resumed", "The benchmark real keeps no scores to resume from.", "Leave --resume out.")
    methods = methods_to_run(request, has_sentences=False)
    perception = detections_beside(cache_folder(), reporter)
    report = evaluate_real(request.data, methods, perception, seed=request.seed, clips=request.clips, reporter=reporter)
    return EvaluationOutcome(report, ())


def _public(request: EvaluationRequest, reporter: Reporter) -> EvaluationOutcome:
    from .public import PUBLIC_DATASETS, list_clips

    name, dataset = request.benchmark, PUBLIC_DATASETS[request.benchmark]
    if request.data is None:
        raise UserError(
            "no-data", f"The benchmark {name} needs the folder of the dataset: --data FOLDER.", dataset.how_to_get
        )
    split = request.split or _DEFAULT_SPLIT
    chosen = evenly_spread(list_clips(name, request.data, split), request.clips)
    tasks = [ClipTask(clip.name, clip.family, partial(_public_clip, name, request.data, clip)) for clip in chosen]
    request = replace(request, methods=methods_to_run(request, has_sentences=False))
    return _run(request, reporter, ReportHeader(name, split, request.seed, "public", dataset.notes), tasks)


def _public_clip(name: str, folder: Path, clip: ListedClip) -> BenchmarkClip:
    from .public import load_clip

    return load_clip(name, folder, clip, load_body(None), detections_beside(cache_folder()))


BENCHMARKS: Mapping[str, Callable[[EvaluationRequest, Reporter], EvaluationOutcome]] = {
    "pairs-2d": _pairs_2d,
    "pairs-video": _pairs_video,
    "real": _real,
    "hi4d": _public,
    "harmony4d": _public,
    "chi3d": _public,
    "3dpw": _public,
}
