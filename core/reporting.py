"""How a stage tells what it does, and learns that it should stop."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Given to every stage. `progress` raises Cancelled when the user asked to stop, so call it several times a second."""

    def progress(self, fraction: float, text: str = "") -> None:
        """`fraction` of the current stage that is done, in 0-1."""
        ...

    def warning(self, text: str) -> None:
        """Something the user should know about the result; kept with it."""
        ...

    def log(self, text: str) -> None: ...


class SilentReporter:
    """Reports to nobody, never cancels; keeps the warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def progress(self, fraction: float, text: str = "") -> None:
        pass

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def log(self, text: str) -> None:
        pass
