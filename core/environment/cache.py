"""Finds and removes what is of no use in the weights' folder: copies that do not load, leftovers of interrupted writing."""

from __future__ import annotations

import time
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ..weights import weights_folder

_LEFTOVER_SECONDS = 3600.0
"""Age from which on a temporary file is surely not being written any more."""


def useless_files(folder: Path | None = None) -> list[Path]:
    """Files in the weights' folder that `clean_cache` would remove; each is made again when it is needed."""
    folder = folder or weights_folder()
    if not folder.is_dir():
        return []
    leftovers = [path for path in folder.rglob(".*-????????.*") if _age(path) > _LEFTOVER_SECONDS]
    return sorted([*leftovers, *(path for path in folder.glob("*.onnx") if _is_damaged(path))])


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


def _is_damaged(copy: Path) -> bool:
    """Whether onnxruntime cannot load a network's copy that was written for it. False where there is no onnxruntime."""
    if copy.name.startswith(".") or find_spec("onnxruntime") is None:
        return False
    try:
        import_module("onnxruntime").InferenceSession(str(copy), providers=["CPUExecutionProvider"])
    except Exception:  # onnxruntime's errors derive from nothing in particular
        return True
    return False
