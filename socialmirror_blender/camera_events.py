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
from .scene.takes import rekey_take
from .take_files import load_take


def follow_camera(collection: bpy.types.Collection) -> None:
    """Key the shown take anew for the collection's camera correction. What it cannot read leaves the scene as it is."""
    try:
        folder, take = require_folder(collection), scenes.read_state(collection).take
        written = (folder / INFO_FILE).stat().st_mtime_ns
        rekey_take(collection, _load(folder, take, written))
    except (UserError, OSError) as error:
        set_correction(contact_list(collection), CameraCorrection())
        scenes.set_folder_note(collection, f"The camera cannot be corrected. {error}")


@lru_cache(maxsize=2)
def _load(folder: Path, take: str, _written: int) -> Reconstruction:
    """A take as it is on the disk. While a slider is drawn it is asked for again and again."""
    return load_take(folder, take)


def register() -> None:
    camera_listeners.append(follow_camera)


def unregister() -> None:
    camera_listeners.remove(follow_camera)
    _load.cache_clear()
