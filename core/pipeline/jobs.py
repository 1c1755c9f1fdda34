"""The two jobs: reconstruct a clip into a folder, and refine what a folder holds.

Nothing but the cache is written before everything has succeeded; then all files of the result change at once.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..body.files import load_body
from ..body.mesh import body_arrays
from ..body.model import BodyModel
from ..clip import Clip, parse_range, probe
from ..contacts import measure_contacts, merge_contacts
from ..contract.contact import Contact
from ..contract.edits import Edits
from ..contract.errors import UserError
from ..contract.reconstruction import (
    MOST_TAKES,
    TAKES_FOLDER,
    USUAL_SMOOTHNESS,
    BodyArrays,
    Info,
    MotionArrays,
    Person,
    Reconstruction,
    Scores,
    Take,
    best_of,
    load_info,
    save,
)
from ..device import choose_device, limit_threads
from ..fitting.fit import FittedMotion
from ..motion import pose_motion
from ..perception.detections import Detections
from ..progress import JobProgress, Listener
from ..scores import score
from .cache import Cache, content_key, key_of
from .stage import Choices, Inputs, Outcome, Stage, run_stages, stage_keys
from .stages import RECONSTRUCT_STAGES, REFINE_STAGES, cache_missing, was_filled_in
from .workspace import CACHE_FOLDER, workspace

_PERSON_NAMES = ("Person A", "Person B")


@dataclass(frozen=True)
class Request:
    """What the user asks of `reconstruct`."""

    clip: Path
    frames: str = ":"
    """As `clip.parse_range` reads it; the whole clip unless said otherwise."""
    people: tuple[int, int] | None = None
    """Numbers of the two among everyone found, None for the two most prominent."""
    prompt: str | None = None
    takes: int = 1
    seed: int = 0
    smoothness: float | None = None
    """How far takes are calmed, 0-1; None: as usual."""
    device: str = "auto"
    body: Path | None = None
    fov: float | None = None
    """Horizontal field of view in degrees, None where it is not known."""


@dataclass(frozen=True)
class RefineRequest:
    """What the user asks of `refine`."""

    edits: Edits = field(default_factory=Edits)
    prompt: str | None = None
    takes: int = 1
    seed: int = 0
    device: str = "auto"
    smoothness: float | None = None
    """None: as the take that is refined."""


def reconstruct(request: Request, folder: Path, listener: Listener) -> Take:
    """Run the whole pipeline on a clip, for every take from another seed; the best becomes the folder's active take.

    Takes of the same clip, range, people, camera and body stay beside them; those of anything else give way. Raises
    UserError where the user can do something about it, Cancelled where the listener asks to stop; what the folder held
    before is untouched then.
    """
    _check(request.takes, request.smoothness)
    device = _device(request.device)
    body = load_body(request.body)
    clip = probe(request.clip)
    frames = parse_range(request.frames, clip)
    prompt = (request.prompt or "").strip()
    choices = Choices(content_key(request.clip), frames, request.people, request.fov, body.identity, prompt)
    with workspace(folder):
        before = _replaceable(folder)
        progress = JobProgress(listener)
        smoothness = USUAL_SMOOTHNESS if request.smoothness is None else request.smoothness
        inputs = Inputs(choices, body.to(device), clip, smoothness=smoothness)
        each = [replace(inputs, seed=request.seed + number) for number in range(request.takes)]
        job = _Job(RECONSTRUCT_STAGES, "infill", "fit", "contact-fit", _found_contacts)
        made, detections = _make_takes(job, each, Cache(folder / CACHE_FOLDER), progress)
        kept = before.takes if before is not None and _of_one_clip(_choices(before), choices) else ()
        result_keys = [key_of(one.key, prompt) for one in made]
        free = _free_names(folder)
        names = [_same_take(folder, kept, key) or next(free) for key in result_keys]
        takes = _takes(made, names, prompt, request.seed, "reconstruct")
        infos = [
            Info(
                clip=_clip_record(clip, detections),
                people=_people(detections, body_arrays(inputs.body, torch.from_numpy(one.fitted.motion.betas))),
                body={"id": body.identity, "path": "default" if request.body is None else str(request.body.absolute())},
                prompt=prompt or one.caption,
                prompt_source="user" if prompt else ("captioner" if one.caption else "none"),
                contacts=one.contacts,
                take=take.id,
                takes=_with_takes(kept, takes),
                warnings=(*one.warnings, *progress.warnings),
                seed=take.seed,
                device=str(device),
                versions=_versions(),
                seconds=one.seconds,
                settings=_settings(choices, result_key, take.seed, smoothness, smoothness),
            )
            for one, take, result_key in zip(made, takes, result_keys)
        ]
        best = best_of(takes)
        _save(folder, inputs.body, detections, made, infos, best, progress)
        _drop_takes(folder, infos[0])
        return best


def refine(request: RefineRequest, folder: Path, listener: Listener) -> Take:
    """Fit again with edited contacts and pins, from the cache of a finished reconstruction; add a take for every seed.

    It goes on from what the active take was reconstructed as. Never decodes video or runs 2D networks: UserError
    `cache-missing` where their results are gone.
    """
    _check(request.takes, request.smoothness)
    device = _device(request.device)
    load_info(folder)  # before anything is made in a folder that is none of ours
    with workspace(folder):
        before = load_info(folder)
        choices = _choices(before)
        if choices is None:
            raise cache_missing()
        body = _same_body(before, choices)
        wish = _wish(before, choices, request)
        base_seed, base_smoothness = _base_seed(before), _smoothness(before, "base_smoothness")
        smoothness = _smoothness(before, "smoothness") if request.smoothness is None else request.smoothness
        inputs = Inputs(
            choices, body.to(device), None, wish.contacts, request.edits.pins, wish.new_prompt, base_seed,
            smoothness=base_smoothness, new_smoothness=smoothness,
        )  # fmt: skip
        progress = JobProgress(listener)
        _warn_of_edits_outside(inputs, progress)
        each = [replace(inputs, new_seed=request.seed + number) for number in range(request.takes)]
        job = _Job(REFINE_STAGES, "infill-again", "contact-fit", "refine", _edited_contacts)
        made, detections = _make_takes(job, each, Cache(folder / CACHE_FOLDER), progress)
        said = wish.prompt if wish.prompt_source == "user" else ""
        takes = _takes(made, _free_names(folder), said, request.seed, "refine")
        infos = [
            replace(
                before,
                prompt=wish.prompt,
                prompt_source=wish.prompt_source,
                contacts=one.contacts,
                take=take.id,
                takes=_with_takes(before.takes, takes),
                warnings=(*one.warnings, *progress.warnings),
                seed=take.seed,
                device=str(device),
                versions=_versions(),
                seconds=one.seconds,
                settings=_settings(choices, key_of(one.key, wish.prompt), base_seed, base_smoothness, smoothness),
            )
            for one, take in zip(made, takes)
        ]
        best = best_of(takes)
        _save(folder, inputs.body, detections, made, infos, best, progress)
        return best


@dataclass(frozen=True)
class _Job:
    """The stages of one take, and where in them its parts are."""

    stages: Sequence[Stage]
    filled: str
    """The stage that fills in what is hidden ..."""
    before: str
    """... of this stage's motion."""
    last: str
    contacts: Callable[[Inputs, Mapping[str, Any]], Sequence[Contact]]


