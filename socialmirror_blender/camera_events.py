"""Lets people, floor and contacts follow when the animator corrects the clip's camera in the panel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import bpy

from ..core.contract.errors import UserError
from ..core.contract.reconstruction import INFO_FILE, Reconstruction
from . import scene as scenes
from .reconstruction_properties import camera_listeners, contact_list, set_correction
from .reconstructions import require_folder
from .scene.camera_correction import CameraCorrection
from .scene.correction_state import keep_camera
from .scene.takes import rekey_take
from .take_files import load_take

_IMPOSSIBLE = "The camera cannot be corrected."


def follow_camera(collection: bpy.types.Collection) -> None:
    """Key the shown take anew for the collection's camera correction. Where that is impossible, the scene stays as it is."""
    shown: Reconstruction | None = None
    try:
        folder, take = require_folder(collection), scenes.read_state(collection).take
        written = (folder / INFO_FILE).stat().st_mtime_ns
        shown = _load(folder, take, written)
        rekey_take(collection, shown)
        if scenes.folder_note(collection).startswith(_IMPOSSIBLE):
            scenes.set_folder_note(collection, "")
    except (UserError, OSError) as error:
        if shown is None:
            set_correction(contact_list(collection), CameraCorrection())
        else:
            keep_camera(collection, shown)
        scenes.set_folder_note(collection, f"{_IMPOSSIBLE} {error}")


@lru_cache(maxsize=2)
def _load(folder: Path, take: str, _written: int) -> Reconstruction:
    """A take as it is on the disk. While a slider is drawn it is asked for again and again."""
    return load_take(folder, take)


def register() -> None:
    camera_listeners.append(follow_camera)


def unregister() -> None:
    camera_listeners.remove(follow_camera)
    _load.cache_clear()
