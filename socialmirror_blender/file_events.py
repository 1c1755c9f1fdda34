"""Keeps results and file together when the file is saved, undone or redone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import bpy
from bpy.app.handlers import persistent

from ..core.contract.errors import UserError
from . import folders
from . import scene as scenes
from .reconstructions import activate_shown_take, fill_missing_prompts
from .relative_paths import rebase_paths
from .runtime import polling
from .runtime.clip_queue import ClipState, QueuedClip, may_share_folder
from .runtime.origins import Origin, followed, is_open
from .runtime.redraw import redraw
from .runtime.result_imports import abandon_import
from .runtime.session import Outcome, session
from .scene.actions import forget_shown
from .scene.recent import forget_recent

Entry = TypeVar("Entry", Outcome, "QueuedClip[Origin]")

_takes_before: dict[str, str] = {}
"""The take of each imported reconstruction before the undo or redo that is under way."""
_moved: dict[Path, Path] = {}
"""Where results of the open file lie now, by where they did before the save that is under way."""


@persistent
def _before_saving(path: str = "", *_: Any) -> None:
    """Move results of a file that was not saved yet beside it, and store links for the place where it is saved.

    Blender does not say before it has saved whether the file is a copy: `_after_saving` takes the move back then.
    """
    abandon_import()
    scenes.keep_unlinked_takes()
    _moved.clear()
    path = path or bpy.data.filepath
    if path:
        if not session.runner.job.active:  # otherwise `_after_job` moves what the job may be writing to
            _moved.update(scenes.move_results_beside(Path(path)))
        scenes.keep_links(path)
        rebase_paths(bpy.data.filepath, path)


def _after_job() -> None:
    """Move what a job wrote while the file was saved for the first time."""
    if bpy.data.filepath:
        abandon_import()
        scenes.move_results_beside(Path(bpy.data.filepath))
        _move_waiting_results(Path(bpy.data.filepath))


def _move_waiting_results(blend: Path) -> None:
    """Move results of this file that are not imported yet beside it, too, and let the queue put those to come there."""

    def relocated(clip: QueuedClip[Origin]) -> QueuedClip[Origin]:
        if not is_open(clip.origin) or clip.state is ClipState.RUNNING:
            return clip
        out = Path(str(clip.fields["out"]))
        if folders.is_provisional(out):
            clip = replace(clip, fields=clip.fields | {"out": str(folders.permanent_folder(blend) / out.name)})
        return replace(clip, folder=_moved_beside(clip.folder, blend)) if clip.folder else clip

    def moved(outcome: Outcome) -> Outcome:
        return replace(outcome, folder=_moved_beside(outcome.folder, blend)) if is_open(outcome.origin) else outcome

    session.queue.relocate(relocated)
    session.pending = None if session.pending is None else moved(session.pending)
    session.waiting = tuple(map(moved, session.waiting))


def _moved_beside(stored: str, blend: Path) -> str:
    """Where a result lies afterwards. It stays where the running job may write into it, or it cannot be moved."""
    folder = folders.locate(stored, "")  # another entry may be of the same result
    if folders.is_provisional(folder) and folders.has_result(folder) and not _may_be_written(folder):
        with suppress(UserError):
            return str(folders.move_beside(folder, blend))
    return str(folder)


def _may_be_written(folder: Path) -> bool:
    if not session.runner.job.active:
        return False
    running = session.queue.running
    return running is None or may_share_folder(folder, Path(str(running.fields["out"])))


@persistent
def _after_saving(path: str = "", *_: Any) -> None:
    """Let what is not stored in the file follow it, or take back what was done for a copy that was saved elsewhere."""
    if path != bpy.data.filepath:
        _stay(path, copied=True)
        return
    _moved.clear()
    scenes.keep_links(path)
    _move_waiting_results(Path(path))
    _let_jobs_follow()


@persistent
def _after_failing(path: str = "", *_: Any) -> None:
    if path != bpy.data.filepath:
        _stay(path, copied=False)


def _stay(path: str, *, copied: bool) -> None:
    """Let the open file be as it was before it was saved at another path, if it was saved there at all."""
    scenes.take_results_back(_moved, copied=copied)
    _moved.clear()
    scenes.keep_links(bpy.data.filepath)
    rebase_paths(path, bpy.data.filepath)


def _let_jobs_follow() -> None:
    """Let the jobs of the open file, and what they have made, belong to the file as it was just saved."""
    session.origin = None if session.origin is None else followed(session.origin)
    session.pending = None if session.pending is None else _followed(session.pending)
    session.waiting = tuple(map(_followed, session.waiting))
    session.queue.relocate(_followed)


def _followed(entry: Entry) -> Entry:
    return replace(entry, origin=followed(entry.origin))


@persistent
def _before_loading(*_: Any) -> None:
    abandon_import()


@persistent
def _after_loading(*_: Any) -> None:
    """A copy that Blender saved by itself may be of a moment in which an import was under way."""
    forget_recent()
    scenes.remove_unfinished_imports()
    scenes.separate_copies()
    fill_missing_prompts()


@persistent
def _before_step(*_: Any) -> None:
    abandon_import()
    _takes_before.clear()
    _takes_before.update(_shown_takes())


@persistent
def _after_step(*_: Any) -> None:
    """Let the folders follow the scene if a step has brought another take back. No file is removed."""
    forget_recent()
    scenes.remove_unfinished_imports()
    scenes.separate_copies()
    for collection in scenes.editable_reconstructions():
        state = scenes.read_state(collection)
        if _takes_before.get(state.id, state.take) == state.take or session.runner.job.active:
            continue
        with suppress(UserError):  # Refine and Use Take say so when it matters
            activate_shown_take(collection)
    redraw()


@persistent
def _after_update(_scene: bpy.types.Scene, depsgraph: Any) -> None:
    """Look for copies of a reconstruction a little later: a handler must not change what is being evaluated."""
    if depsgraph.id_type_updated("ACTION"):
        forget_shown()
    if depsgraph.id_type_updated("COLLECTION") and not bpy.app.timers.is_registered(_separate_copies):
        bpy.app.timers.register(_separate_copies)


def _separate_copies() -> None:
    scenes.separate_copies()


def _shown_takes() -> dict[str, str]:
    states = map(scenes.read_state, scenes.editable_reconstructions())
    return {state.id: state.take for state in states}


_HANDLERS = (
    ("load_pre", _before_loading),
    ("load_post", _after_loading),
    ("save_pre", _before_saving),
    ("save_post", _after_saving),
    ("save_post_fail", _after_failing),
    ("undo_pre", _before_step),
    ("redo_pre", _before_step),
    ("undo_post", _after_step),
    ("redo_post", _after_step),
    ("depsgraph_update_post", _after_update),
)


def register() -> None:
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    polling.job_end_listeners.append(_after_job)


def unregister() -> None:
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    polling.job_end_listeners.remove(_after_job)
    if bpy.app.timers.is_registered(_separate_copies):
        bpy.app.timers.unregister(_separate_copies)
