"""Progress of a whole job and its remaining time, computed from the progress of its stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from .contract.errors import Cancelled

_REPORT_SECONDS = 0.1
"""Reports that follow sooner are not passed on to the listener."""
_FIRST_ESTIMATE_SECONDS, _FIRST_ESTIMATE_FRACTION = 2.0, 0.02
"""The remaining time is estimated after both have passed."""


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    stage: str
    fraction: float
    """Of the whole job, in 0-1; never decreases."""
    seconds_left: float | None
    """None until it can be estimated."""
    text: str
    """What the stage is doing."""


class Listener(Protocol):
    """Receives a job's reports: a terminal, or Blender by way of the worker. `cancelled` returns whether the job has to stop."""

    def stage(self, name: str, index: int, count: int) -> None: ...
    def progress(self, progress: Progress) -> None: ...
    def warning(self, text: str) -> None: ...
    def log(self, text: str) -> None: ...
    def cancelled(self) -> bool: ...


class JobProgress:
    """Computes the progress of a job from that of its stages, weighted by their expected times."""

    def __init__(self, listener: Listener, clock: Callable[[], float] = time.monotonic) -> None:
        self.warnings: list[str] = []
        """Warnings of the job itself; those of a stage are kept by its reporter."""
        self._listener = listener
        self._clock = clock
        self._weights: dict[str, float] = {}
        self._range = (0.0, 1.0)
        self._heading = ""
        self._forwarded: set[str] = set()
        self._started = clock()
        self._reported_at = float("-inf")
        self._fraction = 0.0

    def expect(self, weights: Mapping[str, float]) -> None:
        """Set the stages that will run, in order, and their relative times. Stages whose result is cached are left out."""
        self._weights = dict(weights)

    def set_range(self, first: float, last: float, heading: str) -> None:
        """For a job that repeats its stages: the stages expected next cover the job's progress from `first` to `last`.

        `heading` precedes the text of every report.
        """
        self._range = (first, last)
        self._heading = heading

    def begin(self, stage: str) -> StageReporter:
        """Announce that a stage begins, and return its reporter."""
        self._listener.stage(stage, list(self._weights).index(stage), len(self._weights))
        return StageReporter(self, stage)

    def check(self) -> None:
        """Raise Cancelled if the job was cancelled."""
        if self._listener.cancelled():
            raise Cancelled

    def report(self, stage: str, fraction: float, text: str) -> None:
        """Report the `fraction` of a stage that is done, in 0-1. Raises Cancelled if the job was cancelled."""
        self.check()
        total = sum(self._weights.values())
        before = 0.0
        for name, weight in self._weights.items():
            if name == stage:
                break
            before += weight
        done = (before + self._weights[stage] * min(1.0, max(0.0, fraction))) / total
        first, last = self._range
        self._fraction = max(self._fraction, first + (last - first) * done)
        now = self._clock()
        if now - self._reported_at < _REPORT_SECONDS and self._fraction < 1.0:
            return
        self._reported_at = now
        described = ": ".join(part for part in (self._heading, text) if part)
        self._listener.progress(Progress(stage, self._fraction, self._seconds_left(now), described))

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        self._listener.warning(text)

    def forward_warning(self, text: str) -> None:
        """Pass a stage's warning on to the listener, unless an earlier run of the stage gave the same warning."""
        if text not in self._forwarded:
            self._forwarded.add(text)
            self._listener.warning(text)

    def log(self, text: str) -> None:
        self._listener.log(text)

    def _seconds_left(self, now: float) -> float | None:
        spent = now - self._started
        if spent < _FIRST_ESTIMATE_SECONDS or self._fraction < _FIRST_ESTIMATE_FRACTION:
            return None
        return spent * (1 - self._fraction) / self._fraction


class StageReporter:
    """The `reporting.Reporter` of one stage of a job. Collects the stage's warnings."""

    def __init__(self, job: JobProgress, stage: str) -> None:
        self.warnings: list[str] = []
        self._job = job
        self._stage = stage

    def progress(self, fraction: float, text: str = "") -> None:
        self._job.report(self._stage, fraction, text)

    def warning(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
            self._job.forward_warning(text)

    def log(self, text: str) -> None:
        self._job.log(text)
