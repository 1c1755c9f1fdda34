"""The worker's log file."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TextIO

_KEPT_LOGS = 10


class Log:
    """A log file that is flushed after every line. `path` is empty if the log goes to stderr."""

    def __init__(self, stream: TextIO, path: str) -> None:
        self.stream = stream
        self.path = path

    @classmethod
    def create(cls, folder: Path) -> Log:
        """Open a new file in `folder` and remove the oldest ones; logs to stderr if the folder is not writable."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for old in sorted(folder.glob("worker-*.log"))[: 1 - _KEPT_LOGS]:
                old.unlink(missing_ok=True)
            path = folder / f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
            return cls(path.open("w", encoding="utf-8", buffering=1), str(path))
        except OSError:
            return cls(sys.stderr, "")

    def write(self, text: str) -> None:
        print(time.strftime("%H:%M:%S"), text, file=self.stream, flush=True)
