"""The benchmarks by name: where their clips come from, and one way to run them all.

Each is imported when it is asked for: a missing extra of one does not hinder the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TypeVar

import numpy as np
import torch

from ..body.files import load_body
from ..body.model import BodyModel
from ..choreography.interaction import Interaction, load_interactions
from ..contract.errors import UserError
from ..contract.files import explained, write_json
from ..report import Reporter, SilentReporter
from ..weights import cache_folder
from .methods import chosen_methods
from .pictures import ClipPicture, save_pictures
from .results import DataKind, Report
from .run import Clip, Heading, run
from .shot import Shot

SPLITS = ("test", "dev")
_SEEN = "seen"
"""Folder in which what the 2D stage saw is kept."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Request:
    """What `evaluate` was asked for."""

    benchmark: str
    data: Path | None = None
    """Folder or file; None for the benchmark's own, where it ships with the product."""
    clips: int | None = None
    """At most so many, evenly spread over all; None for all."""
    methods: tuple[str, ...] = ()
    """Names of `methods.METHODS`, none for all."""
    split: str = "test"
    seed: int = 0
    workers: int = 1
    """Processes; 0 for this one."""


@dataclass(frozen=True)
class Outcome:
    report: Report
    pictures: tuple[ClipPicture, ...]
    """Of the last method's worst clips."""


@dataclass(frozen=True)
class Benchmark:
    data: DataKind
    about: str
    """In a few words, for help."""
    run: Callable[[Request, Reporter], Outcome]


def evaluate(request: Request, reporter: Reporter | None = None) -> Outcome:
    """Run a benchmark. UserError `unknown-benchmark`, and where its data are missing, how to get them."""
    if request.benchmark not in BENCHMARKS:
        raise UserError(
            "unknown-benchmark",
            f"There is no benchmark {request.benchmark!r}.",
            f"Choose one of {', '.join(BENCHMARKS)}.",
        )
    return BENCHMARKS[request.benchmark].run(request, reporter or SilentReporter())


def prepare_to_write(path: Path) -> None:
    """Ask before hours of work whether `write_outcome` will be able to write PATH. UserError where it will not."""
    from .page import require_page

    require_page()
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=path.parent):
            pass


def write_outcome(outcome: Outcome, path: Path) -> tuple[Path, ...]:
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


def _run(request: Request, reporter: Reporter, heading: Heading, clips: Sequence[Clip]) -> Outcome:
    methods = request.methods or chosen_methods(None)
    report, pictures = run(heading, clips, methods, workers=request.workers, count=len(clips), reporter=reporter)
    return Outcome(report, tuple(pictures))


def _pairs_2d(request: Request, reporter: Reporter) -> Outcome:
    from .pairs_2d import PAIRS

    path = request.data or PAIRS[request.split]
    interactions = sorted(_interactions(path).values(), key=lambda clip: (clip.family, clip.name))
    chosen = spread(interactions, request.clips)
    clips = [Clip(clip.name, clip.family, partial(_pairs_2d_shot, path, clip.name, request.seed)) for clip in chosen]
    notes = (
        "Choreographed from recorded single motions, without pixels: true joints projected through varied cameras, with a "
        "model of the 2D stage's errors that was fitted on rendered clips, and visibility from the two meshes.",
    )
    return _run(request, reporter, Heading("pairs-2d", request.split, request.seed, "choreographed", notes), clips)


def _pairs_2d_shot(path: Path, name: str, seed: int) -> Shot:
    from .pairs_2d import shots

    return next(iter(shots([_interactions(path)[name]], seed, _body())))


@lru_cache(maxsize=2)
def _interactions(path: Path) -> dict[str, Interaction]:
    return {clip.name: clip for clip in load_interactions(path)}


@lru_cache(maxsize=1)
def _body() -> BodyModel:
    return load_body(None)


def _pairs_video(request: Request, reporter: Reporter) -> Outcome:
    from .rendered import load_rendered

    if request.data is None:
        raise UserError(
            "no-data",
            "pairs-video needs the folder of its rendered clips.",
            "Render them with `python scripts/render_pairs.py INTERACTIONS FOLDER`, then name it: --data FOLDER.",
        )
    rendered = sorted(load_rendered(request.data, _body()), key=lambda clip: (clip.family, clip.name))
    chosen = spread(rendered, request.clips)
    clips = [Clip(clip.name, clip.family, partial(_pairs_video_shot, request.data, clip.name)) for clip in chosen]
    notes = (
        "Choreographed from recorded single motions and rendered; from the pixels on through the whole product. Perception's "
        "time is that of the run which first looked at a clip.",
    )
    return _run(request, reporter, Heading("pairs-video", request.split, request.seed, "rendered", notes), clips)


def _pairs_video_shot(folder: Path, name: str) -> Shot:
    from .perceived import Onlooker
    from .rendered import load_rendered

    clip = next(clip for clip in load_rendered(folder, _body()) if clip.name == name)
    seen = Onlooker(folder / _SEEN, torch.device("cpu"), SilentReporter()).pair(clip.video)
    return Shot(
        clip.name, clip.family, clip.truth, seen.tracks, clip.sentences, {"perception": seen.seconds}, clip.video
    )


def _real(request: Request, reporter: Reporter) -> Outcome:
    from .real import evaluate_real

    if request.data is None:
        raise UserError(
            "no-data",
            "The benchmark real needs a folder of videos.",
            "Put clips of two people there, and Pose2Sim's demo (Calib.qca.txt, single_cam0N.mp4, multi_cam0N.mp4); "
            "then name it: --data FOLDER.",
        )
    methods = request.methods or chosen_methods(None)
    report = evaluate_real(
        request.data, methods, cache=cache_folder() / _SEEN, seed=request.seed, clips=request.clips, reporter=reporter
    )
    return Outcome(report, ())


BENCHMARKS: Mapping[str, Benchmark] = {
    "pairs-2d": Benchmark("choreographed", "choreographed pairs, 2D observations simulated", _pairs_2d),
    "pairs-video": Benchmark("rendered", "choreographed pairs, rendered", _pairs_video),
    "real": Benchmark("real", "real video: four calibrated views, and clips without truth", _real),
}
