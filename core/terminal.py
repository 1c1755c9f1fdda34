"""Shows the progress of a job in a terminal: a progress bar, or plain lines if the output is not a terminal."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from .interrupts import interrupted
from .progress import Progress

_BAR_WIDTH = 24
_PLAIN_LINE_SECONDS = 10.0


class Terminal:
    """A `progress.Listener`, and a context manager that removes the progress bar at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar_visible = False
        self._is_terminal = stream.isatty()
        self._printed_at = time.monotonic()
        self._heading = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear_bar()

    def stage(self, name: str, index: int, count: int) -> None:
        self._heading = f"{name} ({index + 1}/{count})"
        if not self._is_terminal:
            self._print(self._heading)
            self._printed_at = time.monotonic()

    def progress(self, progress: Progress) -> None:
        remaining = "" if progress.seconds_left is None else f"  {_duration(progress.seconds_left)} left"
        status = f"{100 * progress.fraction:3.0f} %  {self._heading}{remaining}  {progress.text}".rstrip()
        if self._is_terminal:
            done = round(_BAR_WIDTH * progress.fraction)
            line = f"[{'#' * done}{'.' * (_BAR_WIDTH - done)}] {status}"
            self._write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
            self._bar_visible = True
        elif time.monotonic() - self._printed_at >= _PLAIN_LINE_SECONDS:
            self._printed_at = time.monotonic()
            self._print(status)

    def warning(self, text: str) -> None:
        self._print(f"warning: {text}")

    def log(self, text: str) -> None:
        self._print(text)

    def cancelled(self) -> bool:
        return interrupted()  # usually Ctrl-C has raised KeyboardInterrupt before, which may get lost

    def _print(self, text: str) -> None:
        self._clear_bar()
        self._write(f"{text}\n")

    def _clear_bar(self) -> None:
        if self._bar_visible:
            self._write("\r\x1b[K")
            self._bar_visible = False

    def _write(self, text: str) -> None:
        with suppress(OSError):  # a full disk or a closed pipe behind stderr is no reason to stop the job
            self._stream.write(text)
            self._stream.flush()


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
