"""How a stage reports progress and warnings, and is cancelled."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

_BEAT_SECONDS = 0.2
"""How often a long computation asks whether the user has cancelled."""


class Reporter(Protocol):
    """Passed to every stage."""

    def progress(self, fraction: float, text: str = "") -> None:
        """Report the `fraction` of the stage that is done, in 0-1.

        Raises Cancelled if the user has cancelled the job, so it has to be called several times a second.
        """
        ...

    def warning(self, text: str) -> None:
        """Report something that the user should know about the result. It is stored with the result."""
        ...

    def log(self, text: str) -> None: ...


class SilentReporter:
    """Ignores reports and never cancels. Collects the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def progress(self, fraction: float, text: str = "") -> None:
        pass

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def log(self, text: str) -> None:
        pass


class Pulse:
    """A reporter that can say again what it said last, which is how a long computation learns that it was cancelled."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._last: tuple[float, str] = (0.0, "")
        self._at = 0.0

    def progress(self, fraction: float, text: str = "") -> None:
        self._last, self._at = (fraction, text), time.monotonic()
        self._reporter.progress(fraction, text)

    def warning(self, text: str) -> None:
        self._reporter.warning(text)

    def log(self, text: str) -> None:
        self._reporter.log(text)

    def beat(self) -> None:
        """Raise Cancelled if the job was cancelled; cheap enough to be called between the layers of a network."""
        if time.monotonic() - self._at > _BEAT_SECONDS:
            self.progress(*self._last)


@dataclass(frozen=True)
class SubProgress:
    """A reporter of a part of a stage, from the fraction `start` on for `length`."""

    whole: Reporter
    start: float
    length: float

    def progress(self, fraction: float, text: str = "") -> None:
        self.whole.progress(self.start + self.length * fraction, text)

    def warning(self, text: str) -> None:
        self.whole.warning(text)

    def log(self, text: str) -> None:
        self.whole.log(text)
