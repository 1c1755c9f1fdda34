"""Generates clips of many families: scenes are drawn, solved and validated, and drawn again where they fail. Deterministic."""

from __future__ import annotations

import multiprocessing
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.errors import UserError
from core.contract.files import read_npz

from ..mocap.action_detection import find_windows
from ..mocap.capture import Capture
from ..mocap.library import load_library
from .bodies import bodies_from_templates
from .families import FAMILIES
from .interaction import Interaction
from .scene import Scene
from .scene_sampler import SceneSampler
from .solve import Solution, solve_batch
from .splits import Split, captures_of
from .validation import ValidationResult, validate

_ATTEMPTS = 12
"""Draws after which a clip is given up."""
_TOGETHER = 8
"""Clips that are solved in one batch. With another number a seed gives clips that differ in the last digits."""


@dataclass(frozen=True)
class GenerationRequest:
    """What to generate."""

    motion: Path | None
    """Folder of motion capture; None: people stand at ease."""
    cache: Path | None
    split: Split
    families: tuple[str, ...]
    count: int
    """Number of clips of each family."""
    seed: int
    bodies: Path | None = None
    """Held-out bodies (`bodies.bodies_from_templates`)."""
    first: int = 0
    """Number of the first clip of each family."""


@dataclass(frozen=True)
class GeneratedClip:
    """One clip, and the cost of generating it."""

    name: str
    family: str
    interaction: Interaction | None = None
    """None where every draw was rejected."""
    body_indices: tuple[int | None, int | None] = (None, None)
    """Indices of the people's held-out bodies."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    """Why earlier draws were rejected."""
    seconds: float = 0.0
    """Processor time of all draws."""


def generate(request: GenerationRequest, workers: int = 1) -> Iterator[GeneratedClip]:
    """All clips of a request, in the same order for any number of processes."""
    numbers = range(request.first, request.first + request.count)
    tasks = [
        (request, family, tuple(numbers[start : start + _TOGETHER]))
        for family in request.families
        for start in range(0, request.count, _TOGETHER)
    ]
    if workers <= 1:
        for task in tasks:
            yield from _make(task)
        return
    with multiprocessing.get_context("spawn").Pool(workers, initializer=_one_thread) as pool:
        for clips in pool.imap(_make, tasks):
            yield from clips


def generate_clips(sampler: SceneSampler, family: str, numbers: Sequence[int], seed: int) -> list[GeneratedClip]:
    """Clips of a family, drawn from `seed` and each clip's number until one passes `validate`."""
    waiting = {number: GeneratedClip(f"{family}-{number:04d}", family) for number in numbers}
    done: dict[int, GeneratedClip] = {}
    for attempt in range(_ATTEMPTS):
        started = time.process_time()
        scenes: dict[int, Scene] = {}
        for number, clip in tuple(waiting.items()):
            rng = np.random.default_rng([seed, zlib.crc32(family.encode()), number, attempt])
            try:
                scenes[number] = FAMILIES[family](sampler, rng)
            except UserError as error:  # the split has no recording that this draw asks for
                waiting[number] = replace(clip, rejected=(*clip.rejected, error.message))
        if not scenes:
            continue
        solutions = solve_batch(tuple(scenes.values()))
        verdicts = [validate(scene, solution) for scene, solution in zip(scenes.values(), solutions)]
        took = (time.process_time() - started) / len(scenes)
        for (number, scene), solution, verdict in zip(scenes.items(), solutions, verdicts):
            clip = replace(waiting[number], seconds=waiting[number].seconds + took)
            if verdict.ok:
                del waiting[number]
                interaction = to_interaction(clip.name, scene, solution, verdict)
                bodies = _numbers_of_bodies(sampler, scene)
                done[number] = replace(
                    clip, interaction=interaction, body_indices=bodies, metrics=dict(verdict.metrics)
                )
            else:
                waiting[number] = replace(clip, rejected=(*clip.rejected, "; ".join(verdict.reasons)))
        if not waiting:
            break
    return [done.get(number) or waiting[number] for number in numbers]


def to_interaction(name: str, scene: Scene, solution: Solution, verdict: ValidationResult) -> Interaction:
    return Interaction(
        name=name,
        family=scene.family,
        sources=scene.sources,
        subjects=scene.subjects,
        rate=scene.rate,
        motion=solution.motion,
        foot_contact=solution.foot_contact,
        contacts=verdict.contacts,
        sentences=scene.sentences,
    )


def summarize(made: Sequence[GeneratedClip]) -> str:
    """A table: of each family how many clips, how many draws were rejected and why, and means and worst values of the metrics."""
    lines = []
    for family in dict.fromkeys(clip.family for clip in made):
        clips = [clip for clip in made if clip.family == family]
        good = [clip for clip in clips if clip.interaction is not None]
        draws = sum(len(clip.rejected) for clip in clips) + len(good)
        seconds = sum(clip.seconds for clip in clips) / max(draws, 1)
        lines.append(
            f"{family}: {len(good)} of {len(clips)} clips from {draws} draws ({len(good) / max(draws, 1):.0%} accepted), "
            f"{seconds:.1f} s a draw"
        )
        if good:
            names = list(good[0].metrics)
            both = [(name, np.array([clip.metrics[name] for clip in good])) for name in names]
            lines.append(
                "  " + ", ".join(f"{name} {values.mean():.1f} (max {values.max():.1f})" for name, values in both)
            )
        reasons = Counter(_kind_of(part) for clip in clips for reason in clip.rejected for part in reason.split("; "))
        lines.extend(f"  thrown away {count}: {reason}" for reason, count in reasons.most_common())
    return "\n".join(lines)


def _kind_of(reason: str) -> str:
    return " ".join(word for word in reason.split() if not word.replace(".", "").isdigit())


def _make(task: tuple[GenerationRequest, str, tuple[int, ...]]) -> list[GeneratedClip]:
    order, family, numbers = task
    return generate_clips(
        _scene_sampler(order.motion, order.cache, order.split, order.bodies), family, numbers, order.seed
    )


@lru_cache(maxsize=2)
def _scene_sampler(motion: Path | None, cache: Path | None, split: Split, bodies: Path | None) -> SceneSampler:
    body = load_body(None)
    heldout: tuple[BodyModel, ...] = () if bodies is None else bodies_from_templates(body, read_npz(bodies))
    if motion is None:
        return SceneSampler(body, heldout_bodies=heldout)
    captures: list[Capture] = list(captures_of(load_library(motion, cache), split))
    return SceneSampler(body, lambda kind, frames: find_windows(captures, kind, frames), heldout)


def _numbers_of_bodies(sampler: SceneSampler, scene: Scene) -> tuple[int | None, int | None]:
    first, second = (
        sampler.heldout_bodies.index(actor.body) if actor.body in sampler.heldout_bodies else None
        for actor in scene.actors
    )
    return first, second


def _one_thread() -> None:
    torch.set_num_threads(1)
