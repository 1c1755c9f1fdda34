"""Finds and removes files in the weights' folder that nothing reads any more."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from ..contract.temporary import temporary_files
from ..weights import weights_folder

_LEFTOVER_SECONDS = 3600.0
"""Age from which on a temporary file is surely not being written any more."""
_CONVERTED = "*-opset[0-9]*.onnx"
"""The names that version 0.1 gave to networks that it had converted."""


def useless_files(folder: Path | None = None) -> list[Path]:
    """Leftovers of interrupted writing, and the converted networks that earlier versions kept beside the weights."""
    folder = folder or weights_folder()
    leftovers = [
        path for place in _folders(folder) for path in temporary_files(place) if _age(path) > _LEFTOVER_SECONDS
    ]
    return sorted([*leftovers, *folder.glob(_CONVERTED)])


def clean_cache(folder: Path | None = None) -> list[Path]:
    """Remove the useless files and return their paths."""
    removed = useless_files(folder)
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


def _folders(folder: Path) -> Iterator[Path]:
    """The folder and those below it, but not where symbolic links lead."""
    for place, _, _ in os.walk(folder.resolve()):
        yield Path(place)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
