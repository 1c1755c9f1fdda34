"""Finds and removes files in the weights' folder that nothing reads any more."""

from __future__ import annotations

import time
from pathlib import Path

from ..weights import weights_folder

_LEFTOVER_SECONDS = 3600.0
"""Age from which on a temporary file is surely not being written any more."""


def useless_files(folder: Path | None = None) -> list[Path]:
    """Leftovers of interrupted writing, and the converted networks that earlier versions kept beside the weights."""
    folder = folder or weights_folder()
    if not folder.is_dir():
        return []
    leftovers = [path for path in folder.rglob(".*-????????.*") if _age(path) > _LEFTOVER_SECONDS]
    converted = [path for path in folder.glob("*.onnx") if not path.name.startswith(".")]
    return sorted([*leftovers, *converted])


def clean_cache(folder: Path | None = None) -> list[Path]:
    """Remove the useless files and return their paths."""
    removed = useless_files(folder)
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
