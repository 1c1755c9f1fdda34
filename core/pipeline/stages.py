"""The stages in order, each a small function from what it reads to its result: see `core.pipeline.stage` for what a stage is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ..body.model import BodyModel
from ..checkpoint import weights_file
from ..contacts import detect_contacts, merge_contacts
from ..contract.contact import Contact
from ..contract.errors import UserError
from ..fitting.fit import CONTACT_FIT, CONTACT_SOLVE, FIRST_FIT, FIRST_SOLVE, REFINE, REFINE_SOLVE, FittedMotion, Phase
from ..fitting.initial import InitialMotion, estimate_initial_motion
from ..fitting.windows import fit_clip
from ..infilling.infiller import KIND as INFILLER
from ..infilling.infiller import load_infiller
from ..infilling.sampling import SamplingSettings
from ..motion import PairMotion
from ..perception.detections import Detections
from ..perception.perceive import detect_people
from ..reporting import Reporter
from ..semantics.captioner import annotate_motion
from ..semantics.encoder import TEXT_SIZE, SentenceEncoder, encoder_file, load_cached_encoder
from ..semantics.grounding import ground_hypotheses
from ..semantics.prompt_parser import parse_prompt
from ..smoothing.smooth import KIND as REFINER
from ..smoothing.smooth import load_smoother
from ..stgcn.inference import KIND as OPTIMIZER
from ..stgcn.inference import load_stgcn
from ..stgcn.predict import JointPrediction, predict_joints
from .cache import content_key
from .stage import Inputs, Stage
from .take import Constraints, InfilledMotion, LearnedModels, TakeSettings, infill_clip, resample


@dataclass(frozen=True)
class ContactList:
    contacts: tuple[Contact, ...]


@dataclass(frozen=True)
class Sentence:
    """What is said of a clip, as numbers."""

    vector: np.ndarray
    """float32 [384]; zeros where nothing is said."""

    def text(self, device: torch.device) -> torch.Tensor | None:
        return torch.from_numpy(self.vector).to(device) if self.vector.any() else None


@dataclass(frozen=True)
class Caption:
    """What the reconstructed motion shows, in a sentence; empty where nothing can be said."""

    sentence: str


def _perceive(inputs: Inputs, _: Mapping[str, Any], reporter: Reporter) -> Detections:
    if inputs.clip is None:
        raise cache_missing()
    first, last = inputs.choices.frames
    device = inputs.body.device
    return detect_people(inputs.clip, first, last, people=inputs.choices.people, device=device, reporter=reporter)


def _initialise(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> InitialMotion:
    return estimate_initial_motion(results["perception"], inputs.body, fov=inputs.choices.fov, reporter=reporter)


def _read_prompt(inputs: Inputs, _: Mapping[str, Any], reporter: Reporter) -> Sentence:
    return _encoded(inputs, inputs.choices.prompt, reporter)


def _read_new_prompt(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> Sentence:
    """The new words, or those that the clip was reconstructed with."""
    return _encoded(inputs, inputs.new_prompt, reporter) if inputs.new_prompt else results["sentence"]


def _encoded(inputs: Inputs, prompt: str, reporter: Reporter) -> Sentence:
    if not prompt or "text" in inputs.without:
        return Sentence(np.zeros(TEXT_SIZE, np.float32))
    try:
        return Sentence(_encoder(inputs.body.device).encode([prompt])[0])
    except UserError as error:
        reporter.warning(f"Of the prompt only the touches that it names are used: {error.message} {error.hint}")
        return Sentence(np.zeros(TEXT_SIZE, np.float32))


@lru_cache(maxsize=1)
def _encoder(device: torch.device) -> SentenceEncoder:
    """Loaded once: that takes longer than all sentences."""
    return load_cached_encoder(device)


def _expect(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> JointPrediction:
    """The geometry optimizer's joints; without a network that works, nothing is expected, and the user is told."""
    initial, device = results["initial"], inputs.body.device
    if "geometry" in inputs.without:
        return JointPrediction(initial.motion, None)
    try:
        network = load_stgcn(device=device)
        expected = predict_joints(
            results["perception"], initial, inputs.body, network, results["sentence"].text(device)
        )
    except UserError as error:
        reporter.warning(f"The motion is fitted without the learned geometry: {error.message} {error.hint}")
        return JointPrediction(initial.motion, None)
    if expected.keypoint_residual > _STRANGE:
        reporter.warning(
            "The learned geometry does not agree with what was seen: this clip is unlike those that it learned from. "
            "The motion is fitted without it."
        )
        return JointPrediction(initial.motion, None)
    return expected


