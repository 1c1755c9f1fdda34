"""The imported reconstructions of the open file: which one is active, and how the result of a job gets into it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import bpy

from ..core.contract.annotation import Annotation
from ..core.contract.edits import FILE_LIMITS
from ..core.contract.errors import UserError
from ..core.contract.files import read_json
from ..core.contract.reconstruction import INFO_FILE, Info, load, load_info
from . import folders
from . import scene as scenes
from .runtime.origins import Origin, find_scene
from .runtime.session import Outcome
from .scene.linking import find_import_of
from .scene.objects import reconstruction_of, require_no_control_rig
from .scene.result_prompt import fill_prompt, is_filled
from .take_files import activate_take, load_take
from .viewing import show_result

_infos: dict[Path, tuple[int, Info | None]] = {}
"""Cache of `read_info`, by file, with the time when the file was written: panels read it whenever they are drawn."""


def active_reconstruction(context: bpy.types.Context) -> bpy.types.Collection | None:
    """The reconstruction of the active object or collection; otherwise the scene's only one, None if it has none or several.

    An object of a reconstruction is of it wherever the animator has moved it.
    """
    collections = scenes.reconstructions_in(context.scene)
    theirs = None if context.object is None else reconstruction_of(collections, context.object)
    if theirs is not None:
        return theirs
    if context.collection in collections:
        return context.collection
    return collections[0] if len(collections) == 1 else None


def require_reconstruction(context: bpy.types.Context) -> bpy.types.Collection:
    """The active reconstruction. UserError `not-imported` if there is none."""
    collection = active_reconstruction(context)
    if collection is None:
        raise UserError(
            "not-imported", "No reconstruction is selected.", "Select one of its armatures, or import a reconstruction."
        )
    return collection


def require_folder(collection: bpy.types.Collection) -> Path:
    """The folder of an imported reconstruction. UserError `folder-missing`, or `network-folder` if it was not opened yet."""
    folder = scenes.folder_of(collection)
    if not folders.may_open(folder):
        raise UserError(
            "network-folder",
            f"This reconstruction lies on another computer: {folder}.",
            "If you trust the file that names it, press Open Network Folder.",
        )
    if not folders.has_result(folder):
        raise UserError(
            "folder-missing",
            f"The folder of this reconstruction is missing: {folder}.",
            "Put it back, or press Locate Results and choose where it is now.",
        )
    return folder


def read_info(collection: bpy.types.Collection) -> Info | None:
    """The `reconstruction.json` of an imported reconstruction, None if its folder is missing or damaged."""
    path = scenes.folder_of(collection) / INFO_FILE
    try:
        if not folders.may_open(path):
            return None
        written = path.stat().st_mtime_ns
    except (OSError, ValueError):
        return None
    cached = _infos.get(path)
    if cached is None or cached[0] != written:
        try:
            cached = (written, load_info(path.parent))
        except Exception:  # panels call this: whatever is wrong with a file of others, drawing goes on
            cached = (written, None)
        _infos[path] = cached
    return cached[1]


def fill_missing_prompts() -> None:
    """Give reconstructions that an earlier version imported the prompts of their takes."""
    for collection in scenes.editable_reconstructions():
        info = None if is_filled(collection) else read_info(collection)
        if info is not None and info.take == scenes.read_state(collection).take:
            fill_prompt(collection, info)


def active_annotation(context: bpy.types.Context) -> Annotation | None:
    """What a model has seen in the clip of the active reconstruction."""
    collection = active_reconstruction(context)
    info = None if collection is None else read_info(collection)
    return None if info is None else info.annotation


def import_outcome(outcome: Outcome) -> scenes.Steps[None]:
    """Import the result of a finished job into the scene that it was started in, as one undo step at the end.

    The steps are taken by a timer, which has no context of its own. UserError `scene-gone` if that scene was deleted.
    """
    steps = import_or_update_steps(bpy.context, Path(outcome.folder), outcome.origin)
    try:
        while True:
            with _context_of(outcome.origin):
                try:
                    next(steps)
                except StopIteration:
                    if bpy.data.filepath:  # it may have been saved while the job ran
                        scenes.move_results_beside(Path(bpy.data.filepath))
                    bpy.ops.ed.undo_push(message="Refine" if outcome.kind == "refine" else "Reconstruct Interaction")
                    return
            yield
    finally:
        steps.close()


@contextmanager
def _context_of(origin: Origin) -> Generator[None]:
    """The context of the scene that a job was started in, with a window that shows it if there is one."""
    scene = find_scene(origin)
    if scene is None:
        raise UserError(
            "scene-gone",
            f"The scene {origin.scene!r}, in which this was started, is gone.",
            "Import the result into the scene that is open.",
        )
    windows = bpy.context.window_manager.windows
    showing = next((window for window in windows if window.scene == scene), None)
    window = showing or (windows[0] if len(windows) else None)
    view_layer = scene.view_layers[0] if showing is None else showing.view_layer
    overridable: Any = bpy.context
    with overridable.temp_override(window=window, scene=scene, view_layer=view_layer):
        yield


def import_or_update(context: bpy.types.Context, folder: Path, origin: Origin) -> None:
    """Key the reconstruction that was refined with its new take, or import the folder.

    A UserError leaves the file as it was.
    """
    scenes.at_once(import_or_update_steps(context, folder, origin))


def update_refined(outcome: Outcome) -> bool:
    """Key the reconstruction that a finished job has refined with its new take, whichever scene is open.

    False if that is not in this file, or has not the armatures that the take needs: it can be imported then. A UserError leaves
    the file as it was.
    """
    if _refined(outcome.origin) is None:
        return False
    with nullcontext() if find_scene(outcome.origin) is None else _context_of(outcome.origin):
        try:
            import_or_update(bpy.context, Path(outcome.folder), outcome.origin)
        except UserError as error:
            if error.code not in ("shape-changed", "object-missing"):
                raise
            return False
    return True


def import_or_update_steps(context: bpy.types.Context, folder: Path, origin: Origin) -> scenes.Steps[None]:
    """`import_or_update` in steps, of which none takes long. Nothing of it is in the scene before the last one."""
    earlier = _refined(origin) or find_import_of(folder, context.scene)
    if earlier is not None:
        require_no_control_rig(earlier)  # before the folder is read: as long as it fails, it is tried again and again
    reconstruction = load(folder)
    yield
    refined = _refined(origin)
    if refined is not None:
        before, edits = scenes.edit_marks(refined), _last_edits(folder)
        asked = edits.get("contacts") if scenes.read_state(refined).take == origin.take else None
        yield from scenes.show_take_steps(refined, folder, reconstruction, asked)
        scenes.remember_refined(refined, edits, before)
    else:
        options = scenes.ImportOptions(
            origin.frame_start,
            origin.strip or None,
            origin.link_camera,
            origin.match_scene and not origin.strip,
            keep_timeline=True,
        )
        collection = yield from scenes.import_steps(context, folder, reconstruction, options)
        if options.match_scene:
            key_others_for_scene_rate(context.scene, collection)
        show_result(context, collection)


def key_for_scene_rate(scene: bpy.types.Scene, collection: bpy.types.Collection) -> None:
    """Key a result with the take that it shows for the scene's frame rate. UserError if that is impossible."""
    folder = require_folder(collection)
    shown = load_take(folder, scenes.read_state(collection).take)
    scenes.key_for_scene_rate(scene, collection, folder, shown)