@dataclass(frozen=True)
class _Made:
    """A take before it is saved."""

    fitted: FittedMotion
    contacts: tuple[Contact, ...]
    scores: Scores
    caption: str
    filled: bool
    """Whether the seed had a part in it."""
    key: str
    warnings: tuple[str, ...]
    seconds: dict[str, float]


def _make_takes(
    job: _Job, each: Sequence[Inputs], cache: Cache, progress: JobProgress
) -> tuple[list[_Made], Detections]:
    """A take for each of the inputs, and what was seen; only one where the seed changes nothing. Nothing but the cache is
    written."""
    made: list[_Made] = []
    detections = None
    for number, (inputs, (first, last)) in enumerate(zip(each, _shares_of_progress(job.stages, each, cache))):
        progress.fill(first, last, f"take {number + 1} of {len(each)}" if len(each) > 1 else "")
        outcome = run_stages(job.stages, inputs, cache, progress)
        detections = outcome.results["perception"] if detections is None else detections
        one = _made(job, inputs, outcome)
        if any(_same_motion(one.fitted, other.fitted) for other in made):
            break
        made.append(one)
        if not one.filled:
            break
        progress.check()
    assert detections is not None  # there is at least one take
    if len(made) < len(each):
        progress.warn(_too_few(made, len(each)))
    return made, detections


