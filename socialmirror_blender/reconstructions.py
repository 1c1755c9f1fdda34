"""The reconstructions in the file that is open: which one the user means, and bringing results in."""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.contract.errors import UserError
from ..core.contract.reconstruction import INFO_FILE, Info, load_info
from . import scene as scenes
from .properties import settings_of, suggest
from .runtime.session import Origin, Outcome, find_scene

_infos: dict[Path, tuple[int, Info | None]] = {}
"""By file, with the time at which it was written: panels ask at every drawing."""


def active_import(context: bpy.types.Context) -> bpy.types.Collection | None:
    """The reconstruction of the active object or collection, else the only one of the scene."""
    here = [item for item in scenes.imports() if item in context.scene.collection.children_recursive]
    for collection in here:
        if context.object is not None and context.object.name in collection.all_objects:
            return collection
    if context.collection in here:
        return context.collection
    return here[0] if len(here) == 1 else None


def require_import(context: bpy.types.Context) -> bpy.types.Collection:
    """As `active_import`; UserError `not-imported` where there is none."""
    collection = active_import(context)
    if collection is None:
        raise UserError(
            "not-imported", "No reconstruction is selected.", "Select one of its armatures, or import a reconstruction."
        )
    return collection


def folder_of(collection: bpy.types.Collection) -> Path:
    return Path(scenes.read_state(collection).folder)


def info_of(collection: bpy.types.Collection) -> Info | None:
    """What the reconstruction's folder says of it; None where the folder is gone or damaged."""
    path = folder_of(collection) / INFO_FILE
    try:
        written = path.stat().st_mtime_ns
    except OSError:
        return None
    known = _infos.get(path)
    if known is None or known[0] != written:
        try:
            known = (written, load_info(path.parent))
        except UserError:
            known = (written, None)
        _infos[path] = known
    return known[1]


def apply(outcome: Outcome) -> None:
    """Bring a finished job's result into the scene it was started in, as one undo step. For the timer, which has no context."""
    scene = find_scene(outcome.origin)
    if scene is None:
        raise UserError(
            "scene-gone",
            f"The scene {outcome.origin.scene!r}, in which this was started, is gone.",
            "Import the result into the scene that is open.",
        )
    windows = bpy.context.window_manager.windows
    window = next((window for window in windows if window.scene == scene), windows[0] if len(windows) else None)
    view_layer = window.view_layer if window is not None and window.scene == scene else scene.view_layers[0]
    with bpy.context.temp_override(window=window, scene=scene, view_layer=view_layer):
        bring_in(bpy.context, Path(outcome.folder), outcome.origin)
        bpy.ops.ed.undo_push(message="Refine" if outcome.kind == "refine" else "Reconstruct Interaction")


def bring_in(context: bpy.types.Context, folder: Path, origin: Origin) -> bpy.types.Collection:
    """New keys for the rigs that were refined, or a new collection; what was seen is suggested as the prompt.

    UserError with the file as it was.
    """
    refined = scenes.find_import(origin.collection) if origin.collection else None
    if refined is not None:
        scenes.update_take(context, refined, folder)
    collection = refined or scenes.import_reconstruction(
        context,
        folder,
        frame_start=origin.frame_start,
        strip=origin.strip or None,
        link_camera=origin.link_camera,
        match_scene=origin.match_scene and not origin.strip,
    )
    suggest(settings_of(context), load_info(folder))
    return collection
