"""A child process that exchanges the messages of core/contract/messages.py over its pipes and never outlives Blender.

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
from typing import IO, Any

from ...core.contract.errors import UserError
from ...core.contract.messages import Message, decode, encode, read_lines
from ...core.contract.redaction import redact_file

_WINDOWS = sys.platform == "win32"
_REMOVED_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONSAFEPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
)
"""Environment variables of Blender that would change which packages the child's interpreter finds."""
_NICENESS = 5
"""By how much less urgent than Blender a child is, so that the window stays smooth on a busy machine."""
_GRACE_SECONDS = 0.5
"""Seconds that a child has to end by itself after its stdin is closed."""


@dataclass(frozen=True)
class Launch:
    """How to start a child. Jobs with equal launches can share one child."""

    command: tuple[str, ...]
    folder: Path
    """Working directory."""
    log: Path
    """File that receives the child's stderr; it is emptied at the start."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    """Environment variables in addition to Blender's."""
    takes_requests: bool = True
    """Whether the child answers `hello` and takes requests; otherwise it begins its only job, of id 1, by itself."""


class Child:
    """A running child. Only `close` waits for it, for half a second at most."""

    def __init__(self, launch: Launch) -> None:
        """Start the child. UserError `worker-start` if the system cannot. Where its log cannot be written, it has none."""
        self.launch = launch
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._drained = False
        log = _opened_log(launch.log)
        self.log = "" if log is None else str(launch.log)
        """Path of the file that receives its stderr, empty where there is none."""
        try:
            self._process = subprocess.Popen(
                launch.command,
                cwd=launch.folder,
                env=child_environment(os.environ, launch.variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL if log is None else log,
                start_new_session=not _WINDOWS,
                creationflags=_creation_flags(),
            )
        except OSError as error:
            raise UserError(
                "worker-start",
                f"The background process cannot be started: {error}.",
                "Reinstall the environment in SocialMirror's preferences.",
            ) from error
        finally:
            if log is not None:
                log.close()
        _lower_priority(self._process.pid)
        self._holder = _job_object(self._process)
        threading.Thread(target=self._read, name="SocialMirror pipe", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def ended(self) -> bool:
        """Whether the child has ended and all of its output has been received."""
        return self._drained and self._process.poll() is not None

    def send(self, record: Message) -> None:
        """Write a message. It is lost if the child has ended; see `ended`."""
        stdin = self._process.stdin
        with suppress(OSError, ValueError):
            if stdin is not None:
                stdin.write(encode(record).encode())
                stdin.flush()

    def receive(self) -> list[Message | UserError]:
        """The messages since the last call, in order; an invalid line is returned as the UserError that describes it."""
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
        """Send what Ctrl-C sends: the child stops its job and stays alive."""
        self._signal(signal.CTRL_BREAK_EVENT if sys.platform == "win32" else signal.SIGINT)

    def terminate(self) -> None:
        """Ask the child and its children to end."""
        self._signal_all("SIGTERM")

    def kill(self) -> None:
        """End the child and its children at once."""
        self._signal_all("SIGKILL")

    def close(self) -> None:
        """End the child and its children, first by closing its stdin, then by force."""
        with suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_SECONDS)
        self.kill()
        self._process.wait()
        if self.log:
            redact_file(self.launch.log)  # crashes and C libraries write to it past the worker's own log

    def _read(self) -> None:
        stdout = self._process.stdout
        if stdout is not None:
            for line in read_lines(stdout):
                self._lines.put(line)
        self._lines.put(None)

    def _signal(self, number: int) -> None:
        with suppress(OSError):  # it may have ended just now
            self._process.send_signal(number)

    def _signal_all(self, name: str) -> None:
        if _WINDOWS:
            self._holder.end()
            return
        with suppress(ProcessLookupError):  # the whole group may have ended
            os.killpg(self._process.pid, getattr(signal, name))


def _opened_log(path: Path) -> IO[bytes] | None:
    """None where the folder is read-only or the disk is full, which is no reason not to work."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")
    except OSError:
        return None


def child_environment(blenders: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Blender's environment variables without those that change a Python's search path, with `added`."""
    kept = {name: value for name, value in blenders.items() if name not in _REMOVED_VARIABLES}
    return kept | {"PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"} | dict(added)


def _creation_flags() -> int:
    if sys.platform == "win32":
        new_group = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return new_group | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return 0


def _lower_priority(pid: int) -> None:
    """Right after the start, so that the child's threads and children inherit it. On Windows its flags did that."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)


def _job_object(process: subprocess.Popen[bytes]) -> Any:
    """The Windows job object that ends the child together with Blender; None on other systems."""
    if not _WINDOWS:
        return None
    from .windows_job import WindowsJob

    return WindowsJob(process)
