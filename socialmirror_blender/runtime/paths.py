"""The add-on's folders: its own, which is replaced with each version, and the one in which it keeps its files."""

from __future__ import annotations

import json
from pathlib import Path

import bpy

from . import installer
from .environment import Facts, Record

PACKAGE = (__package__ or "").removesuffix(".socialmirror_blender.runtime")
"""The extension's name inside Blender, `bl_ext.user_default.socialmirror`."""
ROOT = Path(__file__).resolve().parents[2]
"""The extension's folder, in which `python -m core` works."""


def user_folder() -> Path:
    """The folder that the extension may write to; Blender removes it together with the extension."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True))


def environments_folder() -> Path:
    return user_folder() / "environment"


def log_folder() -> Path:
    return user_folder() / "logs"


def read_facts() -> Facts:
    """Read what is on the disk of the environment."""
    folder = environments_folder()
    record = _read_record(folder / installer.RECORD_FILE)
    states = [environment / installer.STATE_FILE for environment in installer.environments(folder)]
    return Facts(
        record=record,
        interpreter_exists=record is not None and Path(record.interpreter).exists(),
        interrupted=any(
            not state.exists() or state.read_text(encoding="utf-8") == installer.INCOMPLETE for state in states
        ),
        requirements=installer.fingerprint(ROOT),
    )


def _read_record(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # there is none, or it is from another version
