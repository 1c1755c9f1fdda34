"""What a fuzzing campaign counts for one reader."""

from __future__ import annotations

from dataclasses import dataclass, field

FAILURES = ("crash", "traceback", "slow", "memory", "escaped", "unsound")
"""The process died; an exception that is no UserError; more than `SLOW_SECONDS`; more than `PEAK_BYTES`; a file was written
outside of the input's folder; a damaged value was accepted."""
SLOW_SECONDS = 10.0
PEAK_BYTES = 500 << 20


@dataclass(frozen=True)
class Failure:
    """An input that a reader handled badly."""

    kind: str
    """One of `FAILURES`."""
    problem: str
    input_file: str
    """Where the input is kept."""


@dataclass
class Outcome:
    """The counts of one reader."""

    name: str
    title: str
    tries: int = 0
    refused: int = 0
    failures: list[Failure] = field(default_factory=list)
    slowest_seconds: float = 0.0
    peak_bytes: int = 0
    """The most memory that one input needed."""

    def count(self, kind: str) -> int:
        return sum(failure.kind == kind for failure in self.failures)


@dataclass(frozen=True)
class Attempt:
    """What one input came to."""

    refused: bool
    failures: tuple[tuple[str, str], ...]
    """Kind and problem of each."""
    seconds: float
    peak_bytes: int
