"""What the add-on remembers in the .blend: which collection holds which reconstruction, and which object is what."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...core.contract.errors import UserError
from .timing import Timeline

ROLE = "socialmirror_role"
CAMERA = "camera"
_PREFIX = "socialmirror_"


@dataclass(frozen=True)
class ImportState:
    """Kept as custom properties of the collection, so that it survives saving, undo and renaming."""

    id: str
    """The same for every import of one folder."""
    folder: str
    take: str
    clip: str
    """The clip's file name without suffix."""
    zero: float
    fps: float
    """`Timeline` of the keys."""
    first: int
    last: int
    """Scene frames of the first and last key."""
    notes: str
    """What the user should know about the import, a line each."""

    @property
    def timeline(self) -> Timeline:
        return Timeline(self.zero, self.fps)


def reconstruction_id(folder: Path) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, folder.resolve().as_uri()))


def write_state(
    collection: bpy.types.Collection, state: ImportState, clip_frames: np.ndarray, seconds: np.ndarray
) -> None:
    """clip_frames int [T] and seconds [T]: the reconstruction's frames of the clip and their time stamps."""
    for name, value in vars(state).items():
        collection[_PREFIX + name] = value
    collection[_PREFIX + "clip_frames"] = clip_frames.tolist()
    collection[_PREFIX + "clip_seconds"] = seconds.tolist()


def read_state(collection: bpy.types.Collection) -> ImportState:
    """UserError `not-imported` for a collection that holds no reconstruction."""
    if not is_import(collection):
        raise UserError(
            "not-imported",
            f"The collection {collection.name!r} holds no reconstruction.",
            "Select an armature of a reconstruction, or import one.",
        )
    return ImportState(**{name: collection[_PREFIX + name] for name in ImportState.__annotations__})


def clip_times(collection: bpy.types.Collection) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the clip int [T] and their time stamps in seconds [T]."""
    return np.array(collection[_PREFIX + "clip_frames"]), np.array(collection[_PREFIX + "clip_seconds"])


def is_import(collection: bpy.types.Collection) -> bool:
    return _PREFIX + "id" in collection


def imports() -> Iterator[bpy.types.Collection]:
    """Every imported reconstruction in the file."""
    return (collection for collection in bpy.data.collections if is_import(collection))


def find_import(identity: str) -> bpy.types.Collection | None:
    return next((collection for collection in imports() if collection[_PREFIX + "id"] == identity), None)


def tag(created: bpy.types.Object, role: str) -> None:
    """Mark an object as made by the import. Roles: `rig:0`, `skin:0`, `camera`, `contact:ID:a`."""
    created[ROLE] = role


def with_role(collection: bpy.types.Collection, role: str) -> bpy.types.Object | None:
    """The collection's object of that role. A duplicate that the animator made carries the tag too: the first counts."""
    return next((item for item in collection.all_objects if item.get(ROLE) == role), None)


def rig_of(collection: bpy.types.Collection, person: int) -> bpy.types.Object:
    return _required(collection, f"rig:{person}", "armature", person)


def skin_of(collection: bpy.types.Collection, person: int) -> bpy.types.Object:
    return _required(collection, f"skin:{person}", "mesh", person)


def _required(collection: bpy.types.Collection, role: str, what: str, person: int) -> bpy.types.Object:
    found = with_role(collection, role)
    if found is None:
        raise UserError(
            "object-missing",
            f"The {what} of person {person + 1} is not in {collection.name!r} any more.",
            "Undo its removal, or import the reconstruction again.",
        )
    return found
