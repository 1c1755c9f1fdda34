"""The most memory that this process held, also between two moments where the system can tell."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
MIB = 1024.0
"""KiB in a MiB."""


class StagePeaks:
    """Peak memory of one stage after the other, in MiB. Linux only: elsewhere a process cannot forget its peak."""

    def __init__(self) -> None:
        self.by_stage: dict[str, float] = {}
        self._stage: str | None = None
        self._highest = 0.0

    def begin(self, stage: str) -> None:
        self.end()
        self._stage = stage

    def end(self) -> None:
        """Of the stage that runs; the next one starts from what the process holds then."""
        held = _peak()
        if held is None:
            return
        self._highest = max(self._highest, held)
        if self._stage is not None and _forget():
            self.by_stage[self._stage] = held
        else:
            _forget()
        self._stage = None

    def whole(self) -> float | None:
        """Of the process from its start on, MiB; None where the system does not tell."""
        held = _peak()
        if held is not None:
            return max(self._highest, held)
        return _of_resources()


def _peak() -> float | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / MIB for line in lines if line.startswith("VmHWM:")), None)


def _forget() -> bool:
    """Set the process's peak to what it holds now: "5" in /proc/PID/clear_refs, see proc(5)."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _of_resources() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on a Mac, else KiB
    return most / MIB / (1024 if sys.platform == "darwin" else 1)
