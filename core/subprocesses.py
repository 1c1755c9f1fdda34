"""Runs other programs so that their output can be followed line by line and that they can be stopped at any moment.

A program never outlives the process that runs it, however that ends: `guard.py` is between them.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_GUARD = Path(__file__).with_name("guard.py")
_WINDOWS = sys.platform == "win32"
_GRACE_SECONDS = 5.0
"""On Windows: how long the guard has to end the program."""
_TICK_SECONDS = 0.1


def run_program(
    command: Sequence[str | Path],
    *,
    on_line: Callable[[str], None] = lambda line: None,
    on_tick: Callable[[], None] = lambda: None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, list[str]]:
    """Run a program to its end. Returns its exit code and the lines it wrote to stdout and stderr.

    `on_line` gets every line as soon as it is written; `on_tick` is called several times a second, whatever is written. What
    either raises ends the program, and all that it has started, and is raised from here. The exit code is 127 where it cannot be
    started.
    """
    lines: list[str] = []
    arriving: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(_GUARD), *(str(part) for part in command)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=not _WINDOWS,
    )
    assert process.stdout is not None
    threading.Thread(target=_read, args=(process.stdout, arriving), daemon=True).start()
    ticked = time.monotonic()
    try:
        while True:
            arrived: list[str | None] = []
            with suppress(queue.Empty):
                arrived = [arriving.get(timeout=_TICK_SECONDS)]
            if not arrived or time.monotonic() - ticked >= _TICK_SECONDS:
                on_tick()
                ticked = time.monotonic()
            for line in arrived:
                if line is None:
                    return process.wait(), lines
                lines.append(line)
                on_line(line)
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    if process.poll() is None:
        if sys.platform == "win32":
            process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_SECONDS)
            process.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    with suppress(OSError):
        process.stdin.close()


def _read(stream: IO[str], arriving: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        arriving.put(line.rstrip())
    arriving.put(None)
