"""Locks on files, which the system releases when their process ends, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path

IN_USE_FILE = "in-use"
"""In an environment's folder: every process that runs in the environment holds it, shared."""


class HeldLock:
    """A lock on a file. It is held until `release`, or until the process ends; child processes do not inherit it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def hold(path: Path, *, shared: bool = False) -> HeldLock | None:
    """Lock a file, which is made where it is missing; None where another process holds it. Never waits. OSError.

    Any number of processes can share a lock, but nobody can hold it beside them. On Windows a shared lock is an open file: the
    folder that it is in cannot be renamed as long as it is open.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if sys.platform == "win32":
            import msvcrt

            if not shared:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        return None
    except OSError:  # a file system without locks
        pass
    return HeldLock(descriptor)


def is_held(path: Path) -> bool:
    """Whether any process holds the lock. OSError."""
    if not path.exists():
        return False
    lock = hold(path)
    if lock is None:
        return True
    lock.release()
    return False
