"""From what the user set to what the core is asked for."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..core.contract.errors import UserError
from ..core.contract.files import write_json
from ..core.contract.reconstruction import INFO_FILE, load_info
from . import compat
from . import scene as scenes
from .properties import settings_of, user_prompt
from .reconstructions import reconstruction_folder
from .runtime import paths
from .runtime.session import Origin, current_origin

_FOLDER = "SocialMirror"
EDITS_FILE = "edits.json"


def reconstruct_request(context: bpy.types.Context) -> tuple[dict[str, Any], Origin]:
    """Fields of the message `reconstruct`, and where its result goes. UserError where a setting is not usable."""
    settings = settings_of(context)
    clip, frames = _clip(context)
    fields = {
        "clip": str(clip),
        "out": str(_result_folder(_output(settings), clip)),
        "frames": None if frames is None else list(frames),
        "people": _people(settings),
        "body": _body(settings),
        "fov": settings.fov or None,
        **_sampling(settings),
    }
    origin = replace(
        current_origin(context),
        frame_start=settings.frame_start,
        strip=settings.strip if settings.source == "STRIP" else "",
        link_camera=settings.link_camera,
        match_scene=settings.match_scene,
    )
    return fields, origin


def refine_request(context: bpy.types.Context, collection: bpy.types.Collection) -> tuple[dict[str, Any], Origin]:
    """Fields of the message `refine`; the edits lie beside the reconstruction. UserError where they cannot be written."""
    folder = reconstruction_folder(collection)
    if not (folder / INFO_FILE).is_file():
        raise UserError(
            "no-reconstruction",
            f"The folder of this reconstruction is gone: {folder}.",
            "Put it back, or reconstruct the clip again.",
        )
    edits = folder / EDITS_FILE
    write_json(edits, scenes.read_edits(collection).to_json())
    fields = {"folder": str(folder), "edits": str(edits), **_sampling(settings_of(context))}
    return fields, replace(current_origin(context), collection=scenes.read_state(collection).id)


def _sampling(settings: Any) -> dict[str, Any]:
    return {
        "prompt": user_prompt(settings),
        "seed": settings.seed,
        "takes": settings.takes,
        "smoothness": settings.smoothness,
        "device": settings.device,
    }


def _clip(context: bpy.types.Context) -> tuple[Path, tuple[int, int] | None]:
    """The movie's path, and first and last frame where not all of it is wanted."""
    settings = settings_of(context)
    frames = None
    if settings.source == "STRIP":
        if not settings.strip:
            raise UserError(
                "no-clip", "No strip is chosen.", "Choose a movie strip of the sequencer, or take the clip from a file."
            )
        strip = compat.movie_strip(context, settings.strip)
        path, frames = _absolute(strip.filepath), compat.strip_frames(strip)
    else:
        if not settings.filepath:
            raise UserError("no-clip", "No clip is chosen.", "Choose a movie that shows two people.")
        path = _absolute(settings.filepath)
    if not path.is_file():
        raise UserError("clip-missing", f"The clip is not there: {path}.", "Choose the movie again.")
    if settings.use_range:
        frames = (settings.frame_first, settings.frame_last)
        if frames[0] >= frames[1]:
            raise UserError("bad-range", "The frame range is empty.", "Set a last frame that is after the first.")
    return path, frames


def _people(settings: Any) -> list[int] | None:
    if not settings.choose_people:
        return None
    if settings.track_a == settings.track_b:
        raise UserError("bad-people", "Person A and person B have the same number.", "Give them different numbers.")
    return [settings.track_a, settings.track_b]


def _body(settings: Any) -> str | None:
    if not settings.body:
        return None
    path = _absolute(settings.body)
    if not path.exists():
        raise UserError("body-missing", f"The body model is not there: {path}.", "Choose it again, or clear the field.")
    return str(path)


def _output(settings: Any) -> Path:
    """The folder that keeps reconstructions, which is made and tried. UserError where it cannot be written."""
    if settings.output:
        folder = _absolute(settings.output)
    elif bpy.data.filepath:
        folder = Path(bpy.data.filepath).parent / _FOLDER
    else:
        folder = paths.user_folder() / "reconstructions"
    attempt = folder / f".{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        attempt.touch()
        attempt.unlink()
    except OSError as error:
        raise UserError(
            "not-writable",
            f"The output folder {folder} cannot be written ({error.strerror}).",
            "Choose another folder under Settings > Output.",
        ) from error
    return folder


def _result_folder(output: Path, clip: Path) -> Path:
    """A folder named after the clip, numbered where that name belongs to another clip."""
    number = 1
    while True:
        folder = output / (clip.stem if number == 1 else f"{clip.stem}-{number}")
        if not (folder / INFO_FILE).exists() or _is_of(folder, clip):
            return folder
        number += 1


def _is_of(folder: Path, clip: Path) -> bool:
    try:
        return Path(load_info(folder).clip["path"]).resolve() == clip.resolve()
    except UserError:
        return False


def _absolute(path: str) -> Path:
    return Path(bpy.path.abspath(path))
