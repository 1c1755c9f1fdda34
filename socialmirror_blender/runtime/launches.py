"""How the worker and the installer are started: commands, folders and environment variables."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from . import install_script, paths
from .process import Launch

_CACHE_VARIABLE = "SOCIALMIRROR_CACHE"


def environment_variables(online: bool) -> dict[str, str]:
    """The variables that let the core keep its files in the user's folder and respect Blender's online access."""
    folder = paths.user_folder()
    result = {"PIP_CACHE_DIR": str(folder / "pip"), "UV_CACHE_DIR": str(folder / "uv")}
    if _CACHE_VARIABLE not in os.environ:
        result[_CACHE_VARIABLE] = str(folder / "cache")
    if not online:
        result |= {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
    return result


def worker_launch(interpreter: str, online: bool) -> Launch:
    log = paths.log_folder() / "worker-stderr.log"
    return Launch((interpreter, "-m", "core", "serve"), paths.ROOT, log, environment_variables(online))


def installer_launch(online: bool, interpreter: str = "", torch_index: str = "") -> Launch:
    """Makes an environment from Blender's own Python, or checks and uses `interpreter` if one is given."""
    command = [
        sys.executable,
        "-I",
        str(Path(install_script.__file__)),
        str(paths.environments_folder()),
        str(paths.ROOT),
    ]
    if interpreter:
        command += ["--interpreter", interpreter]
    if not online:
        command += ["--offline"]
    if torch_index:
        command += ["--torch-index", torch_index]
    return Launch(
        tuple(command),
        paths.ROOT,
        paths.log_folder() / "install.log",
        environment_variables(online),
        takes_requests=False,
    )
