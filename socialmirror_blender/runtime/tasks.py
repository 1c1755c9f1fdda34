"""The programs that do the installer's work, one at a time, each of which can be stopped at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .install_messages import Stopped, write_log

_WINDOWS = sys.platform == "win32"
_GUARD = Path(__file__).resolve().parents[2] / "core" / "guard.py"
_GRACE_SECONDS = 0.7
"""How long a program has to end by itself when it is told to stop."""


class Tasks:
    """Runs programs. None of them outlives this process: `core/guard.py` sees to it, or the program itself watches its stdin."""

    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._running: subprocess.Popen[str] | None = None

    def run(self, command: list[str]) -> tuple[int, list[str]]:
        """Run a program to its end; its exit code, 127 where it does not start, and the lines that it wrote.

        Raises Stopped where the user has asked to stop.
        """
        write_log(" ".join(("+", *command)))
        process = self._start([sys.executable, "-I", "-S", str(_GUARD), *command], None)
        lines: list[str] = []
        for line in self._lines(process):
            write_log(line)
            lines.append(line)
        return process.wait(), lines

    def ask(self, command: list[str], request: str, folder: Path) -> Iterator[str]:
        """Start a program, write one line to its stdin, and yield the lines that it writes. It ends with the iteration.

        The program has to end when its stdin closes. OSError where it does not start.
        """
        write_log(" ".join(("+", *command)))
        process = self._start(command, folder)
        assert process.stdin is not None
        with suppress(OSError):  # it may have ended at once, which its output explains
            process.stdin.write(request + "\n")
            process.stdin.flush()
        try:
            yield from self._lines(process)
        finally:
            self._end(process)

    def wait(self, seconds: float) -> None:
        """Raises Stopped where the user has asked to stop, or asks within that time."""
        until = time.monotonic() + seconds
        while not self._stopped.is_set() and time.monotonic() < until:
            time.sleep(0.05)
        if self._stopped.is_set():
            raise Stopped

    def stop(self) -> None:
        """End what runs, and let nothing begin any more."""
        self._stopped.set()
        if self._running is not None:
            self._end(self._running)

    def _start(self, command: list[str], folder: Path | None) -> subprocess.Popen[str]:
        if self._stopped.is_set():
            raise Stopped
        self._running = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=not _WINDOWS,
        )
        if self._stopped.is_set():  # in between
            self._end(self._running)
        return self._running

    def _lines(self, process: subprocess.Popen[str]) -> Iterator[str]:
        assert process.stdout is not None
        for line in process.stdout:
            if text := line.rstrip():
                yield text
        if self._stopped.is_set():
            raise Stopped

    def _end(self, process: subprocess.Popen[str]) -> None:
        """End a program and the programs that it has started, first by closing its stdin, then by force."""
        assert process.stdin is not None
        with suppress(OSError, ValueError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        if process.poll() is None:
            if sys.platform == "win32":
                subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
            else:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        process.wait()
