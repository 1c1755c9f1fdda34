"""The two jobs: reconstruct a clip into a folder, and refine what a folder holds.

Nothing but the cache is written before everything has succeeded; then all files of the result change at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..annotator.generator import AnnotatorUnavailable
from ..body.files import load_body
from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.errors import UserError
from ..contract.fields import Fields
from ..contract.limits import MAX_SEED
from ..contract.names import is_network_path
from ..contract.reconstruction import Info, Take, best_of, damaged, load_info
from ..contract.requests import (
    DEFAULT_SMOOTHNESS,
    ReconstructRequest,
    RefineRequest,
    TakesRequest,
)
from ..fitting.camera import KnownCamera
from ..perception.detections import Detections
from ..progress import JobProgress, Listener
from . import results
from .cache import Cache, key_of
from .choices import ClipChoices, camera_record, read_camera
from .place import choices_of, find_place
from .resolve import ResolvedRequest, resolve, usable_device
from .retry import Variant, make_good_takes
from .settings import PipelineSettings
from .stage import cache_missing
from .takes import MadeTakes, TakeResult, TakeSettings, clip_nodes, make_takes, nodes_under_camera, take_nodes
from .workspace import CACHE_FOLDER, folder_busy, workspace

_NAMED = ("prompt", "annotator")
"""Sources of contacts that somebody has named in words."""


@dataclass(frozen=True)
class Finished:
    """What a job has made."""

    folder: Path
    """Where it lies: the folder that was asked for, or one beside it (`reconstruct`)."""
    take: Take
    """The active take."""


def reconstruct(
    request: ReconstructRequest,
    folder: Path,
    listener: Listener,
    settings: PipelineSettings | None = None,
    *,
    annotator_key: str = "",
) -> Finished:
    """Run the whole pipeline on a clip, once for every seed; the best take becomes the folder's active take.

    No take is ever removed: those of the same clip, range, people and body stay beside the new ones, and where the folder holds
    anything else, or something damaged, the result goes into a new folder beside it (`DIR-2`, `DIR-3`, ...). Raises UserError
    where the user can do something about it, Cancelled where the listener asks to stop; what the folder held before is untouched
    then. `annotator_key` is that of the annotator's server; it is kept nowhere.
    """
    request.check()
    resolved = resolve(request, listener, annotator_key)
    folder, _ = find_place(folder, resolved.choices)
    with workspace(folder):
        place, before = find_place(folder, resolved.choices)
        if place != folder:  # another run has finished there in the meantime
            raise folder_busy(folder)
        progress = JobProgress(listener)
        store = Cache(folder / CACHE_FOLDER, progress.log)
        settings = settings or PipelineSettings()
        try:
            made, variant = _first_takes(request, resolved, settings, store, progress)
        except AnnotatorUnavailable as error:
            progress.warn(f"The clip is reconstructed without the annotator. {error.message} {error.hint}")
            resolved = resolved.without_annotator()
            made, variant = _first_takes(request, resolved, settings, store, progress)
        kept = () if before is None else before.takes
        keys = [key_of(take.key, resolved.choices.prompt) for take in made.takes]
        takes = _takes(made, _names_of_results(folder, kept, keys), resolved.choices.prompt, "reconstruct")
        infos = [
            _first_info(
                request,
                resolved,
                made.detections,
                result,
                take=take.id,
                takes=results.with_takes(kept, takes),
                warnings=(*result.warnings, *progress.warnings),
                settings=_settings(resolved.choices, variant, key, (result.settings, result.settings)),
            )
            for result, take, key in zip(made.takes, takes, keys)
        ]
        best = best_of(takes)
        results.save_takes(folder, resolved.body, made, infos, best, progress)
        return Finished(folder, best)


def _first_takes(
    request: ReconstructRequest,
    resolved: ResolvedRequest,
    settings: PipelineSettings,
    store: Cache,
    progress: JobProgress,
) -> tuple[MadeTakes, Variant]:
    """A take for every seed, and how they were made in the end."""
    inputs = resolved.inputs()
    smoothness = DEFAULT_SMOOTHNESS if request.smoothness is None else request.smoothness
    seeds = range(request.seed, request.seed + request.takes)

    def make(variant: Variant) -> MadeTakes:
        clip = clip_nodes(inputs, variant.camera)
        takes = [
            take_nodes(
                clip,
                TakeSettings(resolved.choices.prompt, seed=seed, smoothness=smoothness),
                variant.settings(settings),
            )
            for seed in seeds
        ]
        within = (0.0, 1.0) if variant == Variant() else (1.0, 1.0)  # further variants do not move the progress bar
        return make_takes(clip, takes, store, progress, within)

    return make_good_takes(make, progress)


def _names_of_results(folder: Path, kept: Sequence[Take], keys: Sequence[str]) -> list[str]:
    """Where each result goes: to the take that has this very result already, or to a new one."""
    free = results.free_names(folder)
    return [results.take_with_key(folder, kept, key) or next(free) for key in keys]


def _first_info(
    request: ReconstructRequest,
    resolved: ResolvedRequest,
    detections: Detections,
    result: TakeResult,
    *,
    take: str,
    takes: tuple[Take, ...],
    warnings: tuple[str, ...],
    settings: dict[str, Any],
) -> Info:
    """The record of a reconstruction with `take` as its active take."""
    prompt = resolved.choices.prompt
    return Info(
        clip=results.clip_record(resolved.clip, detections),
        people=results.people(detections, result.fitted, resolved.body),
        body={
            "id": resolved.body.identity,
            "path": "default" if request.body is None else str(request.body.absolute()),
        },
        prompt=prompt or result.caption,
        prompt_source="user" if prompt else ("captioner" if result.caption else "none"),
        contacts=result.contacts,
        foot_contacts=result.foot_contacts,
        take=take,
        takes=takes,
        warnings=warnings,
        seed=result.settings.seed,
        device=str(resolved.device),
        versions=results.versions(),
        seconds=result.seconds,
        settings=settings,
        quality=result.quality,
        annotation=result.annotation,
    )


def refine(
    request: RefineRequest, folder: Path, listener: Listener, settings: PipelineSettings | None = None
) -> Finished:
    """Fit again with edited contacts and pins, from the cache of a finished reconstruction; add a take for every seed.

    It goes on from the reconstruction that the active take goes back to. Never decodes video or runs 2D networks: UserError
    `cache-missing` where their results are gone. A camera that the request or the active take corrects is that of all new takes:
    the reconstruction is made again under it, with the same bodies, before the edits count.
    """
    request.check()
    device = usable_device(request.device)
    settings = settings or PipelineSettings()
    load_info(folder)  # before anything is made in a folder that is none of ours
    with workspace(folder):
        before = load_info(folder)
        choices = choices_of(before)
        if choices is None:
            raise cache_missing()
        body = _same_body(before, choices)
        wish = _refined_prompt_and_contacts(before, request)
        base = TakeSettings(choices.prompt, seed=_base_seed(before), smoothness=_smoothness(before, "base_smoothness"))
        smoothness = _smoothness(before, "smoothness") if request.smoothness is None else request.smoothness
        spoken = wish.prompt if wish.prompt_source == "user" else ""
        take = TakeSettings(
            spoken or choices.prompt, wish.contacts, request.edits.pins, request.edits.feet, smoothness=smoothness
        )
        progress = JobProgress(listener)
        _warn_of_edits_outside(choices.frames, take, progress)
        variant = _variant(before)
        settings = variant.settings(settings)
        nodes = clip_nodes(choices.inputs(None, body.to(device)), variant.camera)
        start = take_nodes(nodes, base, settings)
        camera = _known_camera(request).over(_corrected_camera(before))
        if camera.says_something:
            nodes = nodes_under_camera(nodes, start, camera)
            start = take_nodes(nodes, base, settings)
        wanted = [
            take_nodes(nodes, replace(take, seed=request.seed + number), settings, start)
            for number in range(request.takes)
        ]
        made = make_takes(nodes, wanted, Cache(folder / CACHE_FOLDER, progress.log), progress)
        takes = _takes(made, results.free_names(folder), spoken, "refine")
        infos = [
            replace(
                before,
                prompt=wish.prompt,
                prompt_source=wish.prompt_source,
                contacts=one.contacts,
                foot_contacts=one.foot_contacts,
                take=named.id,
                takes=results.with_takes(before.takes, takes),
                warnings=(*one.warnings, *progress.warnings),
                seed=named.seed,
                device=str(device),
                versions=results.versions(),
                seconds=one.seconds,
                settings=_settings(choices, variant, key_of(one.key, wish.prompt), (base, one.settings), camera),
                quality=one.quality,
            )
            for one, named in zip(made.takes, takes)
        ]
        best = best_of(takes)
        results.save_takes(folder, body, made, infos, best, progress)
        return Finished(folder, best)


def _takes(made: MadeTakes, names: Iterable[str], prompt: str, origin: str) -> list[Take]:
    def named(name: str, one: TakeResult) -> Take:
        return Take(name, prompt, one.settings.seed, one.fitted.energy, origin, one.scores)

    return [named(name, one) for name, one in zip(names, made.takes)]


@dataclass(frozen=True)
class _PromptAndContacts:
    """The prompt and the contacts that hold for a refined take."""

    prompt: str
    prompt_source: str
    contacts: tuple[Contact, ...]


def _refined_prompt_and_contacts(before: Info, request: RefineRequest) -> _PromptAndContacts:
    """A new prompt takes the place of the old one, and its contacts go with it; a caption never steers."""
    edits = request.edits
    given = edits.prompt if request.prompt is None else request.prompt
    prompt = before.prompt if given is None else given.strip()
    contacts = before.contacts if edits.contacts is None else edits.contacts
    if prompt != before.prompt:
        kept = tuple(contact for contact in contacts if not _only_prompted(contact))
        return _PromptAndContacts(prompt, "user" if prompt else "none", kept)
    contacts = (*contacts, *_removed(before.contacts, contacts))
    return _PromptAndContacts(prompt, before.prompt_source, contacts)


def _only_prompted(contact: Contact) -> bool:
    """Whether only the prompt or the annotator asked for the contact, and the user has not decided about it since."""
    return contact.source in _NAMED and contact.state == "auto"


def _removed(before: Sequence[Contact], now: Sequence[Contact]) -> list[Contact]:
    """Named contacts that the user has deleted while the prompt stayed: rejected, or the prompt would bring them back."""
    remaining = {contact.id for contact in now}
    return [
        replace(contact, state="rejected")
        for contact in before
        if contact.source in _NAMED and contact.id not in remaining
    ]


def _settings(
    choices: ClipChoices,
    variant: Variant,
    result_key: str,
    base_and_take: tuple[TakeSettings, TakeSettings],
    camera: KnownCamera | None = None,
) -> dict[str, Any]:
    """What a take was made of, for `refine` to go on from; `base_...` of the reconstruction that it goes back to."""
    base, take = base_and_take
    return {
        "choices": choices.to_json(),
        "variant": variant.to_json(),
        "result_key": result_key,
        "base_seed": base.seed,
        "base_smoothness": base.smoothness,
        "smoothness": take.smoothness,
        **({} if camera is None else {"camera": camera_record(camera)}),
    }


def _variant(info: Info) -> Variant:
    """The way in which the active take was made; the usual one for takes of older versions."""
    return Variant.from_json(Fields(info.settings, damaged, "settings").record("variant", dict[str, Any]()))


def _known_camera(request: TakesRequest) -> KnownCamera:
    return KnownCamera(request.fov, request.camera_pitch, request.camera_roll, request.camera_height)


def _corrected_camera(info: Info) -> KnownCamera:
    """What the animator has corrected of the camera of the active take."""
    record = Fields(info.settings, damaged, "settings").record("camera", dict[str, Any]())
    return read_camera(Fields(record, damaged, "settings.camera"))


def _base_seed(info: Info) -> int:
    return Fields(info.settings, damaged, "settings").integer("base_seed", 0, MAX_SEED, 0)


def _smoothness(info: Info, name: str) -> float:
    """As the active take has it; the usual one for takes of older versions."""
    return Fields(info.settings, damaged, "settings").number(name, 0, 1, DEFAULT_SMOOTHNESS)


def _same_body(before: Info, choices: ClipChoices) -> BodyModel:
    path = before.body["path"]
    if is_network_path(path):  # opening it can send the user's login to whoever has written the record
        raise UserError(
            "body-on-network",
            f"The body of this reconstruction lies on another computer ({path}), which is not opened unasked.",
            "Copy it to this computer and reconstruct the clip again with it.",
        )
    body = load_body(None if path == "default" else Path(path))
    if body.identity != choices.body:
        raise UserError(
            "body-changed",
            f"The body of this reconstruction was {choices.body}, now there is {body.identity}.",
            "Put the old file back, or reconstruct the clip again.",
        )
    return body


def _warn_of_edits_outside(frames: tuple[int, int], take: TakeSettings, progress: JobProgress) -> None:
    first, last = frames
    outside = sum(not first <= pin.frame <= last for pin in take.pins)
    if outside:
        progress.warn(f"{outside} pinned keys lie outside frames {first} to {last} and have no effect.")
    outside = sum(contact.frame_end < first or contact.frame_start > last for contact in take.contacts)
    if outside:
        progress.warn(f"{outside} contacts lie outside frames {first} to {last} and have no effect.")
