"""Where things lie: the extension's own folder, the user's folder that Blender keeps for it, and how its programs start."""

from __future__ import annotations

import json
import os
import platform
import shutil
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
REQUIREMENTS = ROOT / "core" / "requirements.txt"

_CACHE_VARIABLE = "SOCIALMIRROR_CACHE"
_TORCH_INDEX = "https://download.pytorch.org/whl/"


def user_folder() -> Path:
    """The one folder that is ours to write in; Blender removes it with the extension."""
    return Path(bpy.utils.extension_path_user(PACKAGE, create=True))


def environments_folder() -> Path:
    return user_folder() / "environment"


def log_folder() -> Path:
    return user_folder() / "logs"


def variables(online: bool) -> dict[str, str]:
    """What the core's programs are told: to keep their files with ours, and to stay off the network where Blender does."""
    told = {"PIP_CACHE_DIR": str(user_folder() / "pip")}
    if _CACHE_VARIABLE not in os.environ:
        told[_CACHE_VARIABLE] = str(user_folder() / "cache")
    if not online:
        told |= {"PIP_NO_INDEX": "1", "HF_HUB_OFFLINE": "1"}
    return told


def worker_launch(interpreter: str, online: bool) -> Launch:
    return Launch(
        (interpreter, "-m", "core", "serve"), ROOT, log_folder() / "worker-stderr.log", variables(online), greets=True
    )


def installer_launch(online: bool, interpreter: str = "", torch_index: str = "") -> Launch:
    """Make an environment with Blender's own Python, or check and use the `interpreter` that is named."""
    command = [sys.executable, "-I", str(Path(installer.__file__)), str(environments_folder()), str(ROOT)]
    if interpreter:
        command += ["--interpreter", interpreter]
    if not online:
        command += ["--offline"]
    index = torch_index or default_torch_index(platform.system(), shutil.which("nvidia-smi") is not None)
    if index:
        command += ["--torch-index", index]
    return Launch(tuple(command), ROOT, log_folder() / "install.log", variables(online), greets=False)


def default_torch_index(system: str, nvidia: bool) -> str:
    """Where torch for this machine is, beside PyPI, which has it for CUDA on Linux and for the CPU elsewhere."""
    if system == "Windows" and nvidia:
        return f"{_TORCH_INDEX}cu130"
    if system == "Linux" and not nvidia:
        return f"{_TORCH_INDEX}cpu"
    return ""


def read_facts() -> Facts:
    """What lies on the disk of the environment."""
    folder = environments_folder()
    record = _read_record(folder / installer.RECORD_FILE)
    states = [environment / installer.STATE_FILE for environment in installer.environments(folder)]
    return Facts(
        record=record,
        interpreter_exists=record is not None and Path(record.interpreter).exists(),
        interrupted=any(
            not state.exists() or state.read_text(encoding="utf-8") == installer.INCOMPLETE for state in states
        ),
        requirements=installer.fingerprint(REQUIREMENTS),
    )


def _read_record(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # none, or not one of ours
