"""The add-on's folders: its own, which is replaced with each version, and the one in which it keeps its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from . import environment_files
from .environment import Facts, Record

PACKAGE = (__package__ or "").removesuffix(".socialmirror_blender.runtime")
"""The extension's name inside Blender, `bl_ext.user_default.socialmirror`."""
ROOT = Path(__file__).resolve().parents[2]
"""The extension's folder, in which `python -m core` works."""


def sample_clip() -> Path:
    """A short clip of two people that comes with the extension."""
    return ROOT / "samples" / "handshake_hug.mp4"


def sample_prompt() -> str:
    """What its two people do."""
    return sample_clip().with_suffix(".txt").read_text("utf-8").strip()


def user_folder() -> Path:
    """The folder that the extension may write to; Blender removes it together with the extension."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True))


def environments_folder() -> Path:
    return user_folder() / "environment"


def queue_folder() -> Path:
    return user_folder() / "queue"


def log_folder() -> Path:
    return user_folder() / "logs"


def read_facts() -> Facts:
    """Read what is on the disk of the environment."""
    folder = environments_folder()
    record = _record(environment_files.read_record(folder), folder)
    requirements = environment_files.fingerprint(ROOT)
    spare = environment_files.fitting_environment(folder, requirements) if record and not record.folder else None
    return Facts(
        record=record,
        interpreter_exists=record is not None and Path(record.interpreter).exists(),
        interrupted=any(map(environment_files.is_incomplete, environment_files.environments(folder))),
        requirements=requirements,
        being_made=environment_files.is_being_made(folder),
        own_interpreter=str(environment_files.interpreter_of(spare)) if spare else "",
    )


def _record(found: dict[str, Any] | None, folder: Path) -> Record | None:
    """None where there is none, or where it is from another version."""
    kinds = {"interpreter": str, "folder": str, "requirements": str, "weights": bool}
    if found is None or {name: type(value) for name, value in found.items()} != kinds:
        return None
    return replace(Record(**found), interpreter=str(environment_files.recorded_interpreter(found, folder)))