def _made(job: _Job, inputs: Inputs, outcome: Outcome) -> _Made:
    results = outcome.results
    fitted, detections = results[job.last], results["perception"]
    contacts = measure_contacts(job.contacts(inputs, results), fitted.motion, inputs.body, detections.frame_index)
    return _Made(
        fitted=fitted,
        contacts=tuple(contacts),
        scores=score(fitted, detections, inputs.body, contacts),
        caption=results["caption"].sentence,
        filled=was_filled_in(results[job.filled], results[job.before]),
        key=outcome.keys[job.last],
        warnings=outcome.warnings,
        seconds=outcome.seconds,
    )


def _takes(made: Sequence[_Made], names: Iterable[str], prompt: str, first_seed: int, origin: str) -> list[Take]:
    return [
        Take(name, prompt, first_seed + number, one.fitted.energy, origin, one.scores)
        for number, (name, one) in enumerate(zip(names, made))
    ]


def _found_contacts(_: Inputs, results: Mapping[str, Any]) -> Sequence[Contact]:
    return merge_contacts(results["contacts"].contacts, results["prompt-contacts"].contacts)


def _edited_contacts(inputs: Inputs, results: Mapping[str, Any]) -> Sequence[Contact]:
    return merge_contacts(results["new-prompt-contacts"].contacts, inputs.contacts)


def _shares_of_progress(stages: Sequence[Stage], each: Sequence[Inputs], cache: Cache) -> list[tuple[float, float]]:
    """From where to where the whole work goes with each take: what lies in the cache, or an earlier take puts there, takes
    no time. What is there counts as used, so that one take does not throw out what another needs."""
    there: set[str] = set()
    costs = []
    for inputs in each:
        keys = stage_keys(stages, inputs)
        needed = [stage for stage in stages if not cache.use(stage.name, keys[stage.name])]
        costs.append(sum(stage.share for stage in needed if keys[stage.name] not in there))
        there.update(keys.values())
    ends = np.cumsum([0.0, *costs]) / (sum(costs) or 1.0)
    return [(float(first), float(last)) for first, last in zip(ends, ends[1:])]


def _same_motion(one: FittedMotion, other: FittedMotion) -> bool:
    return all(
        np.allclose(getattr(one.motion, name), getattr(other.motion, name), atol=_SAME)
        for name in ("body_pose", "global_orient", "pelvis")
    )


_SAME = 1e-4
"""radians, metres: less than a seed changes, more than the order of a sum does."""


def _too_few(made: Sequence[_Made], wanted: int) -> str:
    why = (
        "nothing is made anew away from your changes" if made[0].filled else "no learned model filled in what is hidden"
    )
    return f"One take was made instead of {wanted}: {why}, so every seed gives the same motion."


def _save(
    folder: Path,
    body: BodyModel,
    detections: Detections,
    made: Sequence[_Made],
    infos: Sequence[Info],
    best: Take,
    progress: JobProgress,
) -> None:
    """All takes or none, the best as the active one."""
    active = next(number for number, info in enumerate(infos) if info.take == best.id)
    motions = [motion_arrays(one.fitted, detections, body) for one in made]
    bodies = body_arrays(body, torch.from_numpy(made[active].fitted.motion.betas))
    others = [pair for number, pair in enumerate(zip(motions, infos)) if number != active]
    save(folder, Reconstruction(motions[active], bodies, infos[active]), progress.check, others=others)


