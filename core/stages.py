"""The stages in order: what each depends on, its settings, and how they are run with the cache.

A stage is a function of the stages before it and of its settings. Its result lies in the reconstruction's cache under a
key made of those, so a run computes only what changed, on whichever device the rest was computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .body.model import BodyModel
from .cache import Cache, CacheEntry, content_key, key_of
from .checkpoint import weights_file
from .clip import Clip
from .contacts import detect, merge
from .contract.contact import Contact
from .contract.edits import Pin
from .contract.errors import UserError
from .geometry.fit import CONTACT_FIT, CONTACT_SOLVE, FIRST_FIT, FIRST_SOLVE, REFINE, REFINE_SOLVE, Fitted, Phase
from .geometry.initial import Initial, initial_motion
from .geometry.windows import fit_clip
from .optimizer.expect import Expected, disagreement, expect
from .optimizer.run import KIND as OPTIMIZER
from .optimizer.run import load_optimizer
from .perception.stage import find_people
from .perception.tracks import Tracks
from .progress import JobProgress
from .report import Reporter
from .semantics.grounding import ground
from .semantics.phrases import hypotheses


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
class ContactList:
    contacts: tuple[Contact, ...]


@dataclass(frozen=True)
class Outcome:
    """Results of all stages, whether computed or found; warnings and seconds are of the runs that computed them."""

    results: dict[str, Any]
    keys: dict[str, str]
    warnings: tuple[str, ...]
    seconds: dict[str, float]


def _perceive(inputs: Inputs, _: Mapping[str, Any], reporter: Reporter) -> Tracks:
    if inputs.clip is None:
        raise cache_missing()
    first, last = inputs.choices.frames
    device = inputs.body.template.device
    return find_people(inputs.clip, first, last, people=inputs.choices.people, device=device, reporter=reporter)


def _initialise(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> Initial:
    return initial_motion(results["perception"], inputs.body, fov=inputs.choices.fov, reporter=reporter)


def _expect(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> Expected:
    """The geometry optimizer's joints; without a network that works, nothing is expected, and the user is told."""
    initial = results["initial"]
    try:
        network = load_optimizer(device=inputs.body.template.device)
        expected = expect(results["perception"], initial, inputs.body, network)
    except UserError as error:
        reporter.warning(f"The motion is fitted without the learned geometry: {error.message} {error.hint}")
        return Expected(initial.motion, None)
    if expected.prior is not None and disagreement(expected.prior, results["perception"], initial.camera.K) > _STRANGE:
        reporter.warning(
            "The learned geometry does not agree with what was seen: this clip is unlike those that it learned from. "
            "The motion is fitted without it."
        )
        return Expected(initial.motion, None)
    return expected


_STRANGE = 0.11
"""Disagreement from which on what is expected is not believed: a little more than the largest of the dev clips (0.104)."""


def _optimizer_weights(_: Inputs) -> str | None:
    path = weights_file(OPTIMIZER)
    return content_key(path) if path.is_file() else None


