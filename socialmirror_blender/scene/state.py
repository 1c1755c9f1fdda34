"""What a collection remembers about the reconstruction that was imported into it, as custom properties.

Custom properties survive saving, undo and renaming; see names.py for what they are called.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from . import names
from .timeline import ClipTiming, Timeline


@dataclass(frozen=True)
class ImportState:
    id: str
    """Identity of the reconstruction's folder, the same for every import of it."""
    folder: str
    take: str
    """Id of the take that the armatures are keyed with."""
    clip: str
    """File name of the clip without its suffix."""
    timing: ClipTiming
    first_frame: int
    last_frame: int
    """Scene frames of the first and last keyframe."""
    notes: str
    """Notes about the import for the user, one per line."""


def reconstruction_id(folder: Path) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, folder.resolve().as_uri()))


def write_state(collection: bpy.types.Collection, state: ImportState) -> None:
    properties: dict[str, Any] = {
        names.ID_PROPERTY: state.id,
        names.FOLDER_PROPERTY: state.folder,
        names.TAKE_PROPERTY: state.take,
        names.CLIP_PROPERTY: state.clip,
        names.ZERO_FRAME_PROPERTY: state.timing.timeline.zero_frame,
        names.FRAME_RATE_PROPERTY: state.timing.timeline.frame_rate,
        names.FIRST_FRAME_PROPERTY: state.first_frame,
        names.LAST_FRAME_PROPERTY: state.last_frame,
        names.NOTES_PROPERTY: state.notes,
        names.CLIP_FRAMES_PROPERTY: state.timing.clip_frames.tolist(),
        names.CLIP_SECONDS_PROPERTY: state.timing.seconds.tolist(),
    }
    for name, value in properties.items():
        collection[name] = value


def read_state(collection: bpy.types.Collection) -> ImportState:
    """UserError `not-imported` if the collection holds no reconstruction."""
    if not is_reconstruction(collection):
        raise UserError(
            "not-imported",
            f"The collection {collection.name!r} holds no reconstruction.",
            "Select an armature of a reconstruction, or import one.",
        )
    stored: Any = collection
    return ImportState(
        id=stored[names.ID_PROPERTY],
        folder=stored[names.FOLDER_PROPERTY],
        take=stored[names.TAKE_PROPERTY],
        clip=stored[names.CLIP_PROPERTY],
        timing=ClipTiming(
            np.array(stored[names.CLIP_FRAMES_PROPERTY]),
            np.array(stored[names.CLIP_SECONDS_PROPERTY]),
            Timeline(stored[names.ZERO_FRAME_PROPERTY], stored[names.FRAME_RATE_PROPERTY]),
        ),
        first_frame=stored[names.FIRST_FRAME_PROPERTY],
        last_frame=stored[names.LAST_FRAME_PROPERTY],
        notes=stored[names.NOTES_PROPERTY],
    )


def is_reconstruction(collection: bpy.types.Collection) -> bool:
    """Whether a reconstruction was imported into the collection."""
    return names.ID_PROPERTY in collection


def reconstruction_collections() -> Iterator[bpy.types.Collection]:
    """The collections of all imported reconstructions in the file."""
    return (collection for collection in bpy.data.collections if is_reconstruction(collection))


def find_reconstruction(identity: str) -> bpy.types.Collection | None:
    """The collection of the reconstruction with this `reconstruction_id`."""
    return next((item for item in reconstruction_collections() if item[names.ID_PROPERTY] == identity), None)
