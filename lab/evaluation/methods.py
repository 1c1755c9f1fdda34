"""The rows of the benchmark: functions from detections to a motion. New methods are added to METHODS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.body.model import BodyModel
from core.contacts import detect_contacts
from core.contract.contact import Contact
from core.fitting.camera import KnownCamera
from core.fitting.initial import estimate_initial_motion
from core.motion import Camera, PairMotion, Timeline
from core.observations.confidence import joint_confidence
from core.perception.detections import Detections
from core.pipeline.cache import MemoryCache
from core.pipeline.nodes import ImportedPair, Lifting, TakeSettings, first_take_nodes, nodes_of_detections
from core.pipeline.retry import Variant, make_good_takes
from core.pipeline.settings import LEARNED, PipelineSettings
from core.pipeline.stage import Given, Node, Results, run
from core.pipeline.takes import MadeTakes, make_takes
from core.progress import JobProgress, Progress
from core.reporting import Reporter
from core.semantics.prompt_parser import parse_prompt

from .baselines import fitted_alone, infilled, lifted, one_euro_filtered
from .benchmark_clip import Estimate, Method
from .initial_estimate import observe_with_default_camera


def raw(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The metric landmarks of each frame, placed by weak perspective."""
    return _lifted_after(lambda seen: seen, detections, body)


