"""The rows of the benchmark: each a function from what was seen to what happened. New methods are added to METHODS."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..body.model import BodyModel
from ..contacts import detect, merge
from ..contract.contact import Contact
from ..contract.errors import UserError
from ..geometry.confidence import joint_confidence
from ..geometry.initial import initial_motion
from ..motion import Camera, PairMotion
from ..optimizer.expect import Expected
from ..perception.tracks import Tracks
from ..report import Reporter
from ..stages import CONTACT_STAGE, CONTACTS, GEOMETRY, INITIAL, PERCEPTION, PROMPT, RECONSTRUCT_STAGES, Choices, Inputs
from .baselines import fitted_alone, infilled, lifted, one_euro_filtered
from .shot import Estimate, Method


def raw(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The metric landmarks of each frame, placed by weak perspective."""
    return _lifted_after(lambda seen: seen, tracks, body)


def linear(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after untrusted landmarks are interpolated by straight lines."""
    return _lifted_after(lambda seen: infilled(seen, smooth=False), tracks, body)


def spline(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after untrusted landmarks are interpolated by splines."""
    return _lifted_after(lambda seen: infilled(seen, smooth=True), tracks, body)


def one_euro(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """`raw` after a 1-Euro filter on the landmarks."""
    return _lifted_after(one_euro_filtered, tracks, body)


def initial(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """Where our fit starts: smoothed landmarks, placed by reprojection, both people on one floor."""
    watch = _Watch()
    with watch("initial"):
        start = initial_motion(tracks, body, fov=None, reporter=reporter)
    return _with_contacts(start.motion, start.camera, tracks, body, watch)


def alone(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """Each person fitted as if nobody else were there."""
    watch = _Watch()
    with watch("fit"):
        fitted = fitted_alone(tracks, body, reporter)
    return _with_contacts(fitted.motion, fitted.camera, tracks, body, watch)


def joint_fit(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product without anything learned: its fall-back. It is told nothing in words."""
    return _product(tracks, body, "", reporter, learned=False)


def product(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product: its own stages after perception, with the contacts that it would show. It is told nothing in words."""
    return _product(tracks, body, "", reporter)


def prompted(tracks: Tracks, body: BodyModel, *, prompt: str, seed: int, reporter: Reporter) -> Estimate:
    """The product when somebody says in a sentence what happens."""
    return _product(tracks, body, prompt, reporter)


METHODS: dict[str, Method] = {
    "raw": raw,
    "linear": linear,
    "spline": spline,
    "one-euro": one_euro,
    "initial": initial,
    "alone": alone,
    "joint-fit": joint_fit,
    "prompted": prompted,
    "product": product,
}
"""All rows by name, in the table's order; the last is the product as it is, without a prompt."""


PROMPTED = ("prompted",)
"""Rows that are the same as another where there is no sentence to tell them."""


def chosen_methods(names: str) -> tuple[str, ...]:
    """Names from `a,b,c`. UserError `unknown-method` for one that does not exist."""
    chosen = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in chosen if name not in METHODS]
    if unknown or not chosen:
        what = f"There is no method {unknown[0]!r}." if unknown else "No method is named."
        raise UserError("unknown-method", what, f"Choose among {', '.join(METHODS)}.")
    return chosen


def _product(tracks: Tracks, body: BodyModel, prompt: str, reporter: Reporter, *, learned: bool = True) -> Estimate:
    first, last = int(tracks.frame_index[0]), int(tracks.frame_index[-1])
    inputs = Inputs(Choices("", (first, last), None, None, body.identity, prompt), body, None)
    results: dict[str, Any] = {PERCEPTION.name: tracks}
    watch = _Watch()
    if not learned:
        with watch(INITIAL.name):
            results[INITIAL.name] = INITIAL.run(inputs, results, reporter)
        results[GEOMETRY.name] = Expected(results[INITIAL.name].motion, None)
    elif _recent and _recent[0] is tracks and _recent[1] is body:
        results |= _recent[2]
        watch.seconds |= _recent[3]
    for stage in RECONSTRUCT_STAGES:
        if stage.name not in results:
            with watch(stage.name):
                results[stage.name] = stage.run(inputs, {name: results[name] for name in stage.after}, reporter)
    if learned:
        _keep(tracks, body, results, watch.seconds)
    fitted = results[CONTACT_STAGE.name]
    contacts = merge(results[CONTACTS.name].contacts, results[PROMPT.name].contacts)
    return Estimate(fitted.motion, fitted.camera, tuple(contacts), watch.seconds)


def _keep(tracks: Tracks, body: BodyModel, results: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
    """For the product's other row on the same clip."""
    told = _after_prompt()
    untold = [{name: each for name, each in kept.items() if name not in told} for kept in (results, seconds)]
    _recent[:] = [tracks, body, *untold]


def _after_prompt() -> set[str]:
    """Names of the stages whose results depend on the prompt."""
    told = {PROMPT.name}
    for stage in RECONSTRUCT_STAGES:
        if told & set(stage.after):
            told.add(stage.name)
    return told


_recent: list[Any] = []
"""Tracks, body, and of the product's stages that no prompt reaches results and seconds: two rows share them."""


def _lifted_after(prepare: Callable[[Tracks], Tracks], tracks: Tracks, body: BodyModel) -> Estimate:
    watch = _Watch()
    with watch("lift"):
        motion, camera = lifted(prepare(tracks), body)
    return _with_contacts(motion, camera, tracks, body, watch)


def _with_contacts(motion: PairMotion, camera: Camera, tracks: Tracks, body: BodyModel, watch: _Watch) -> Estimate:
    with watch("contacts"):
        found = _contacts_of(motion, camera, tracks, body)
    return Estimate(motion, camera, found, watch.seconds)


def _contacts_of(motion: PairMotion, camera: Camera, tracks: Tracks, body: BodyModel) -> tuple[Contact, ...]:
    """As our method finds them, from the same confidence for all."""
    confidence: np.ndarray = joint_confidence(tracks)
    return tuple(detect(motion, camera, body, tracks.frame_index, tracks.time, confidence))


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
