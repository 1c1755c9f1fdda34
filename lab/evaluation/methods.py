"""The rows of the benchmark: each a function from what was seen to what happened. New methods are added to METHODS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from core.body.model import BodyModel
from core.contacts import detect_contacts, merge_contacts
from core.contract.contact import Contact
from core.contract.errors import UserError
from core.fitting.initial import estimate_initial_motion
from core.motion import Camera, PairMotion
from core.observations.confidence import joint_confidence
from core.perception.detections import Detections
from core.pipeline.stage import LEARNED, Choices, Inputs, stage_keys
from core.pipeline.stages import CAPTION, CONTACT_STAGE, CONTACTS, PERCEPTION, PROMPT, RECONSTRUCT_STAGES
from core.reporting import Reporter
from core.semantics.prompt_parser import parse_prompt

from .baselines import fitted_alone, infilled, lifted, one_euro_filtered
from .shot import Estimate, Method


def raw(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The metric landmarks of each frame, placed by weak perspective."""
    return _lifted_after(lambda seen: seen, detections, body)


def linear(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after untrusted landmarks are interpolated by straight lines."""
    return _lifted_after(lambda seen: infilled(seen, smooth=False), detections, body)


def spline(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after untrusted landmarks are interpolated by splines."""
    return _lifted_after(lambda seen: infilled(seen, smooth=True), detections, body)


def one_euro(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after a 1-Euro filter on the landmarks."""
    return _lifted_after(one_euro_filtered, detections, body)


def initial(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """Where our fit starts: smoothed landmarks, placed by reprojection, both people on one floor."""
    watch = _Watch()
    with watch("initial"):
        start = estimate_initial_motion(detections, body, fov=None, reporter=reporter)
    return _with_contacts(start.motion, start.camera, detections, body, watch)


def alone(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """Each person fitted as if nobody else were there."""
    watch = _Watch()
    with watch("fit"):
        fitted = fitted_alone(detections, body, reporter)
    return _with_contacts(fitted.motion, fitted.camera, detections, body, watch)


def joint_fit(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product without anything learned: its fall-back. It is told nothing in words."""
    return _product(detections, body, "", seed, reporter, frozenset(LEARNED))


def product(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product: its own stages after perception, with the contacts that it would show. It is told nothing in words."""
    return _product(detections, body, "", seed, reporter)


def prompted(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product when somebody says in a sentence what happens."""
    return _product(detections, body, prompt, seed, reporter)


def misprompted(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product when somebody says what does not happen."""
    return _product(detections, body, another_sentence(prompt), seed, reporter)


def without(*parts: str, told: bool = False) -> Method:
    """The product without some of `stage.LEARNED`, told nothing, or told in a sentence what happens."""

    def method(detections: Detections, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
        return _product(detections, body, prompt if told else "", seed, reporter, frozenset(parts))

    return method


_OTHERS = (
    "Two people shake hands.",
    "Two people hug each other.",
    "One person kicks the other.",
    "One person puts an arm around the other's shoulders.",
)


def another_sentence(prompt: str) -> str:
    """The first of a few sentences that names none of the prompt's touches."""
    said = _touches(prompt)
    return next((other for other in _OTHERS if not said & _touches(other)), _OTHERS[0])


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
    "no-st-gcn": without("geometry"),
    "no-infiller": without("infiller"),
    "no-guidance": without("guidance"),
    "no-refiner": without("refiner"),
    "touches-only": without("text", told=True),
    "misprompted": misprompted,
    "prompted": prompted,
    "product": product,
}
"""All rows by name, in the table's order; the last is the product as it is, without a prompt. `touches-only` is told in a
sentence what happens, but knows only the touches that it names, not the sentence as numbers."""


PROMPTED = ("touches-only", "misprompted", "prompted")
"""Rows that are the same as another where there is no sentence to tell them."""
ABLATIONS = ("no-st-gcn", "no-infiller", "no-guidance", "no-refiner", "touches-only", "misprompted")
"""Rows that are asked for by name: they say what each part is worth, not how good the product is."""


def chosen_methods(names: str) -> tuple[str, ...]:
    """Names from `a,b,c`. UserError `unknown-method` for one that does not exist."""
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in chosen if name not in METHODS]
    if unknown or not chosen:
        what = f"There is no method {unknown[0]!r}." if unknown else "No method is named."
        raise UserError("unknown-method", what, f"Choose among {', '.join(METHODS)}.")
    return chosen


def _product(
    detections: Detections,
    body: BodyModel,
    prompt: str,
    seed: int,
    reporter: Reporter,
    left_out: frozenset[str] = frozenset(),
) -> Estimate:
    first, last = int(detections.frame_index[0]), int(detections.frame_index[-1])
    choices = Choices("", (first, last), None, None, body.identity, prompt)
    inputs = Inputs(choices, body, None, seed=seed, without=left_out)
    keys = stage_keys(_STAGES, inputs)
    known = _results_of(detections, body)
    for stage in _STAGES:
        key = keys[stage.name]
        if stage is PERCEPTION:
            known[key] = (detections, 0.0)
        elif key not in known:
            began = time.perf_counter()
            result = stage.run(inputs, {name: known[keys[name]][0] for name in stage.after}, reporter)
            known[key] = (result, time.perf_counter() - began)
    results = {name: known[key][0] for name, key in keys.items()}
    seconds = {name: known[key][1] for name, key in keys.items() if name != PERCEPTION.name}
    fitted = results[CONTACT_STAGE.name]
    contacts = merge_contacts(results[CONTACTS.name].contacts, results[PROMPT.name].contacts)
    return Estimate(fitted.motion, fitted.camera, tuple(contacts), seconds)


_STAGES = tuple(stage for stage in RECONSTRUCT_STAGES if stage is not CAPTION)


def _results_of(detections: Detections, body: BodyModel) -> dict[str, tuple[Any, float]]:
    """Results and seconds of stages by their keys, for this clip: rows share what does not differ between them."""
    if not (_recent and _recent[0] is detections and _recent[1] is body):
        _recent[:] = [detections, body, {}]
    return _recent[2]


_recent: list[Any] = []
"""Tracks and body of the clip that was looked at last, and the results of its stages."""


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
    """As our method finds them, from the same confidence for all."""
    confidence: np.ndarray = joint_confidence(detections)
    return tuple(detect_contacts(motion, camera, body, detections.frame_index, detections.time, confidence))


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