_STRANGE = 0.12
"""Disagreement from which on what is expected is not believed: a little more than the largest of the dev clips (0.115)."""


def _fit(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> FittedMotion:
    start = replace(results["initial"], motion=results["geometry"].motion)
    prior = results["geometry"].prior
    return _descend(start, FIRST_FIT if prior is None else FIRST_SOLVE, prior, inputs, results, reporter)


def _find_contacts(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> ContactList:
    fitted, detections = results["fit"], results["perception"]
    found = detect_contacts(
        fitted.motion, fitted.camera, inputs.body, detections.frame_index, detections.time, fitted.confidence
    )
    reporter.progress(1.0)
    return ContactList(tuple(found))


def _ground_prompt(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> ContactList:
    return prompted_contacts(inputs.choices.prompt, results["fit"], results["perception"], inputs.body, reporter)


def _ground_new_prompt(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> ContactList:
    return prompted_contacts(inputs.new_prompt, results["contact-fit"], results["perception"], inputs.body, reporter)


def prompted_contacts(
    prompt: str, fitted: FittedMotion, detections: Detections, body: BodyModel, reporter: Reporter
) -> ContactList:
    """The contacts that a prompt asks for, where the fitted motion allows them; warns of what it does not."""
    said = parse_prompt(prompt)
    contacts, unmet = ground_hypotheses(
        said, fitted.motion, fitted.camera, body, detections.frame_index, detections.time, fitted.confidence
    )
    for hypothesis in unmet:
        reporter.warning(
            f"The prompt says \u201c{hypothesis.clause}\u201d, but the two never come near enough for it; it was not used."
        )
    reporter.progress(1.0)
    return ContactList(tuple(contacts))


def _infill(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> InfilledMotion:
    """A take from noise; where that cannot be, the fitted motion goes on as it is."""
    fitted, geometry = results["fit"], results["geometry"]
    unchanged = InfilledMotion(fitted.motion, geometry.prior)
    networks = _networks(inputs, geometry, reporter)
    if networks is None:
        return unchanged
    contacts = merge_contacts(results["contacts"].contacts, results["prompt-contacts"].contacts)
    wishes = Constraints(contacts, text=results["sentence"].text(inputs.body.device))
    try:
        return infill_clip(
            networks,
            results["perception"],
            results["initial"],
            geometry,
            fitted,
            inputs.body,
            wishes,
            _making(inputs, inputs.seed, inputs.smoothness),
            reporter=reporter,
        )
    except UserError as error:
        reporter.warning(f"Hidden motion is the fit's alone: {error.message} {error.hint}")
        return unchanged


def _infill_again(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> InfilledMotion:
    """From the last take on, around what was edited."""
    last, geometry = results["contact-fit"], results["geometry"]
    unchanged = InfilledMotion(last.motion, geometry.prior)
    networks = _networks(inputs, geometry, reporter)
    if networks is None:
        return unchanged
    contacts = merge_contacts(results["new-prompt-contacts"].contacts, inputs.contacts)
    wishes = Constraints(contacts, inputs.pins, results["new-sentence"].text(inputs.body.device))
    try:
        return resample(
            networks,
            results["perception"],
            results["initial"],
            geometry,
            last,
            inputs.body,
            wishes,
            _making(inputs, inputs.new_seed, inputs.new_smoothness, _RENEWED),
            everywhere=bool(inputs.new_prompt),
            calmer=max(0.0, inputs.new_smoothness - inputs.smoothness),
            reporter=reporter,
        )
    except UserError as error:
        reporter.warning(f"Hidden motion is the last take's: {error.message} {error.hint}")
        return unchanged


_RENEWED = 0.5
"""Share of the sampling's steps that is done anew when a take is refined."""
_TEMPERATURE = 0.7
"""Of takes with a seed of their own; that of seed 0 is the most likely one."""


def _making(inputs: Inputs, seed: int, smoothness: float, strength: float = 1.0) -> TakeSettings:
    sampling = SamplingSettings(seed=seed, temperature=_TEMPERATURE if seed else 0.0, strength=strength)
    return TakeSettings(sampling, "guidance" not in inputs.without, smoothness)


def was_filled_in(filled: InfilledMotion, before: FittedMotion) -> bool:
    """Whether an infiller took part: where none could, the motion is what it was before."""
    return any(
        not np.array_equal(getattr(filled.motion, item.name), getattr(before.motion, item.name))
        for item in fields(PairMotion)
    )


def _networks(inputs: Inputs, geometry: JointPrediction, reporter: Reporter) -> LearnedModels | None:
    """None where no infiller can run, or nothing learned is to be believed of this clip, which the user was told."""
    left_out, device = inputs.without, inputs.body.device
    if "infiller" in left_out or (geometry.prior is None and "geometry" not in left_out):
        return None
    try:
        infiller = load_infiller(device=device)
    except UserError as error:
        reporter.warning(f"Hidden motion is the fit's alone: {error.message} {error.hint}")
        return None
    refiner = None
    if "refiner" not in left_out:
        try:
            refiner = load_smoother(device=device)
        except UserError as error:
            reporter.warning(f"The motion is not smoothed by the learned refiner: {error.message} {error.hint}")
    return LearnedModels(infiller, refiner)


def _fit_contacts(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> FittedMotion:
    contacts = merge_contacts(results["contacts"].contacts, results["prompt-contacts"].contacts)
    filled = results["infill"]
    start = replace(results["fit"], motion=filled.motion)
    phases = CONTACT_FIT if filled.prior is None else CONTACT_SOLVE
    shared = was_filled_in(filled, results["fit"])  # takes share bodies and floor, so that they can be exchanged
    return _descend(start, phases, filled.prior, inputs, results, reporter, contacts=contacts, fixed_shape=shared)


def _caption(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> Caption:
    """Where the user says nothing, the geometry says what it sees."""
    if inputs.choices.prompt:
        return Caption("")
    fitted, detections = results["contact-fit"], results["perception"]
    said = annotate_motion(
        fitted.motion, fitted.camera, inputs.body, detections.frame_index, detections.time, fitted.confidence
    )
    reporter.progress(1.0)
    return Caption(said)


def _refine(inputs: Inputs, results: Mapping[str, Any], reporter: Reporter) -> FittedMotion:
    filled = results["infill-again"]
    edits = {"contacts": merge_contacts(results["new-prompt-contacts"].contacts, inputs.contacts), "pins": inputs.pins}
    start = replace(results["contact-fit"], motion=filled.motion)
    phases = REFINE if filled.prior is None else REFINE_SOLVE
    return _descend(start, phases, filled.prior, inputs, results, reporter, fixed_shape=True, **edits)


def _descend(
    start: InitialMotion | FittedMotion,
    phases: Sequence[Phase],
    prior: Any,
    inputs: Inputs,
    results: Mapping[str, Any],
    reporter: Reporter,
    **options: Any,
) -> FittedMotion:
    """Fit to what was seen and what is expected, from where another stage left off."""
    return fit_clip(
        start.motion,
        start.camera,
        start.foot_contact,
        results["perception"],
        inputs.body,
        phases=phases,
        prior=prior,
        reporter=reporter,
        **options,
    )


def _weights(*kinds: str) -> list[str | None]:
    """What of each file of weights a result depends on; None for one that is not there."""
    return [content_key(path) if (path := weights_file(kind)).is_file() else None for kind in kinds]


def _text_key(inputs: Inputs, prompt: str) -> list[Any]:
    if not prompt or "text" in inputs.without:
        return []
    file = encoder_file()
    return [prompt, content_key(file) if file.is_file() else None]


def _filling_key(inputs: Inputs, seed: int, smoothness: float) -> list[Any]:
    """Without an infiller every seed gives the same, and there is nothing to smooth."""
    left_out = sorted(inputs.without & {"geometry", "infiller", "guidance", "refiner"})
    weights = _weights(INFILLER, REFINER, OPTIMIZER)
    return [left_out, weights, [seed, smoothness] if weights[0] and "infiller" not in left_out else []]


def _edits_key(inputs: Inputs) -> list[Any]:
    # measured distances are not what the user asked for
    contacts = [contact.with_distance(None).to_json() for contact in inputs.contacts]
    return [contacts, [pin.to_json() for pin in inputs.pins]]


PERCEPTION = Stage(
    "perception",
    (),
    1,
    Detections,
    100,
    lambda inputs: [inputs.choices.clip, inputs.choices.frames, inputs.choices.people],
    _perceive,
)
INITIAL = Stage(
    "initial",
    ("perception",),
    1,
    InitialMotion,
    1,
    lambda inputs: [inputs.choices.fov, inputs.choices.body],
    _initialise,
)
SENTENCE = Stage("sentence", (), 1, Sentence, 4, lambda inputs: _text_key(inputs, inputs.choices.prompt), _read_prompt)
GEOMETRY = Stage(
    "geometry",
    ("perception", "initial", "sentence"),
    4,
    JointPrediction,
    3,
    lambda inputs: ["geometry" in inputs.without, _weights(OPTIMIZER)],
    _expect,
)
FIT = Stage("fit", ("perception", "initial", "geometry"), 3, FittedMotion, 40, lambda inputs: None, _fit)
CONTACTS = Stage("contacts", ("perception", "fit"), 1, ContactList, 7, lambda inputs: None, _find_contacts)
PROMPT = Stage(
    "prompt-contacts", ("perception", "fit"), 1, ContactList, 3, lambda inputs: inputs.choices.prompt, _ground_prompt
)
INFILL = Stage(
    "infill",
    ("perception", "initial", "sentence", "geometry", "fit", "contacts", "prompt-contacts"),
    1,
    InfilledMotion,
    25,
    lambda inputs: _filling_key(inputs, inputs.seed, inputs.smoothness),
    _infill,
)
CONTACT_STAGE = Stage(
    "contact-fit",
    ("perception", "fit", "contacts", "prompt-contacts", "infill"),
    4,
    FittedMotion,
    25,
    lambda inputs: None,
    _fit_contacts,
)
CAPTION = Stage(
    "caption", ("perception", "contact-fit"), 1, Caption, 3, lambda inputs: bool(inputs.choices.prompt), _caption
)
NEW_SENTENCE = Stage(
    "new-sentence", ("sentence",), 1, Sentence, 4, lambda inputs: _text_key(inputs, inputs.new_prompt), _read_new_prompt
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
INFILL_AGAIN = Stage(
    "infill-again",
    ("perception", "initial", "geometry", "contact-fit", "new-sentence", "new-prompt-contacts"),
    1,
    InfilledMotion,
    12,
    lambda inputs: [*_filling_key(inputs, inputs.new_seed, inputs.new_smoothness), *_edits_key(inputs)],
    _infill_again,
)
REFINE_STAGE = Stage(
    "refine",
    ("perception", "contact-fit", "new-prompt-contacts", "infill-again"),
    4,
    FittedMotion,
    16,
    _edits_key,
    _refine,
)

RECONSTRUCT_STAGES = (
    PERCEPTION, INITIAL, SENTENCE, GEOMETRY, FIT, CONTACTS, PROMPT, INFILL, CONTACT_STAGE, CAPTION,
)  # fmt: skip
REFINE_STAGES = (*RECONSTRUCT_STAGES, NEW_SENTENCE, NEW_PROMPT, INFILL_AGAIN, REFINE_STAGE)
"""Of these all but the last usually come from the cache."""


def cache_missing() -> UserError:
    """What `refine` says where the 2D results are gone."""
    return UserError(
        "cache-missing",
        "What was seen in the clip is not in this folder's cache any more.",
        "Reconstruct the clip again; then it can be refined.",
    )