@dataclass(frozen=True)
class _Wish:
    """What is to hold of a take that is refined."""

    prompt: str
    prompt_source: str
    new_prompt: str
    """For the stages: empty where the take's reconstruction had these very words, or nobody said any."""
    contacts: tuple[Contact, ...]


def _wish(before: Info, choices: Choices, request: RefineRequest) -> _Wish:
    """A prompt that is given takes the place of the old one, unless it is the same; a caption never steers."""
    edits = request.edits
    given = edits.prompt if request.prompt is None else request.prompt
    given = before.prompt if given is None else given.strip()
    contacts = before.contacts if edits.contacts is None else edits.contacts
    if given != before.prompt:
        source = "user" if given else "none"
        contacts = tuple(contact for contact in contacts if not _of_the_old_prompt(contact))
    else:
        source = before.prompt_source
        contacts = (*contacts, *_taken_away(before.contacts, contacts))
    said = given if source == "user" else ""
    return _Wish(given, source, said if said != choices.prompt else "", contacts)


def _of_the_old_prompt(contact: Contact) -> bool:
    """What only the words asked for goes with them; what the user has judged since stays."""
    return contact.source == "prompt" and contact.state == "auto"


def _taken_away(before: Sequence[Contact], now: Sequence[Contact]) -> list[Contact]:
    """Contacts of the prompt that the user has deleted while the words stayed: rejected, or the words would bring them back."""
    there = {contact.id for contact in now}
    return [
        replace(contact, state="rejected")
        for contact in before
        if contact.source == "prompt" and contact.id not in there
    ]


def _settings(
    choices: Choices, result_key: str, base_seed: int, base_smoothness: float, smoothness: float
) -> dict[str, Any]:
    """What a take was made of, for `refine` to go on from; `base_...` of the take that it goes back to."""
    return {
        "choices": choices.to_json(),
        "result_key": result_key,
        "base_seed": base_seed,
        "base_smoothness": base_smoothness,
        "smoothness": smoothness,
    }


def _base_seed(info: Info) -> int:
    """The seed that the active take was reconstructed with, whatever it was refined with since."""
    seed = info.settings.get("base_seed", 0)
    return seed if isinstance(seed, int) else 0


def _smoothness(info: Info, name: str) -> float:
    """As the active take has it; the usual one for takes of older versions."""
    value = info.settings.get(name, USUAL_SMOOTHNESS)
    return float(value) if isinstance(value, int | float) else USUAL_SMOOTHNESS


def motion_arrays(fitted: FittedMotion, detections: Detections, body: BodyModel) -> MotionArrays:
    """The motion of a fit with its camera and evidence, as it is written."""
    posed = pose_motion(body, fitted.motion)
    people, frames = fitted.motion.pelvis.shape[:2]

    def single(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array, np.float32)

    return MotionArrays(
        frame_index=detections.frame_index.astype(np.int32),
        time=detections.time.astype(np.float64),
        body_pose=single(fitted.motion.body_pose),
        global_orient=single(fitted.motion.global_orient),
        pelvis=single(fitted.motion.pelvis),
        left_hand_pose=single(fitted.motion.left_hand_pose),
        right_hand_pose=single(fitted.motion.right_hand_pose),
        jaw_pose=np.zeros((people, frames, 3), np.float32),
        betas=single(fitted.motion.betas),
        joints=single(posed.joints.cpu().numpy()),
        keypoints=single(detections.keypoints),
        confidence=single(fitted.confidence),
        camera_K=single(np.broadcast_to(fitted.camera.K, (frames, 3, 3))),
        camera_world=single(np.broadcast_to(fitted.camera.T_cw, (frames, 4, 4))),
        rest_joints=single(posed.rest[:, 0].cpu().numpy()),
    )


def _device(choice: str) -> torch.device:
    limit_threads()
    return choose_device(choice)


def _replaceable(folder: Path) -> Info | None:
    """What the folder holds, None where it holds nothing or something damaged; UserError where it is too new for us."""
    try:
        return load_info(folder)
    except UserError as error:
        if error.code == "schema-too-new":
            raise
        return None


