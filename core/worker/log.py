"""The worker's log file, and streams for what others print: neither ever fails, be the disk full or the text no Unicode."""

from __future__ import annotations

import io
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ..contract.redaction import redact

if TYPE_CHECKING:
    from typing_extensions import Buffer  # of collections.abc from Python 3.12 on

_KEPT_LOGS = 10
STDERR = 2


class UnfailingFile(io.FileIO):
    """A file opened for writing whose writes are lost where the system refuses them, instead of raising OSError.

    What arrives is text in UTF-8; home folder, user names and passwords are taken out of it.
    """

    def write(self, data: Buffer, /) -> int:
        arrived = bytes(data)
        text = arrived.decode("utf-8", "surrogateescape")
        with suppress(OSError, ValueError):  # ValueError: it has been closed
            super().write(redact(text).encode("utf-8", "surrogateescape"))
        return len(arrived)


class Log:
    """Lines with the time of day. `path` is empty if they go to stderr. Writing never raises."""

    def __init__(self, file: UnfailingFile, path: str) -> None:
        self.path = path
        self._file = file

    @classmethod
    def create(cls, folder: Path) -> Log:
        """Open a new file in `folder` and remove the oldest ones; logs to stderr if the folder is not writable."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for old in sorted(folder.glob("worker-*.log"))[: 1 - _KEPT_LOGS]:
                old.unlink(missing_ok=True)
            path = folder / f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
            return cls(UnfailingFile(path, "w"), str(path))
        except OSError:
            return cls(UnfailingFile(STDERR, "w", closefd=False), "")

    def write(self, text: str) -> None:
        line = f"{time.strftime('%H:%M:%S')} {text}\n"
        self._file.write(line.encode("utf-8", "backslashreplace"))


def unfailing_stderr() -> TextIO:
    """A stream to stderr for `print` and for libraries, which must not fail a job because nobody can read them."""
    raw = UnfailingFile(STDERR, "w", closefd=False)
    buffer = io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)