def _fit(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> Fitted:
    start = replace(results["initial"], motion=results["geometry"].motion)
    return _descend(start, FIRST_FIT, FIRST_SOLVE, inputs, results, reporter)


def _find_contacts(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> ContactList:
    fitted, tracks = results["fit"], results["perception"]
    found = detect(fitted.motion, fitted.camera, inputs.body, tracks.frame_index, tracks.time, fitted.confidence)
    reporter.progress(1.0)
    return ContactList(tuple(found))


def _ground_prompt(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> ContactList:
    return prompted_contacts(inputs.choices.prompt, results["fit"], results["perception"], inputs.body, reporter)


def _ground_new_prompt(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> ContactList:
    return prompted_contacts(inputs.new_prompt, results["contact-fit"], results["perception"], inputs.body, reporter)


def prompted_contacts(prompt: str, fitted: Fitted, tracks: Tracks, body: BodyModel, reporter: Reporter) -> ContactList:
    """The contacts that a prompt asks for, where the fitted motion allows them; warns of what it does not."""
    said = hypotheses(prompt)
    contacts, unmet = ground(
        said, fitted.motion, fitted.camera, body, tracks.frame_index, tracks.time, fitted.confidence
    )
    if prompt and not said:
        reporter.warning("The prompt names no touch that this version knows, so it does not steer the motion.")
    for hypothesis in unmet:
        reporter.warning(
            f"The prompt says \u201c{hypothesis.words}\u201d, but the two never come near enough for it; it was not used."
        )
    reporter.progress(1.0)
    return ContactList(tuple(contacts))


def _fit_contacts(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> Fitted:
    contacts = merge(results["contacts"].contacts, results["prompt-contacts"].contacts)
    return _descend(results["fit"], CONTACT_FIT, CONTACT_SOLVE, inputs, results, reporter, contacts=contacts)


def _refine(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> Fitted:
    edits = {"contacts": merge(results["new-prompt-contacts"].contacts, inputs.contacts), "pins": inputs.pins}
    return _descend(results["contact-fit"], REFINE, REFINE_SOLVE, inputs, results, reporter, fixed_shape=True, **edits)


def _descend(
    start: Initial | Fitted,
    phases: Sequence[Phase],
    with_prior: Sequence[Phase],
    inputs: Inputs,
    results: Mapping[str, Any],
    reporter: Reporter,
    **options: Any,
) -> Fitted:
    """Fit to what was seen and what is expected, from where another stage left off."""
    prior = results["geometry"].prior
    return fit_clip(
        start.motion,
        start.camera,
        start.planted,
        results["perception"],
        inputs.body,
        phases=phases if prior is None else with_prior,
        prior=prior,
        reporter=reporter,
        **options,
    )


def _edits_key(inputs: Inputs) -> list[Any]:
    # measured distances are not what the user asked for
    contacts = [contact.with_distance(None).to_json() for contact in inputs.contacts]
    return [contacts, [pin.to_json() for pin in inputs.pins]]


PERCEPTION = Stage(
    "perception",
    (),
    1,
    Tracks,
    100,
    lambda inputs: [inputs.choices.clip, inputs.choices.frames, inputs.choices.people],
    _perceive,
)
INITIAL = Stage(
    "initial", ("perception",), 1, Initial, 1, lambda inputs: [inputs.choices.fov, inputs.choices.body], _initialise
)
GEOMETRY = Stage("geometry", ("perception", "initial"), 2, Expected, 3, _optimizer_weights, _expect)
FIT = Stage("fit", ("perception", "initial", "geometry"), 2, Fitted, 55, lambda inputs: None, _fit)
CONTACTS = Stage("contacts", ("perception", "fit"), 1, ContactList, 7, lambda inputs: None, _find_contacts)
PROMPT = Stage(
    "prompt-contacts", ("perception", "fit"), 1, ContactList, 3, lambda inputs: inputs.choices.prompt, _ground_prompt
)
CONTACT_STAGE = Stage(
    "contact-fit",
    ("perception", "geometry", "fit", "contacts", "prompt-contacts"),
    2,
    Fitted,
    25,
    lambda inputs: None,
    _fit_contacts,
)
NEW_PROMPT = Stage(
    "new-prompt-contacts",
    ("perception", "contact-fit"),
    1,
    ContactList,
    3,
    lambda inputs: inputs.new_prompt,
    _ground_new_prompt,
)
REFINE_STAGE = Stage(
    "refine", ("perception", "geometry", "contact-fit", "new-prompt-contacts"), 2, Fitted, 16, _edits_key, _refine
)

RECONSTRUCT_STAGES = (PERCEPTION, INITIAL, GEOMETRY, FIT, CONTACTS, PROMPT, CONTACT_STAGE)
REFINE_STAGES = (*RECONSTRUCT_STAGES, NEW_PROMPT, REFINE_STAGE)
"""Of these all but the last usually come from the cache."""


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


def cache_missing() -> UserError:
    """What `refine` says where the 2D results are gone."""
    return UserError(
        "cache-missing",
        "What was seen in the clip is not in this folder's cache any more.",
        "Reconstruct the clip again; then it can be refined.",
    )
