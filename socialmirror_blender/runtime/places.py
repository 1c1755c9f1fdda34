"""Names the add-on's folders and says how its programs are started, with which environment variables."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import bpy

from . import installer
from .environment import Facts, Record
from .process import Launch

PACKAGE = (__package__ or "").removesuffix(".socialmirror_blender.runtime")
"""The extension's name inside Blender, `bl_ext.user_default.socialmirror`."""
ROOT = Path(__file__).resolve().parents[2]
"""The extension's folder, in which `python -m core` works."""

_CACHE_VARIABLE = "SOCIALMIRROR_CACHE"


def user_folder() -> Path:
    """The folder that the extension may write to; Blender removes it together with the extension."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True))


def environments_folder() -> Path:
    return user_folder() / "environment"


def log_folder() -> Path:
    return user_folder() / "logs"


def variables(online: bool) -> dict[str, str]:
    """Environment variables of the core's programs: they keep their files in the user's folder, and off the network where
    Blender's online access is off."""
    folder = user_folder()
    result = {"PIP_CACHE_DIR": str(folder / "pip"), "UV_CACHE_DIR": str(folder / "uv")}
    if _CACHE_VARIABLE not in os.environ:
        result[_CACHE_VARIABLE] = str(folder / "cache")
    if not online:
        result |= {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
    return result


def worker_launch(interpreter: str, online: bool) -> Launch:
    return Launch(
        (interpreter, "-m", "core", "serve"), ROOT, log_folder() / "worker-stderr.log", variables(online), greets=True
    )


def installer_launch(online: bool, interpreter: str = "", torch_index: str = "") -> Launch:
    """How to make an environment from Blender's own Python, or to check and use `interpreter` where one is given."""
    command = [sys.executable, "-I", str(Path(installer.__file__)), str(environments_folder()), str(ROOT)]
    if interpreter:
        command += ["--interpreter", interpreter]
    if not online:
        command += ["--offline"]
    if torch_index:
        command += ["--torch-index", torch_index]
    return Launch(tuple(command), ROOT, log_folder() / "install.log", variables(online), greets=False)


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
