"""Links imported reconstructions with their folders, whatever was moved: the .blend file, the folder, or both."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import bpy

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import load_info
from .. import folders
from .contact_edits import imported_contact_ids
from .state import ImportState, editable_reconstructions, link_folder, read_state, set_folder_note


def folder_of(collection: bpy.types.Collection) -> Path:
    """The folder of an imported reconstruction; the place that was stored last if there is none any more."""
    state = read_state(collection)
    return folders.locate(state.folder, state.relative_folder)


def link_to(collection: bpy.types.Collection, folder: Path, blend: str) -> None:
    """Remember the folder of an imported reconstruction, for the .blend file at the path `blend`, which may be empty."""
    folder = folder.absolute()
    link_folder(collection, str(folder), folders.relative_to_blend(folder, blend))


def find_import_of(folder: Path, scene: bpy.types.Scene) -> bpy.types.Collection | None:
    """The collection of an earlier import of a folder into a scene, also if the folder has been moved since.

    An import that was taken out of every scene counts too; those of other scenes do not, which are other people's motion.
    """
    elsewhere = {item for other in bpy.data.scenes if other != scene for item in other.collection.children_recursive}
    in_scene = set(scene.collection.children_recursive)
    collections = [item for item in editable_reconstructions() if item in in_scene or item not in elsewhere]
    collections.sort(key=lambda item: item not in in_scene)
    for collection in collections:
        if folders.is_same_folder(folder_of(collection), folder):
            return collection
    return next((item for item in collections if not is_found(item) and _is_surely_of(item, folder)), None)


def is_found(collection: bpy.types.Collection) -> bool:
    """Whether the folder of an imported reconstruction is where it is expected."""
    return folders.has_result(folder_of(collection))


def check_belongs(collection: bpy.types.Collection, folder: Path) -> None:
    """UserError `other-reconstruction` if a folder has not the take that the armatures are keyed with, or is of other frames.

    UserError `no-reconstruction`, `damaged` or `schema-too-new` if the folder cannot be read.
    """
    load_info(folder)
    state = read_state(collection)
    try:
        frames = load_info(folder, state.take).clip["frames"]
    except UserError:
        frames = None
    if not _has_frames(state, frames):
        raise UserError(
            "other-reconstruction",
            f"{folder} is another reconstruction: it has no {state.take} of these frames of {state.clip}.",
            "Choose the folder that belongs to these armatures, or import that one beside them.",
        )


def keep_links(blend: str) -> None:
    """Adapt the links of all imported reconstructions to the .blend file at this path, which is being saved or is open.

    A link whose folder is missing stays as it is: either of its paths may lead to it again.
    """
    for collection in editable_reconstructions():
        folder = folder_of(collection)
        if folders.has_result(folder):
            link_to(collection, folder, blend)


def move_results_beside(blend: Path) -> dict[Path, Path]:
    """Move results that were made while the file was not saved beside it. One that cannot be moved stays linked where it is.

    Returns the new places by the old ones.
    """
    places: dict[Path, Path] = {}
    for collection in editable_reconstructions():
        folder = folder_of(collection)
        if not (folders.is_provisional(folder) and folders.has_result(folder)):
            continue
        try:
            moved = folders.move_beside(folder, blend)
        except UserError as error:
            set_folder_note(
                collection,
                f"The result could not be moved beside the file and stays in {folder}. {error}",
            )
        else:
            places[folder] = moved
            link_to(collection, moved, str(blend))
            set_folder_note(collection, "")
    return places


def take_results_back(places: Mapping[Path, Path], *, copied: bool) -> None:
    """Let the open file have results where they were before `move_results_beside`, which was for another file.

    If that one is a `copied` file, it keeps them as its own, and the open one gets a copy. Where there is no room, both share
    one.
    """
    blend = bpy.data.filepath
    for before, moved in places.items():
        linked = [item for item in editable_reconstructions() if folder_of(item) == moved]
        with suppress(UserError):
            (folders.copy_back if copied else folders.move_back)(moved, before)
            for collection in linked:
                link_to(collection, before, blend)


def _has_frames(state: ImportState, frames: object) -> bool:
    clip_frames = state.timing.clip_frames
    return frames == [int(clip_frames[0]), int(clip_frames[-1])]


def _is_surely_of(collection: bpy.types.Collection, folder: Path) -> bool:
    """Whether a folder holds the very result that was imported: contacts have random identities."""
    state = read_state(collection)
    try:
        info = load_info(folder, state.take)
    except UserError:
        return False
    known = {contact.id for contact in info.contacts}
    return bool(known) and _has_frames(state, info.clip.get("frames")) and known == imported_contact_ids(collection)
