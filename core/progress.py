"""From what stages report of themselves to what a person wants to see: the whole job's progress and the time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from .contract.errors import Cancelled

_EVERY_SECONDS = 0.1
_FIRST_ESTIMATE_SECONDS, _FIRST_ESTIMATE_FRACTION = 2.0, 0.02


@dataclass(frozen=True)
class Progress:
    stage: str
    fraction: float
    """Of the whole job, in 0-1; never falls."""
    seconds_left: float | None
    """None while nothing sensible can be said."""
    text: str


class Listener(Protocol):
    """Who is told: a terminal, or Blender at the other end of a pipe. `cancelled` says whether to stop."""

    def stage(self, name: str, index: int, count: int) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def warning(self, text: str) -> None: ...
    def log(self, text: str) -> None: ...
    def cancelled(self) -> bool: ...


class JobProgress:
    """Maps the stages of one job to one fraction, by each stage's expected share of the time."""

    def __init__(self, listener: Listener, clock: Callable[[], float] = time.monotonic) -> None:
        self.warnings: list[str] = []
        """Of the job as a whole; each stage's are with its reporter."""
        self._listener = listener
        self._clock = clock
        self._shares: dict[str, float] = {}
        self._part = (0.0, 1.0)
        self._heading = ""
        self._passed_on: set[str] = set()
        self._started = clock()
        self._told_at = float("-inf")
        self._fraction = 0.0

    def expect(self, shares: Mapping[str, float]) -> None:
        """The stages that will run, in order, with relative times; those that come from the cache are left out."""
        self._shares = dict(shares)

    def fill(self, first: float, last: float, heading: str) -> None:
        """For a job that runs stages several times over: what is expected next fills the whole from `first` to `last`.

        `heading` is told before the text of every report.
        """
        self._part = (first, last)
        self._heading = heading

    def begin(self, stage: str) -> StageReporter:
        """The reporter of a stage that begins now."""
        self._listener.stage(stage, list(self._shares).index(stage), len(self._shares))
        return StageReporter(self, stage)

    def check(self) -> None:
        """Raise Cancelled where the listener wants to stop."""
        if self._listener.cancelled():
            raise Cancelled

    def tell(self, stage: str, fraction: float, text: str) -> None:
        """What a stage's reporter passes on: the stage's fraction. Raises Cancelled where the listener wants to stop."""
        self.check()
        total = sum(self._shares.values())
        before = 0.0
        for name, share in self._shares.items():
            if name == stage:
                break
            before += share
        done = (before + self._shares[stage] * min(1.0, max(0.0, fraction))) / total
        first, last = self._part
        self._fraction = max(self._fraction, first + (last - first) * done)
        now = self._clock()
        if now - self._told_at < _EVERY_SECONDS and self._fraction < 1.0:
            return
        self._told_at = now
        said = ": ".join(part for part in (self._heading, text) if part)
        self._listener.progress(Progress(stage, self._fraction, self._seconds_left(now), said))

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        self._listener.warning(text)

    def pass_on_warning(self, text: str) -> None:
        """Tell the listener, but not again what another run of the same stage has said."""
        if text not in self._passed_on:
            self._passed_on.add(text)
            self._listener.warning(text)

    def log(self, text: str) -> None:
        self._listener.log(text)

    def _seconds_left(self, now: float) -> float | None:
        spent = now - self._started
        if spent < _FIRST_ESTIMATE_SECONDS or self._fraction < _FIRST_ESTIMATE_FRACTION:
            return None
        return spent * (1 - self._fraction) / self._fraction


class StageReporter:
    """`report.Reporter` for one stage of a job; keeps the stage's warnings."""

    def __init__(self, job: JobProgress, stage: str) -> None:
        self.warnings: list[str] = []
        self._job = job
        self._stage = stage

    def progress(self, fraction: float, text: str = "") -> None:
        self._job.tell(self._stage, fraction, text)

    def warning(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            self._job.pass_on_warning(text)

    def log(self, text: str) -> None:
        self._job.log(text)