def linear(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after landmarks of low confidence are interpolated by straight lines."""
    return _lifted_after(lambda seen: infilled(seen, smooth=False), detections, body)


def spline(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after landmarks of low confidence are interpolated by splines."""
    return _lifted_after(lambda seen: infilled(seen, smooth=True), detections, body)


def one_euro(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after a 1-Euro filter on the landmarks."""
    return _lifted_after(one_euro_filtered, detections, body)


def initial(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The initial motion of our fit: smoothed landmarks, placed by reprojection, both people on one floor."""
    watch = _Watch()
    with watch("initial"):
        observed = observe_with_default_camera(detections, body.device)
        start = estimate_initial_motion(observed, body, reporter=reporter)
    return _with_contacts(start.motion_inworld, start.camera, detections, body, watch)


def alone(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """Each person fitted separately."""
    watch = _Watch()
    with watch("fit"):
        fitted = fitted_alone(detections, body, reporter)
    return _with_contacts(fitted.motion_inworld, fitted.camera, detections, body, watch)


def joint_fit(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product without learned models, its fall-back, and without a prompt."""
    return run_product(detections, body, TakeSettings(seed=seed), reporter, PipelineSettings().without(*LEARNED))


def product(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product's stages after perception, without a prompt, with the contacts that it would show."""
    return run_product(detections, body, TakeSettings(seed=seed), reporter)


def checked(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product as a user gets it: a bad take is made again in other ways (`pipeline.retry`), and the best is kept."""
    given, store, progress = Given(detections, "clip"), _store_of(detections, body), _progress(reporter)

    def make(variant: Variant) -> MadeTakes:
        clip = nodes_of_detections(given, KnownCamera(), Given(body, body.identity), choice=variant.camera)
        take = first_take_nodes(clip, TakeSettings(seed=seed), variant.settings(PipelineSettings()))
        return make_takes(clip, [take], store, progress)

    made, variant = make_good_takes(make, progress)
    take = made.takes[0]
    reporter.log(f"Kept: {variant.description}.")
    return Estimate(take.fitted.motion_inworld, take.fitted.camera, take.contacts, take.seconds)


def prompted(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product with the clip's sentence as prompt."""
    return run_product(detections, body, TakeSettings(prompt, seed=seed), reporter)


def misprompted(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product with a prompt that is wrong."""
    return run_product(detections, body, TakeSettings(another_sentence(prompt), seed=seed), reporter)


def without(*parts: str, with_prompt: bool = False) -> Method:
    """The product without some of `pipeline.settings.LEARNED`; with `with_prompt`, with the clip's sentence as prompt."""

    def method(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
        take = TakeSettings(prompt if with_prompt else "", seed=seed)
        return run_product(detections, body, take, reporter, PipelineSettings().without(*parts))

    return method


_OTHERS = (
    "Two people shake hands.",
    "Two people hug each other.",
    "One person kicks the other.",
    "One person puts an arm around the other's shoulders.",
)


def another_sentence(prompt: str) -> str:
    """The first of a few sentences that names none of the prompt's touches."""
    named = _touches(prompt)
    return next((other for other in _OTHERS if not named & _touches(other)), _OTHERS[0])


def _touches(prompt: str) -> set[str]:
    return {hypothesis.name for hypothesis in parse_prompt(prompt)}


METHODS: dict[str, Method] = {
    "raw": raw,
    "linear": linear,
    "spline": spline,
    "one-euro": one_euro,
    "initial": initial,
    "alone": alone,
    "joint-fit": joint_fit,
    "no-st-gcn": without("stgcn"),
    "no-infiller": without("infiller"),
    "no-guidance": without("guidance"),
    "no-smoother": without("smoother"),
    "touches-only": without("text", with_prompt=True),
    "misprompted": misprompted,
    "checked": checked,
    "prompted": prompted,
    "product": product,
}
"""All rows by name, in the table's order; the last is the product without a prompt. `touches-only` gets the contacts that the
clip's sentence names, but not the sentence's embedding."""


PROMPTED = ("touches-only", "misprompted", "prompted")
"""Rows that need the clip's sentence."""
ABLATIONS = ("no-st-gcn", "no-infiller", "no-guidance", "no-smoother", "touches-only", "misprompted")
"""Rows that run only if they are named: they measure what each part is worth, not how good the product is."""


def run_product(
    detections: Detections,
    body: BodyModel,
    settings_of_take: TakeSettings,
    reporter: Reporter,
    settings: PipelineSettings | None = None,
    start: Given[ImportedPair | None] | Lifting | None = None,
) -> Estimate:
    """The product from detections on. `start`: another tool's motion, or the output of a network that lifts people to 3D."""
    clip = nodes_of_detections(Given(detections, "clip"), KnownCamera(), Given(body, body.identity), start)
    take = first_take_nodes(clip, settings_of_take, settings or PipelineSettings())
    results = run_nodes([take.motion, take.constraints], detections, body, reporter)
    fitted, contacts = results[take.motion], results[take.constraints].targets.contacts
    return Estimate(fitted.motion_inworld, fitted.camera, contacts, results.seconds)


def run_nodes(targets: Sequence[Node[Any]], detections: Detections, body: BodyModel, reporter: Reporter) -> Results:
    """The results of nodes of a clip; those that do not differ between the rows of a clip are computed once."""
    return run(targets, _store_of(detections, body), _progress(reporter))


def _progress(reporter: Reporter) -> JobProgress:
    """Of a job whose stages all report to one reporter."""
    return JobProgress(_ReporterAsListener(reporter))


@dataclass(frozen=True)
class _ReporterAsListener:
    """Passes a job's reports on to a reporter; cancelling is left to the reporter."""

    reporter: Reporter

    def stage(self, name: str, index: int, count: int) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        self.reporter.progress(progress.fraction, progress.text)

    def warning(self, text: str) -> None:
        self.reporter.warning(text)

    def log(self, text: str) -> None:
        self.reporter.log(text)

    def cancelled(self) -> bool:
        return False


def _store_of(detections: Detections, body: BodyModel) -> MemoryCache:
    """The results of stages for this clip: rows share what does not differ between them."""
    if not (_recent and _recent[0] is detections and _recent[1] is body):
        _recent[:] = [detections, body, MemoryCache()]
    return _recent[2]


_recent: list[Any] = []
"""Detections and body of the last clip, and the results of its stages."""


def _lifted_after(prepare: Callable[[Detections], Detections], detections: Detections, body: BodyModel) -> Estimate:
    watch = _Watch()
    with watch("lift"):
        motion, camera = lifted(prepare(detections), body)
    return _with_contacts(motion, camera, detections, body, watch)


def _with_contacts(
    motion: PairMotion, camera: Camera, detections: Detections, body: BodyModel, watch: _Watch
) -> Estimate:
    with watch("contacts"):
        found = _contacts_of(motion, camera, detections, body)
    return Estimate(motion, camera, found, watch.seconds)


def _contacts_of(motion: PairMotion, camera: Camera, detections: Detections, body: BodyModel) -> tuple[Contact, ...]:
    """Contacts by distances (`detect_contacts`), from the same joint confidence for all rows."""
    confidence: np.ndarray = joint_confidence(detections)
    timeline = Timeline(detections.frame_index, detections.time)
    return tuple(detect_contacts(motion.transformed(camera.T_cw), timeline, confidence, body))


class _Watch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started
