"""What a stage is, what it may read, and how stages are run with the cache.

A stage is a function of the stages before it and of its settings. Its result lies in the reconstruction's cache under a
key made of those, so a run computes only what changed, on whichever device the rest was computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..body.model import BodyModel
from ..clip import Clip
from ..contract.contact import Contact
from ..contract.edits import Pin
from ..contract.reconstruction import USUAL_SMOOTHNESS
from ..progress import JobProgress
from ..reporting import Reporter
from .cache import Cache, CacheEntry, key_of


@dataclass(frozen=True)
class Choices:
    """What a reconstruction was made of, as plain data; kept with it so that refine can go on from the cache."""

    clip: str
    """`content_key` of the clip."""
    frames: tuple[int, int]
    people: tuple[int, int] | None
    fov: float | None
    body: str
    """Identity of the body file."""
    prompt: str = ""
    """What the user says that the two do; its contacts take part in the first fit."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Choices:
        people = record["people"]
        return cls(
            record["clip"],
            (record["frames"][0], record["frames"][1]),
            None if people is None else (people[0], people[1]),
            record["fov"],
            record["body"],
            record.get("prompt", ""),
        )


LEARNED = ("text", "geometry", "infiller", "guidance", "refiner")
"""Parts of the method that can be left out, one by one: the sentence as numbers, the geometry optimizer, the infiller, the
energies that steer it, the sequence refiner."""


@dataclass(frozen=True)
class Inputs:
    """What stages may read beside the results of other stages."""

    choices: Choices
    body: BodyModel
    clip: Clip | None
    """None while refining, which never decodes video."""
    contacts: tuple[Contact, ...] = ()
    """As edited; for the stage that refines."""
    pins: tuple[Pin, ...] = ()
    new_prompt: str = ""
    """Given while refining, where it differs from the one that was reconstructed with."""
    seed: int = 0
    """Of the take: what is hidden is filled in otherwise."""
    new_seed: int = 0
    """Of what is made anew while refining the take of that seed."""
    smoothness: float = USUAL_SMOOTHNESS
    """How far the sequence refiner calms a take, 0-1."""
    new_smoothness: float = USUAL_SMOOTHNESS
    """The same of what is made anew; the rest is calmed by as much as this is more."""
    without: frozenset[str] = frozenset()
    """Of LEARNED what is to be left out: for ablations, and where the user wants the plain fit."""


@dataclass(frozen=True)
class Stage:
    """One step: `run` makes a dataclass of type `result` from the inputs and the results of the stages named in `after`.

    `settings` picks what of the inputs the result depends on. `version` rises when the code's results change. `share` is
    the time it is expected to take relative to the others.
    """

    name: str
    after: tuple[str, ...]
    version: int
    result: type
    share: float
    settings: Callable[[Inputs], Any]
    run: Callable[[Inputs, Mapping[str, Any], Reporter], Any]


@dataclass(frozen=True)
class Outcome:
    """Results of all stages, whether computed or found; warnings and seconds are of the runs that computed them."""

    results: dict[str, Any]
    keys: dict[str, str]
    warnings: tuple[str, ...]
    seconds: dict[str, float]


def stage_keys(stages: Sequence[Stage], inputs: Inputs) -> dict[str, str]:
    """The key of every stage's result, by name."""
    keys: dict[str, str] = {}
    for stage in stages:
        keys[stage.name] = key_of(
            stage.name, stage.version, stage.settings(inputs), [keys[name] for name in stage.after]
        )
    return keys


def run_stages(stages: Sequence[Stage], inputs: Inputs, cache: Cache, progress: JobProgress) -> Outcome:
    """All results: from the cache what is there and whole, the rest computed in order and put there."""
    keys = stage_keys(stages, inputs)
    entries = {stage.name: cache.read(stage.result, stage.name, keys[stage.name]) for stage in stages}
    results = {name: entry.result for name, entry in entries.items() if entry is not None}
    progress.expect({stage.name: stage.share for stage in stages if stage.name not in results})
    warnings: list[str] = []
    seconds: dict[str, float] = {}
    for stage in stages:
        entry = entries[stage.name]
        if entry is None:
            entry = _compute(stage, inputs, results, cache, keys[stage.name], progress)
            results[stage.name] = entry.result
        warnings += entry.warnings
        seconds[stage.name] = entry.seconds
    return Outcome(results, keys, tuple(dict.fromkeys(warnings)), seconds)


def _compute(
    stage: Stage, inputs: Inputs, results: Mapping[str, Any], cache: Cache, key: str, progress: JobProgress
) -> CacheEntry:
    reporter = progress.begin(stage.name)
    reporter.progress(0.0)
    started = time.perf_counter()
    result = stage.run(inputs, {name: results[name] for name in stage.after}, reporter)
    entry = CacheEntry(result, tuple(reporter.warnings), round(time.perf_counter() - started, 3))
    cache.write(stage.name, key, entry)
    cache.prune(stage.name)
    return entry
