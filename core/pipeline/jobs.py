"""The two jobs: reconstruct a clip into a folder, and refine what a folder holds.

Nothing but the cache is written before everything has succeeded; then all files of the result change at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..annotator.generator import AnnotatorUnavailable
from ..body.model import BodyModel
from ..contract.reconstruction import Info, Take, best_of, load_info
from ..contract.requests import (
    DEFAULT_SMOOTHNESS,
    ReconstructRequest,
    RefineRequest,
)
from ..fitting.camera import KnownCamera
from ..hub.memory import TooLittleMemory
from ..perception.detections import Detections
from ..progress import JobProgress, Listener
from . import results
from .cache import Cache, key_of
from .choices import ClipChoices
from .edited_take import edited_take, edits_outside
from .nodes import (
    ClipNodes,
    TakeNodes,
    TakeSettings,
    clip_nodes,
    first_take_nodes,
    nodes_under_camera,
    refined_take_nodes,
)
from .place import find_place
from .provenance import Provenance
from .resolve import ResolvedRequest, resolve, usable_device
from .result_body import body_of
from .retry import Variant, make_good_takes
from .settings import PipelineSettings
from .takes import MadeTakes, TakeResult, make_takes
from .workspace import CACHE_FOLDER, folder_busy, workspace


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
        made, variant, resolved = _first_takes_by_models_that_run(request, resolved, store, progress)
        kept = () if before is None else before.takes
        keys = [key_of(take.key, resolved.choices.prompt) for take in made.takes]
        takes = _named_takes(made, _names_of_results(folder, kept, keys), resolved.choices.prompt, "reconstruct")
        infos = [
            _first_info(
                request,
                resolved,
                made.detections,
                result,
                take=take.id,
                takes=results.with_takes(kept, takes),
                warnings=(*result.warnings, *progress.warnings),
                settings=_first_provenance(resolved.choices, variant, result.settings).to_json(key),
            )
            for result, take, key in zip(made.takes, takes, keys)
        ]
        best = best_of(takes)
        results.save_takes(folder, resolved.body, made, infos, best, progress)
        return Finished(folder, best)


def _first_takes_by_models_that_run(
    request: ReconstructRequest,
    resolved: ResolvedRequest,
    store: Cache,
    progress: JobProgress,
) -> tuple[MadeTakes, Variant, ResolvedRequest]:
    """`_first_takes` without the models that this machine cannot run, which is warned of; and the request without them."""
    while True:
        try:
            return *_first_takes(request, resolved, store, progress), resolved
        except AnnotatorUnavailable as error:
            progress.warn(f"The clip is reconstructed without the annotator. {error.message} {error.hint}")
            resolved = resolved.without_annotator()
        except TooLittleMemory as error:
            progress.warn(str(error))
            resolved = resolved.without_model(error.choice)


def _first_takes(
    request: ReconstructRequest,
    resolved: ResolvedRequest,
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
            first_take_nodes(
                clip,
                TakeSettings(resolved.choices.prompt, seed=seed, smoothness=smoothness),
                variant.settings(PipelineSettings()),
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


def _first_provenance(choices: ClipChoices, variant: Variant, take: TakeSettings) -> Provenance:
    return Provenance(choices, variant, take.seed, take.smoothness, take.smoothness)


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


def refine(request: RefineRequest, folder: Path, listener: Listener) -> Finished:
    """Fit again with edited contacts and pins, from the cache of a finished reconstruction; add a take for every seed.

    It goes on from the reconstruction that the active take goes back to. Never decodes video or runs 2D networks: UserError
    `cache-missing` where their results are gone. A camera that the request or the active take corrects is that of all new takes:
    the reconstruction is made again under it, with the same bodies, before the edits count.
    """
    request.check()
    device = usable_device(request.device)
    load_info(folder)  # before anything is made in a folder that is none of ours
    with workspace(folder):
        before = load_info(folder)
        origin = Provenance.of(before)
        body = body_of(before)
        edited = edited_take(before, request, origin)
        camera = _known_camera(request).over(origin.camera or KnownCamera())
        progress = JobProgress(listener)
        for warning in edits_outside(origin.choices.frames, edited.settings):
            progress.warn(warning)
        clip, takes = _refined_nodes(origin, camera, body.to(device), edited.settings, request.takes)
        made = make_takes(clip, takes, Cache(folder / CACHE_FOLDER, progress.log), progress)
        if results.moves_as_take(folder, before.take, made):
            progress.warn("Your edits change nothing: the new take moves exactly as the one that was shown.")
        named = _named_takes(made, results.free_names(folder), edited.user_prompt, "refine")
        infos = [
            replace(
                before,
                prompt=edited.prompt,
                prompt_source=edited.prompt_source,
                contacts=result.contacts,
                foot_contacts=result.foot_contacts,
                take=take.id,
                takes=results.with_takes(before.takes, named),
                warnings=(*result.warnings, *progress.warnings),
                seed=take.seed,
                device=str(device),
                versions=results.versions(),
                seconds=result.seconds,
                settings=replace(origin, smoothness=result.settings.smoothness, camera=camera).to_json(
                    key_of(result.key, edited.prompt)
                ),
                quality=result.quality,
            )
            for result, take in zip(made.takes, named)
        ]
        best = best_of(named)
        results.save_takes(folder, body, made, infos, best, progress)
        return Finished(folder, best)


def _refined_nodes(
    origin: Provenance,
    camera: KnownCamera,
    body: BodyModel,
    take: TakeSettings,
    count: int,
) -> tuple[ClipNodes, list[TakeNodes]]:
    """`count` takes, of successive seeds, that go on from a reconstruction, under the camera as far as it was corrected."""
    settings = origin.variant.settings(PipelineSettings())
    clip = clip_nodes(origin.choices.inputs(None, body), origin.variant.camera)
    start = first_take_nodes(clip, origin.base, settings)
    if camera.is_constrained:
        clip = nodes_under_camera(clip, start, camera)
        start = first_take_nodes(clip, origin.base, settings)
    seeds = range(take.seed, take.seed + count)
    return clip, [refined_take_nodes(clip, replace(take, seed=seed), settings, start) for seed in seeds]


def _known_camera(request: RefineRequest) -> KnownCamera:
    return KnownCamera(request.fov, request.camera_pitch, request.camera_roll, request.camera_height)


def _named_takes(made: MadeTakes, names: Iterable[str], prompt: str, origin: str) -> list[Take]:
    return [
        Take(name, prompt, one.settings.seed, one.fitted.energy, origin, one.scores)
        for name, one in zip(names, made.takes)
    ]