def key_others_for_scene_rate(scene: bpy.types.Scene, matched: bpy.types.Collection) -> list[str]:
    """Key the scene's other results for the frame rate that it got from one; for each that cannot be, a sentence says why."""
    failed: list[str] = []
    for other in scenes.reconstructions_in(scene):
        if other == matched or scenes.fits_frame_rate(scene, other):
            continue
        try:
            key_for_scene_rate(scene, other)
        except UserError as error:
            rate = scenes.read_state(other).timing.timeline.frame_rate
            failed.append(f"{other.name} is still keyed for {rate:.4g} fps: {error}")
    return failed


def _refined(origin: Origin) -> bpy.types.Collection | None:
    """The collection of the reconstruction that a job has refined, None if it is not in this file or the job was another one."""
    return scenes.find_reconstruction(origin.collection) if origin.collection else None


def _last_edits(folder: Path) -> dict[str, Any]:
    """The JSON of the edits that the last Refine was asked for; empty if it is gone."""
    try:
        return read_json(folder / scenes.EDITS_FILE, FILE_LIMITS)
    except UserError:
        return {}


def activate_shown_take(collection: bpy.types.Collection) -> None:
    """Make the take that the armatures are keyed with the active one of the folder, as after undo. UserError if it is missing."""
    folder, take = require_folder(collection), scenes.read_state(collection).take
    if load_info(folder).take != take:
        activate_take(folder, take)
