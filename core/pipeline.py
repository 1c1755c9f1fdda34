"""The two jobs: reconstruct a clip into a folder, and refine what a folder holds.

Nothing but the cache is written before everything has succeeded; then all files of the result change at once.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import __version__
from .body.files import load_body
from .body.mesh import body_arrays
from .body.model import BodyModel
from .cache import Cache, content_key, key_of
from .clip import Clip, parse_range, probe
from .contacts import measure, merge
from .contract.contact import Contact
from .contract.edits import Edits
from .contract.errors import UserError
from .contract.reconstruction import (
    TAKES_FOLDER,
    BodyArrays,
    Info,
    MotionArrays,
    Person,
    Reconstruction,
    Take,
    load_info,
    save,
)
from .device import choose_device, limit_threads
from .geometry.fit import Fitted
from .motion import pose_motion
from .perception.tracks import Tracks
from .progress import JobProgress, Listener
from .stages import RECONSTRUCT_STAGES, REFINE_STAGES, Choices, Inputs, cache_missing, run_stages
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


def reconstruct(request: Request, folder: Path, listener: Listener) -> Take:
    """Run the whole pipeline on a clip and make the result the folder's active take.

    Takes of the same clip, range, people, camera and body stay beside it; those of anything else give way to it. Raises
    UserError where the user can do something about it, Cancelled where the listener asks to stop; what the folder held
    before is untouched then.
    """
    device = _device(request.device)
    body = load_body(request.body)
    clip = probe(request.clip)
    frames = parse_range(request.frames, clip)
    prompt = request.prompt or ""
    choices = Choices(content_key(request.clip), frames, request.people, request.fov, body.identity, prompt)
    with workspace(folder):
        before = _replaceable(folder)
        inputs = Inputs(choices, body.to(device), clip)
        progress = JobProgress(listener)
        _warn_of_takes(request.takes, progress)
        outcome = run_stages(RECONSTRUCT_STAGES, inputs, Cache(folder / CACHE_FOLDER), progress)
        fitted, tracks = outcome.results["contact-fit"], outcome.results["perception"]
        bodies = body_arrays(inputs.body, torch.from_numpy(fitted.motion.betas))
        contacts = merge(outcome.results["contacts"].contacts, outcome.results["prompt-contacts"].contacts)
        kept = before.takes if before is not None and _of_one_clip(_choices(before), choices) else ()
        result_key = key_of(outcome.keys["contact-fit"], prompt, request.seed)
        take = Take(
            _same_take(folder, kept, result_key) or _next_take(folder),
            prompt,
            request.seed,
            fitted.energy,
            "reconstruct",
        )
        info = Info(
            clip=_clip_record(clip, tracks),
            people=_people(tracks, bodies),
            body={"id": body.identity, "path": "default" if request.body is None else str(request.body.absolute())},
            prompt=prompt,
            prompt_source="user" if prompt else "none",
            contacts=tuple(measure(contacts, fitted.motion, inputs.body, tracks.frame_index)),
            take=take.id,
            takes=_with_take(kept, take),
            warnings=(*outcome.warnings, *progress.warnings),
            seed=request.seed,
            device=str(device),
            versions=_versions(),
            seconds=outcome.seconds,
            settings={"choices": choices.to_json(), "result_key": result_key},
        )
        save(folder, Reconstruction(motion_arrays(fitted, tracks, inputs.body), bodies, info), progress.check)
        _drop_takes(folder, info)
        return take


def refine(request: RefineRequest, folder: Path, listener: Listener) -> Take:
    """Fit again with edited contacts and pins, from the cache of a finished reconstruction; add the result as a take.

    Never decodes video or runs 2D networks: UserError `cache-missing` where their results are gone.
    """
    device = _device(request.device)
    load_info(folder)  # before anything is made in a folder that is none of ours
    with workspace(folder):
        before = load_info(folder)
        choices = _choices(before)
        if choices is None:
            raise cache_missing()
        body = _same_body(before, choices)
        contacts = before.contacts if request.edits.contacts is None else request.edits.contacts
        given = request.prompt if request.prompt is not None else request.edits.prompt
        prompt = before.prompt if given is None else given
        new_prompt = prompt if prompt != before.prompt else ""
        if prompt != before.prompt:
            contacts = tuple(contact for contact in contacts if not _of_the_old_prompt(contact))
        inputs = Inputs(choices, body.to(device), None, contacts, request.edits.pins, new_prompt)
        progress = JobProgress(listener)
        _warn_of_takes(request.takes, progress)
        _warn_of_edits_outside(inputs, progress)
        outcome = run_stages(REFINE_STAGES, inputs, Cache(folder / CACHE_FOLDER), progress)
        fitted, tracks = outcome.results["refine"], outcome.results["perception"]
        contacts = merge(outcome.results["new-prompt-contacts"].contacts, contacts)
        bodies = body_arrays(inputs.body, torch.from_numpy(fitted.motion.betas))
        take = Take(_next_take(folder), prompt, request.seed, fitted.energy, "refine")
        info = replace(
            before,
            prompt=prompt,
            prompt_source=before.prompt_source if given is None else ("user" if prompt else "none"),
            contacts=tuple(measure(contacts, fitted.motion, inputs.body, tracks.frame_index)),
            take=take.id,
            takes=_with_take(before.takes, take),
            warnings=(*outcome.warnings, *progress.warnings),
            seed=request.seed,
            device=str(device),
            versions=_versions(),
            seconds=outcome.seconds,
            settings={"choices": choices.to_json(), "result_key": key_of(outcome.keys["refine"], prompt, request.seed)},
        )
        save(folder, Reconstruction(motion_arrays(fitted, tracks, inputs.body), bodies, info), progress.check)
        return take


def motion_arrays(fitted: Fitted, tracks: Tracks, body: BodyModel) -> MotionArrays:
    """The motion of a fit with its camera and evidence, as it is written."""
    posed = pose_motion(body, fitted.motion)
    people, frames = fitted.motion.pelvis.shape[:2]

    def single(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array, np.float32)

    return MotionArrays(
        frame_index=tracks.frame_index.astype(np.int32),
        time=tracks.time.astype(np.float64),
        body_pose=single(fitted.motion.body_pose),
        global_orient=single(fitted.motion.global_orient),
        pelvis=single(fitted.motion.pelvis),
        left_hand_pose=single(fitted.motion.left_hand_pose),
        right_hand_pose=single(fitted.motion.right_hand_pose),
        jaw_pose=np.zeros((people, frames, 3), np.float32),
        betas=single(fitted.motion.betas),
        joints=single(posed.joints.cpu().numpy()),
        keypoints=single(tracks.keypoints),
        confidence=single(fitted.confidence),
        camera_K=single(np.broadcast_to(fitted.camera.K, (frames, 3, 3))),
        camera_world=single(np.broadcast_to(fitted.camera.world, (frames, 4, 4))),
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


def _of_the_old_prompt(contact: Contact) -> bool:
    """What only the words asked for goes with them; what the user has judged since stays."""
    return contact.source == "prompt" and contact.state == "auto"


def _warn_of_takes(takes: int, progress: JobProgress) -> None:
    if takes > 1:
        progress.warn("One take was made: this version fits the clip, and every seed gives the same motion.")


def _warn_of_edits_outside(inputs: Inputs, progress: JobProgress) -> None:
    first, last = inputs.choices.frames
    outside = sum(not first <= pin.frame <= last for pin in inputs.pins)
    if outside:
        progress.warn(f"{outside} pinned keys lie outside frames {first} to {last} and have no effect.")
    outside = sum(contact.frame_end < first or contact.frame_start > last for contact in inputs.contacts)
    if outside:
        progress.warn(f"{outside} contacts lie outside frames {first} to {last} and have no effect.")


def _clip_record(clip: Clip, tracks: Tracks) -> dict[str, Any]:
    return {
        "path": str(clip.path.absolute()),
        "width": clip.width,
        "height": clip.height,
        "frame_rate": clip.frame_rate,
        "frames": [int(tracks.frame_index[0]), int(tracks.frame_index[-1])],
    }


def _people(tracks: Tracks, bodies: BodyArrays) -> tuple[Person, ...]:
    heights = np.ptp(bodies.rest_vertices[:, :, 1], axis=1)
    return tuple(
        Person(index, name, int(track), round(float(height), 3))
        for index, (name, track, height) in enumerate(zip(_PERSON_NAMES, tracks.track_ids, heights))
    )


def _versions() -> dict[str, str]:
    packages = {name: metadata.version(name) for name in ("torch", "numpy", "opencv-python-headless")}
    return {"socialmirror": __version__, "python": platform.python_version(), **packages}


def _next_take(folder: Path) -> str:
    """The first unused of take-001, take-002, ..."""
    used = [path.stem.removeprefix("take-") for path in (folder / TAKES_FOLDER).glob("take-*.npz")]
    return f"take-{max((int(number) for number in used if number.isdigit()), default=0) + 1:03d}"


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


def _with_take(takes: Sequence[Take], take: Take) -> tuple[Take, ...]:
    """The takes with this one in its old place, or last where it is new."""
    if any(other.id == take.id for other in takes):
        return tuple(take if other.id == take.id else other for other in takes)
    return (*takes, take)


def _drop_takes(folder: Path, info: Info) -> None:
    """Remove the files of takes that the reconstruction does not list any more."""
    listed = {take.id for take in info.takes}
    for path in (folder / TAKES_FOLDER).glob("take-*.*"):
        if path.stem not in listed:
            with suppress(OSError):  # another program may hold it; nothing refers to it any more
                path.unlink()
