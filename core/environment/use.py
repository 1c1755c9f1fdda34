"""Tells other Blenders that an environment is in use, so that none of them removes it."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from ..contract.locks import IN_USE_FILE, HeldLock, hold

MARK = "state"
"""A file that the add-on's installer puts into the environments that it makes."""
_held: list[HeldLock] = []


def hold_environment(folder: Path = Path(sys.prefix)) -> None:
    """Mark the environment that this process runs in as being in use until the process ends, if the add-on has made it."""
    if _held or not (folder / MARK).is_file():
        return
    with suppress(OSError):  # an environment that cannot be written to cannot be removed either
        lock = hold(folder / IN_USE_FILE, shared=True)
        if lock is not None:
            _held.append(lock)
