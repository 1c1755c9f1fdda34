"""Runs other programs so that their output can be followed line by line and so that they can be stopped at any moment."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

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

    `on_line` gets every line as soon as it is written; `on_tick` is called several times a second. What either raises
    ends the program and is raised from here. OSError where the program cannot be started.
    """
    lines: list[str] = []
    arriving: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    assert process.stdout is not None
    threading.Thread(target=_read, args=(process.stdout, arriving), daemon=True).start()
    try:
        while True:
            try:
                line = arriving.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                on_tick()
                continue
            if line is None:
                return process.wait(), lines
            lines.append(line)
            on_line(line)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _read(stream: IO[str], arriving: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        arriving.put(line.rstrip())
    arriving.put(None)
