"""Progress in a terminal: one line that is drawn over where there is a terminal, plain lines where there is none."""

from __future__ import annotations

import shutil
import time
from types import TracebackType
from typing import TextIO

from .progress import Progress

_BAR = 24
_PLAIN_EVERY_SECONDS = 10.0


class Terminal:
    """A `progress.Listener`. Use it as a context manager, so that the line it draws over is ended in any case."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn = False
        self._live = stream.isatty()
        self._told_at = time.monotonic()
        self._heading = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def stage(self, name: str, index: int, count: int) -> None:
        self._heading = f"{name} ({index + 1}/{count})"
        if not self._live:
            self._line(self._heading)
            self._told_at = time.monotonic()

    def progress(self, progress: Progress) -> None:
        left = "" if progress.seconds_left is None else f"  {_duration(progress.seconds_left)} left"
        tail = f"{100 * progress.fraction:3.0f} %  {self._heading}{left}  {progress.text}".rstrip()
        if self._live:
            done = round(_BAR * progress.fraction)
            line = f"[{'#' * done}{'.' * (_BAR - done)}] {tail}"
            self._stream.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
            self._stream.flush()
            self._drawn = True
        elif time.monotonic() - self._told_at >= _PLAIN_EVERY_SECONDS:
            self._told_at = time.monotonic()
            self._line(tail)

    def warning(self, text: str) -> None:
        self._line(f"warning: {text}")

    def log(self, text: str) -> None:
        self._line(text)

    def cancelled(self) -> bool:
        return False  # Ctrl-C raises KeyboardInterrupt

    def _line(self, text: str) -> None:
        self._clear()
        print(text, file=self._stream, flush=True)

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._drawn = False


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
