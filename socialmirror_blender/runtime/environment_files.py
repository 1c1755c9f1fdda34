"""The folder of environments, which all Blenders of a user share: what is in it, who uses it, and what is removed from it.

environment.json   names the environment in use
env-XXXXXXXX/      an environment; its file `state` says whether it was completed, `in-use` is held by processes in it
../environment.lock  held while an environment is made, so that only one Blender at a time makes one
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from ...core.contract.locks import IN_USE_FILE, HeldLock, hold, is_held
from ...core.contract.temporary import is_temporary_name, temporary_name

RECORD_FILE = "environment.json"
STATE_FILE = "state"
INCOMPLETE = "incomplete"
FOLDER_PREFIX = "env-"
_RENAME_SECONDS = 1.0
"""How long files of a program that has just ended may keep a folder from being renamed (on Windows)."""


def environments(folder: Path) -> Iterator[Path]:
    return folder.glob(f"{FOLDER_PREFIX}*")


def environment_of(python: Path, folder: Path) -> Path | None:
    """The environment in `folder` that an interpreter belongs to, None where it is the user's own."""
    return next((made for made in environments(folder) if python.is_relative_to(made)), None)


def interpreter_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def recorded_interpreter(record: dict[str, Any], folder: Path) -> Path:
    """The interpreter that a record names. One of our own environments is looked for in `folder`, which may be a copy."""
    return interpreter_of(folder / str(record["folder"])) if record.get("folder") else Path(str(record["interpreter"]))


def fitting_environment(folder: Path, requirements: str) -> Path | None:
    """The newest complete environment with what `fingerprint` names, None where there is none."""
    found: list[tuple[float, Path]] = []
    for environment in environments(folder):
        state = environment / STATE_FILE
        with suppress(OSError, ValueError):
            if state.read_text(encoding="utf-8") == requirements and interpreter_of(environment).exists():
                found.append((state.stat().st_mtime, environment))
    return max(found)[1] if found else None


def is_incomplete(environment: Path) -> bool:
    """Whether an environment is being made, or was begun and not finished."""
    try:
        return (environment / STATE_FILE).read_text(encoding="utf-8") == INCOMPLETE
    except (OSError, ValueError):
        return True


def fingerprint(root: Path) -> str:
    """A word that changes with what is to be installed. `root` is the extension's folder."""
    digest = hashlib.sha256()
    for path in sorted((root / "core").glob("requirements*")):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def read_record(folder: Path) -> dict[str, Any] | None:
    """What environment.json says; None where there is none that can be read."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", record) if isinstance(record, dict) else None


def write_record(folder: Path, record: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / temporary_name(".json")
    try:
        temporary.write_text(json.dumps(record), encoding="utf-8")
        temporary.replace(folder / RECORD_FILE)
    finally:
        temporary.unlink(missing_ok=True)


def lock_making(folder: Path) -> HeldLock | None:
    """The right to make environments and to remove others; None while another Blender has it."""
    path = _lock_file(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    return hold(path)


def is_being_made(folder: Path) -> bool:
    """Whether a Blender, be it this one, is making an environment just now."""
    with suppress(OSError):
        return is_held(_lock_file(folder))
    return False


def is_in_use(environment: Path) -> bool:
    """Whether a process runs in the environment. On Windows the system itself keeps files of running programs."""
    with suppress(OSError):
        return is_held(environment / IN_USE_FILE)
    return False


def discard(environment: Path) -> bool:
    """Make an environment vanish at once; `empty_trash` removes it. False where its files are in use."""
    until = time.monotonic() + _RENAME_SECONDS
    while environment.exists():
        try:
            environment.rename(environment.with_name(temporary_name()))
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
    return True


def empty_trash(folder: Path) -> None:
    """Remove what was discarded, which may take some seconds."""
    with suppress(OSError):
        for path in [path for path in folder.iterdir() if is_temporary_name(path.name)]:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def discard_abandoned(folder: Path) -> None:
    """Discard environments that were begun and not finished. Only with `lock_making`: then nobody is making one."""
    for environment in environments(folder):
        if is_incomplete(environment) and not is_in_use(environment):
            discard(environment)


def discard_others(folder: Path, kept: Path | None) -> None:
    """Discard the environments that the record does not name and that no process runs in. Only with `lock_making`."""
    for environment in environments(folder):
        if environment != kept and not is_in_use(environment):
            discard(environment)


def clean(folder: Path) -> None:
    """Remove what killed installers left, if nobody is making an environment just now."""
    with suppress(OSError), _making(folder) as allowed:
        if allowed:
            discard_abandoned(folder)
            empty_trash(folder)


@contextmanager
def _making(folder: Path) -> Generator[bool]:
    lock = lock_making(folder)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            lock.release()


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")
