"""Keeps results and file together when the file is saved, undone or redone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..core.contract.errors import UserError
from . import scene as scenes
from .reconstructions import activate_shown_take, fill_missing_prompts
from .runtime.session import abandon_import, redraw, session

_takes_before: dict[str, str] = {}
"""The take of each imported reconstruction before the undo or redo that is under way."""


@persistent
def _before_saving(path: str = "", *_: Any) -> None:
    """Move results of a file that was not saved yet beside it, and store links for the place where it is saved."""
    abandon_import()
    path = path or bpy.data.filepath
    if not path:
        return
    if not session.runner.job.active:  # otherwise they move when the job's result is imported, or at the next time
        scenes.move_results_beside(Path(path))
    scenes.keep_links(path)


@persistent
def _after_saving(*_: Any) -> None:
    """A copy may have been saved elsewhere; the open file is where it was."""
    if bpy.data.filepath:
        scenes.keep_links(bpy.data.filepath)


@persistent
def _before_loading(*_: Any) -> None:
    abandon_import()


@persistent
def _after_loading(*_: Any) -> None:
    """A copy that Blender saved by itself may be of a moment in which an import was under way."""
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
    ("undo_pre", _before_step),
    ("redo_pre", _before_step),
    ("undo_post", _after_step),
    ("redo_post", _after_step),
    ("depsgraph_update_post", _after_update),
)


def register() -> None:
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    if bpy.app.timers.is_registered(_separate_copies):
        bpy.app.timers.unregister(_separate_copies)
