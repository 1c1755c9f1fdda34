"""How a stage reports progress and warnings, and is cancelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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


@dataclass(frozen=True)
class PartOfProgress:
    """A reporter of one of several equal parts of a stage."""

    whole: Reporter
    index: int
    count: int

    def progress(self, fraction: float, text: str = "") -> None:
        self.whole.progress((self.index + fraction) / self.count, text)

    def warning(self, text: str) -> None:
        self.whole.warning(text)

    def log(self, text: str) -> None:
        self.whole.log(text)
