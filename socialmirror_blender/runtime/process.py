"""A child process that speaks the messages of core/contract/messages.py over its pipes, and that never outlives us.

The child watches its stdin and ends when that closes, which the system does for us however Blender ends. On Windows a job
object ends the child's own children too; elsewhere they share its process group.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.contract.errors import UserError
from ...core.contract.messages import Message, decode, encode

_WINDOWS = sys.platform == "win32"
_FOREIGN_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONSAFEPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
"""Of Blender's environment, what would change which packages the child's interpreter finds."""
_LAST_WORDS = 0.5
"""Seconds that a child has to end by itself once its stdin is closed."""


@dataclass(frozen=True)
class Launch:
    """How to start a child. Two that are equal can share one child."""

    command: tuple[str, ...]
    folder: Path
    """Working directory."""
    log: Path
    """File that takes what the child writes to stderr, from its start on."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables beside Blender's own."""
    greets: bool = True
    """Whether the child answers `hello` and takes requests; else it begins its one job, of id 1, by itself."""


class Child:
    """A running child. Nothing here waits for it, but `close`, which waits half a second at most."""

    def __init__(self, launch: Launch) -> None:
        """Start it. UserError `worker-start` where the system cannot."""
        self.launch = launch
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._drained = False
        try:
            launch.log.parent.mkdir(parents=True, exist_ok=True)
            with launch.log.open("wb") as log:
                self._process = subprocess.Popen(
                    launch.command,
                    cwd=launch.folder,
                    env=child_environment(os.environ, launch.variables),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=not _WINDOWS,
                    creationflags=_creation_flags(),
                )
        except OSError as error:
            raise UserError(
                "worker-start",
                f"The background process cannot be started: {error}.",
                "Repair the environment in SocialMirror's preferences.",
            ) from error
        self._holder = _hold(self._process)
        threading.Thread(target=self._read, name="SocialMirror pipe", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def ended(self) -> bool:
        """Whether it has ended and everything it wrote has been received."""
        return self._drained and self._process.poll() is not None

    def send(self, record: Message) -> None:
        """Write a message; lost where the child has ended, which `ended` tells."""
        stdin = self._process.stdin
        with suppress(OSError, ValueError):
            if stdin is not None:
                stdin.write(encode(record))
                stdin.flush()

    def receive(self) -> list[Message | UserError]:
        """What has arrived since the last call; a line that is no message comes as the error that says so."""
        arrived: list[Message | UserError] = []
        while not self._lines.empty():
            line = self._lines.get()
            if line is None:
                self._drained = True
            elif line.strip():
                try:
                    arrived.append(decode(line))
                except UserError as error:
                    arrived.append(error)
        return arrived

    def interrupt(self) -> None:
        """What Ctrl-C does: the child stops its job and lives on."""
        self._signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)

    def terminate(self) -> None:
        """Ask the child and its children to end."""
        self._signal_all("SIGTERM")

    def kill(self) -> None:
        """End the child and its children, now."""
        self._signal_all("SIGKILL")

    def close(self) -> None:
        """End the child: first by closing its stdin, then by force. Nothing of it is left afterwards."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS)
        self.kill()
        self._process.wait()

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is not None:
            for line in stdout:
                self._lines.put(line)
        self._lines.put(None)

    def _signal(self, number: int) -> None:
        with suppress(OSError):  # it may just have ended
            self._process.send_signal(number)

    def _signal_all(self, name: str) -> None:
        if _WINDOWS:
            self._holder.end()
            return
        with suppress(ProcessLookupError):  # nobody of the group may be left
            os.killpg(self._process.pid, getattr(signal, name))


def child_environment(ours: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Blender's environment variables without those that bend a Python's search path, and with `added`."""
    kept = {name: value for name, value in ours.items() if name not in _FOREIGN_VARIABLES}
    return kept | {"PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"} | dict(added)


def _creation_flags() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return 0


def _hold(process: subprocess.Popen[str]) -> Any:
    """On Windows the job object that ends the child with us."""
    if not _WINDOWS:
        return None
    from .windows_job import WindowsJob

    return WindowsJob(process)
