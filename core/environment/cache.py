"""Finds and removes files in the weights' folder that nothing reads any more."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ..contract.temporary import is_temporary_name
from ..weights import weights_folder

_LEFTOVER_SECONDS = 3600.0
"""Age from which on a temporary file is surely not being written any more."""
_CONVERTED = "*-opset[0-9]*.onnx"
"""The names that version 0.1 gave to networks that it had converted."""


def useless_files(folder: Path | None = None) -> list[Path]:
    """Leftovers of interrupted writing, and the converted networks that earlier versions kept beside the weights."""
    folder = folder or weights_folder()
    leftovers = [path for path in _temporary(folder.resolve()) if _age(path) > _LEFTOVER_SECONDS]
    return sorted([*leftovers, *folder.glob(_CONVERTED)])


def clean_cache(folder: Path | None = None) -> list[Path]:
    """Remove the useless files and return their paths."""
    removed = useless_files(folder)
    for path in removed:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return removed


def _temporary(folder: Path) -> Iterator[Path]:
    """Files and folders with temporary names in the folder and in those below it, but not where symbolic links lead."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files) if is_temporary_name(name))
        folders[:] = [name for name in folders if not is_temporary_name(name)]


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
