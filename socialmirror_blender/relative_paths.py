"""Paths of the settings that are relative to the .blend file: they follow it, as Blender lets its own paths do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy

_INPUTS = ("filepath", "initial_a", "initial_b", "body", "people_movie")
"""The settings that name files to read. Output stays relative, as that of a render does."""


def rebase_paths(before: str, after: str) -> None:
    """Let relative paths in all scenes mean the same files from the .blend file `after` as from `before`.

    Nothing happens if one of them is empty, which is a file that was never saved.
    """
    old, new = Path(before).parent, Path(after).parent
    if not (before and after) or old == new:
        return
    scenes: Any = bpy.data.scenes
    for settings in (scene.socialmirror for scene in scenes if scene.library is None):
        for name in _INPUTS:
            path = getattr(settings, name)
            if path.startswith("//"):
                setattr(settings, name, _rebased(path, old, new))


def as_preferred(path: str) -> str:
    """A path relative to the .blend file if it is saved and the user prefers such paths, as Blender's own fields make it."""
    if not (bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths):
        return path
    return _relative(bpy.path.abspath(path), Path(bpy.data.filepath).parent)


def _rebased(path: str, old: Path, new: Path) -> str:
    return _relative(os.path.normpath(bpy.path.abspath(path, start=str(old))), new)


def _relative(absolute: str, folder: Path) -> str:
    try:
        return bpy.path.relpath(absolute, start=str(folder))
    except ValueError:  # on another drive
        return absolute
