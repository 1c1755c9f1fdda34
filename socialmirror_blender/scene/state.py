"""What a collection remembers about the reconstruction that was imported into it, as custom properties.

Custom properties survive saving, undo and renaming; see names.py for what they are called.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from . import names
from .timeline import ClipTiming, Timeline


@dataclass(frozen=True)
class ImportState:
    id: str
    """Identity of the import, which it keeps when its folder is moved."""
    folder: str
    """Absolute path."""
    relative_folder: str
    """Path relative to the .blend file with Blender's prefix `//`, empty if there is none; see folders.py."""
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


def new_identity() -> str:
    return str(uuid.uuid4())


def write_state(collection: bpy.types.Collection, state: ImportState) -> None:
    properties: dict[str, Any] = {
        names.ID_PROPERTY: state.id,
        names.FOLDER_PROPERTY: state.folder,
        names.RELATIVE_FOLDER_PROPERTY: state.relative_folder,
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
        relative_folder=_text(stored, names.RELATIVE_FOLDER_PROPERTY),
        take=stored[names.TAKE_PROPERTY],
        clip=_text(stored, names.CLIP_PROPERTY),
        timing=ClipTiming(
            np.array(stored[names.CLIP_FRAMES_PROPERTY]),
            np.array(stored[names.CLIP_SECONDS_PROPERTY]),
            Timeline(float(stored[names.ZERO_FRAME_PROPERTY]), float(stored[names.FRAME_RATE_PROPERTY])),
        ),
        first_frame=int(stored[names.FIRST_FRAME_PROPERTY]),
        last_frame=int(stored[names.LAST_FRAME_PROPERTY]),
        notes=_text(stored, names.NOTES_PROPERTY),
    )


def link_folder(collection: bpy.types.Collection, folder: str, relative_folder: str) -> None:
    """Remember another place of the reconstruction's folder; nothing is written if both paths are what they were."""
    for name, value in ((names.FOLDER_PROPERTY, folder), (names.RELATIVE_FOLDER_PROPERTY, relative_folder)):
        if _text(collection, name) != value:
            collection[name] = value


def folder_note(collection: bpy.types.Collection) -> str:
    """What the user should know about the place of the folder, empty if it is as it should be."""
    return _text(collection, names.FOLDER_NOTE_PROPERTY)


def set_folder_note(collection: bpy.types.Collection, note: str) -> None:
    if folder_note(collection) != note:
        collection[names.FOLDER_NOTE_PROPERTY] = note


def is_reconstruction(collection: bpy.types.Collection) -> bool:
    """Whether a reconstruction was imported into the collection, with all that is remembered of it.

    A collection of a damaged file counts as an ordinary one, so that panels can be drawn.
    """
    stored: Any = collection
    return all(isinstance(stored.get(name), kinds) for name, kinds in _SINGLE.items()) and all(
        hasattr(stored.get(name), "to_list") for name in _LISTS
    )


def reconstruction_collections() -> Iterator[bpy.types.Collection]:
    """The collections of all imported reconstructions in the file, without one that is being imported."""
    finished = (collection for collection in bpy.data.collections if names.UNFINISHED_PROPERTY not in collection)
    return filter(is_reconstruction, finished)


def reconstructions_in(scene: bpy.types.Scene) -> list[bpy.types.Collection]:
    """The collections of the reconstructions that were imported into a scene, those that lie in other collections too."""
    in_scene = set(scene.collection.children_recursive)
    return [collection for collection in reconstruction_collections() if collection in in_scene]


def is_linked(datablock: bpy.types.ID) -> bool:
    """Whether a collection or an object comes from another .blend file, be it with overrides: it is edited there."""
    return datablock.library is not None or datablock.override_library is not None


def editable_reconstructions() -> Iterator[bpy.types.Collection]:
    """The collections of the imported reconstructions that belong to this file."""
    return (collection for collection in reconstruction_collections() if not is_linked(collection))


def find_reconstruction(identity: str) -> bpy.types.Collection | None:
    """The collection of the import with this identity, which belongs to this file."""
    return next((item for item in editable_reconstructions() if item[names.ID_PROPERTY] == identity), None)


def _text(stored: Any, name: str) -> str:
    """A text property, empty if it is missing or something else."""
    value = stored.get(name, "")
    return value if isinstance(value, str) else ""


_NUMBER = (int, float)
_SINGLE: dict[str, Any] = {
    names.ID_PROPERTY: str,
    names.FOLDER_PROPERTY: str,
    names.TAKE_PROPERTY: str,
    names.ZERO_FRAME_PROPERTY: _NUMBER,
    names.FRAME_RATE_PROPERTY: _NUMBER,
    names.FIRST_FRAME_PROPERTY: _NUMBER,
    names.LAST_FRAME_PROPERTY: _NUMBER,
}
_LISTS = (names.CLIP_FRAMES_PROPERTY, names.CLIP_SECONDS_PROPERTY)