def _choices(info: Info) -> Choices | None:
    try:
        return Choices.from_json(info.settings["choices"])
    except (KeyError, TypeError, IndexError):
        return None


def _same_body(before: Info, choices: Choices) -> BodyModel:
    path = before.body.get("path", "default")
    body = load_body(None if path == "default" else Path(path))
    if body.identity != choices.body:
        raise UserError(
            "body-changed",
            f"The body of this reconstruction was {choices.body}, now there is {body.identity}.",
            "Put the old file back, or reconstruct the clip again.",
        )
    return body


def _of_one_clip(before: Choices | None, now: Choices) -> bool:
    """Whether takes of both may lie side by side: the same but for the words."""
    return before is not None and replace(before, prompt=now.prompt) == now


def _check(takes: int, smoothness: float | None) -> None:
    if not 1 <= takes <= MOST_TAKES:
        raise UserError("bad-takes", f"{takes} takes were asked for.", f"Ask for 1 to {MOST_TAKES} at a time.")
    if smoothness is not None and not 0 <= smoothness <= 1:
        raise UserError("bad-smoothness", f"A smoothness of {smoothness:g} was asked for.", "Ask for 0 to 1.")


def _warn_of_edits_outside(inputs: Inputs, progress: JobProgress) -> None:
    first, last = inputs.choices.frames
    outside = sum(not first <= pin.frame <= last for pin in inputs.pins)
    if outside:
        progress.warn(f"{outside} pinned keys lie outside frames {first} to {last} and have no effect.")
    outside = sum(contact.frame_end < first or contact.frame_start > last for contact in inputs.contacts)
    if outside:
        progress.warn(f"{outside} contacts lie outside frames {first} to {last} and have no effect.")


def _clip_record(clip: Clip, detections: Detections) -> dict[str, Any]:
    return {
        "path": str(clip.path.absolute()),
        "width": clip.width,
        "height": clip.height,
        "frame_rate": clip.frame_rate,
        "frames": [int(detections.frame_index[0]), int(detections.frame_index[-1])],
    }


def _people(detections: Detections, bodies: BodyArrays) -> tuple[Person, ...]:
    heights = np.ptp(bodies.rest_vertices[:, :, 1], axis=1)
    return tuple(
        Person(index, name, int(track), round(float(height), 3))
        for index, (name, track, height) in enumerate(zip(_PERSON_NAMES, detections.track_ids, heights))
    )


def _versions() -> dict[str, str]:
    packages = {name: metadata.version(name) for name in ("torch", "numpy", "opencv-python-headless")}
    return {"socialmirror": __version__, "python": platform.python_version(), **packages}


def _free_names(folder: Path) -> Iterator[str]:
    """The unused of take-001, take-002, ..., after all that are used."""
    used = [path.stem.removeprefix("take-") for path in (folder / TAKES_FOLDER).glob("take-*.npz")]
    first = max((int(number) for number in used if number.isdigit()), default=0) + 1
    return (f"take-{number:03d}" for number in count(first))


def _same_take(folder: Path, takes: Sequence[Take], result_key: str) -> str | None:
    """The id of the take that has this very result already."""
    for take in takes:
        try:
            settings = load_info(folder, take.id).settings
        except UserError:
            continue
        if settings.get("result_key") == result_key:
            return take.id
    return None


def _with_takes(kept: Sequence[Take], made: Sequence[Take]) -> tuple[Take, ...]:
    """The takes with those that were made in their old places, or last where they are new."""
    return tuple(({take.id: take for take in kept} | {take.id: take for take in made}).values())


def _drop_takes(folder: Path, info: Info) -> None:
    """Remove the files of takes that the reconstruction does not list any more."""
    listed = {take.id for take in info.takes}
    for path in (folder / TAKES_FOLDER).glob("take-*.*"):
        if path.stem not in listed:
            with suppress(OSError):  # another program may hold it; nothing refers to it any more
                path.unlink()
