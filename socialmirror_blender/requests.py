"""Makes the worker's requests from the settings of a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import bpy

from ..core.contract.annotators import SERVER
from ..core.contract.errors import UserError
from ..core.contract.files import write_json
from ..core.contract.marks import PersonMark
from ..core.contract.requests import ReconstructRequest, RefineRequest, Request, message_fields
from . import compat
from . import scene as scenes
from .folders import absolute_path, output_folder
from .picked_people import are_picked_in
from .preferences import preferences
from .properties import settings_of, user_prompt
from .reconstructions import activate_shown_take, require_folder
from .runtime.job_starts import require_reachable
from .runtime.origins import Origin, current_origin
from .scene.correction_state import correction_of, read_stance
from .scene.objects import require_no_control_rig
from .scene.pins import check_pins
from .scene.result_prompt import wanted_prompt

_ESTIMATED_CAMERA: dict[str, Any] = dict.fromkeys(("camera_pitch", "camera_roll", "camera_height"))
_CAMERA_OF_TAKE = {"fov": None, **_ESTIMATED_CAMERA}


@dataclass(frozen=True)
class ChosenClip:
    """The movie of a request."""

    strip: str = ""
    """Name of the strip that shows it; empty if it is a file."""
    filepath: str = ""
    """The file, if there is no strip."""
    frames: tuple[int, int] | None = None
    """Frames of the scene for a strip, of the movie for a file; None is all that the strip shows, or the whole file."""


def chosen_clip(settings: Any) -> ChosenClip:
    """The clip that the settings say. UserError `no-clip` if none is chosen."""
    if settings.source == "STRIP":
        if not settings.strip:
            raise UserError(
                "no-clip", "No strip is chosen.", "Choose a movie strip of the sequencer, or take the clip from a file."
            )
        frames = (settings.scene_first, settings.scene_last) if settings.use_range else None
        return ChosenClip(strip=settings.strip, frames=frames)
    if not settings.filepath:
        raise UserError("no-clip", "No clip is chosen.", "Choose a movie that shows two people.")
    frames = (settings.frame_first, settings.frame_last) if settings.use_range else None
    return ChosenClip(filepath=settings.filepath, frames=frames)


def reconstruct_request(context: bpy.types.Context, chosen: ChosenClip | None = None) -> tuple[dict[str, Any], Origin]:
    """The fields of the message `reconstruct`, and the origin of the job. UserError if a setting is not valid.

    `chosen` is a clip in place of the one that the settings say. What was set for that one is left out then: numbers of people,
    initial motion, and people who were picked elsewhere.
    If the folder holds something else, e.g. another range of the clip, the core takes one beside it and says so in its result.
    """
    settings, of_settings = settings_of(context), chosen is None
    chosen = chosen_clip(settings) if chosen is None else chosen
    clip, frames = _clip(context, chosen)
    marks = _picked(settings, clip, frames, of_settings)
    marked = marks is not None
    described = _descriptions(settings) if settings.choose_people and not marked else (None, None)
    numbered = of_settings and settings.choose_people and not marked and described == (None, None)
    request = _request(
        ReconstructRequest,
        settings,
        clip=clip,
        frames=_range_in_words(frames),
        people=(settings.track_a, settings.track_b) if numbered else None,
        people_at=marks,
        person_a=described[0],
        person_b=described[1],
        body=_body(settings),
        initial=_initial_motion(settings) if of_settings else None,
        fov=settings.fov or None,
        **(_ESTIMATED_CAMERA if not settings.know_camera else {}),
        **_annotator_server(context, settings),
    )
    origin = replace(
        current_origin(context),
        frame_start=settings.frame_start,
        strip=chosen.strip,
        strip_timing=_strip_timing(context, chosen.strip) if chosen.strip else None,
        link_camera=settings.link_camera,
        match_scene=settings.match_scene,
    )
    return {
        "out": str(output_folder(settings.output) / (clip.stem.strip(". ") or "clip")),
        **message_fields(request),
    }, origin


def refine_request(context: bpy.types.Context, collection: bpy.types.Collection) -> tuple[dict[str, Any], Origin]:
    """The fields of the message `refine`, and the origin of the job. Writes the edits into the reconstruction's folder.

    UserError if a setting is not valid, the folder is missing or the edits cannot be written.
    """
    folder = require_folder(collection)
    require_no_control_rig(collection)
    request = _request(
        RefineRequest, settings_of(context), prompt=wanted_prompt(collection), **_corrected_camera(collection)
    )
    scenes.separate_copies()  # the result has to come back to this one
    activate_shown_take(collection)  # the core goes on from the folder's active take
    edits = folder / scenes.EDITS_FILE
    check_pins(collection)
    scenes.adopt_moved_markers(collection)
    write_json(edits, scenes.read_edits(collection).to_json())
    message = {"folder": str(folder), "edits": str(edits), **message_fields(request)}
    state = scenes.read_state(collection)
    return message, replace(current_origin(context), collection=state.id, take=state.take)


def _corrected_camera(collection: bpy.types.Collection) -> dict[str, Any]:
    """The fields of Refine for the camera as the animator has corrected it; without a correction that of the take."""
    seen = read_stance(collection)
    if seen is None or not correction_of(collection).changes:
        return _CAMERA_OF_TAKE
    degrees = {"fov": seen.fov, "camera_pitch": seen.pitch, "camera_roll": seen.roll}
    return {**{name: math.degrees(value) for name, value in degrees.items()}, "camera_height": seen.height}


def _annotator_server(context: bpy.types.Context, settings: Any) -> dict[str, Any]:
    """The server of the annotator, from the preferences: a scene may be of anybody, and would decide where pictures are sent.

    UserError `bad-annotator` where there is none, `offline` for one on another machine while online access is off.
    """
    if settings.annotator != SERVER:
        return {"annotator_url": None, "annotator_model": None}
    chosen = preferences(context)
    if not chosen.annotator_url.strip():
        raise UserError(
            "bad-annotator",
            "The annotator is a server, and none is named.",
            "Name one in the add-on's preferences, or choose another annotator in the settings.",
        )
    require_reachable(chosen.annotator_url)
    return {"annotator_url": chosen.annotator_url.strip(), "annotator_model": chosen.annotator_model.strip() or None}


def _request(kind: type[Request], settings: Any, **values: Any) -> Request:
    """A request made of `values` and, for its other fields, of the properties with the same names. UserError if not valid."""
    arguments: dict[str, Any] = {
        item.name: getattr(settings, item.name) for item in fields(kind) if hasattr(settings, item.name)
    }
    arguments |= {"prompt": user_prompt(settings), **values}
    known = {item.name for item in fields(kind)}
    request = kind(**{name: value for name, value in arguments.items() if name in known})
    request.check()
    return request


def _range_in_words(frames: tuple[int, int] | None) -> str:
    """As the core reads it."""
    return ":" if frames is None else f"{frames[0]}:{frames[1]}"


def _clip(context: bpy.types.Context, chosen: ChosenClip) -> tuple[Path, tuple[int, int] | None]:
    """The path of the movie, and its first and last frame; None is the whole movie."""
    return _strip_clip(context, chosen) if chosen.strip else _file_clip(chosen)


def _strip_clip(context: bpy.types.Context, chosen: ChosenClip) -> tuple[Path, tuple[int, int]]:
    strip = compat.movie_strip(context, chosen.strip)
    path, shown = _existing_clip(strip.filepath), compat.strip_handles(strip)
    wanted = shown if chosen.frames is None else chosen.frames
    shown = max(shown[0], wanted[0]), min(shown[1], wanted[1])
    if shown[0] >= shown[1]:
        raise UserError(
            "bad-range",
            f"The strip does not play from frame {wanted[0]} to {wanted[1]} of the scene.",
            "Set a first and a last frame between the strip's ends.",
        )
    return path, compat.strip_frames(strip, *shown)


def _file_clip(chosen: ChosenClip) -> tuple[Path, tuple[int, int] | None]:
    path = _existing_clip(chosen.filepath)
    if chosen.frames is not None and chosen.frames[0] >= chosen.frames[1]:
        raise UserError("bad-range", "The frame range is empty.", "Set a last frame that is after the first.")
    return path, chosen.frames


def _existing_clip(filepath: str) -> Path:
    path = absolute_path(filepath)
    if not path.is_file():
        raise UserError("clip-missing", f"The clip is not there: {path}.", "Choose the movie again.")
    return path


def _descriptions(settings: Any) -> tuple[str | None, str | None]:
    return settings.person_a.strip() or None, settings.person_b.strip() or None


def _picked(
    settings: Any, clip: Path, frames: tuple[int, int] | None, of_settings: bool
) -> tuple[PersonMark, PersonMark] | None:
    """The people whom the user has picked in this clip; in one that is not `of_settings`, only if it has their frames.

    UserError as `_marks`.
    """
    if not settings.choose_people or not are_picked_in(settings, clip):
        return None
    marks = _marks(settings.people_marks)
    inside = frames is None or all(frames[0] <= mark.frame <= frames[1] for mark in marks)
    return marks if of_settings or (settings.people_movie and inside) else None


def _marks(text: str) -> tuple[PersonMark, PersonMark]:
    """UserError `bad-people` for a text that marks not two people."""
    try:
        first, second = (PersonMark.from_text(part) for part in text.split(";"))
    except ValueError as error:
        raise UserError(
            "bad-people", f"“{text}” does not mark two people.", "Press Pick People, or clear the field."
        ) from error
    return first, second


def _strip_timing(context: bpy.types.Context, name: str) -> tuple[float, float]:
    strip = compat.movie_strip(context, name)
    return compat.strip_zero_frame(strip), compat.strip_stretch(strip)


def _body(settings: Any) -> Path | None:
    if not settings.body:
        return None
    path = absolute_path(settings.body)
    if not path.exists():
        raise UserError("body-missing", f"The body model is not there: {path}.", "Choose it again, or clear the field.")
    return path


def _initial_motion(settings: Any) -> tuple[Path, ...] | None:
    """The files of another tool's motion. UserError `initial-missing`."""
    if not settings.initial_a.strip():
        return None
    paths = tuple(absolute_path(name.strip()) for name in (settings.initial_a, settings.initial_b) if name.strip())
    for path in paths:
        if not path.is_file():
            raise UserError(
                "initial-missing", f"The motion is not there: {path}.", "Choose it again, or clear the field."
            )
    return paths
