"""Peak memory of this process, and on Linux also of each stage."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_KIB_PER_MIB = 1024.0


class StagePeaks:
    """Peak memory by stage, MiB. On other systems than Linux a process cannot reset its peak, and `by_stage` stays empty."""

    def __init__(self) -> None:
        self.by_stage: dict[str, float] = {}
        self._stage: str | None = None
        self._highest = 0.0

    def begin(self, stage: str) -> None:
        """End the stage before and begin another one."""
        self.end()
        self._stage = stage

    def end(self) -> None:
        """Record the peak of the stage that runs, and reset it to what the process holds now."""
        peak = _peak()
        if peak is None:
            return
        self._highest = max(self._highest, peak)
        if self._stage is not None and _reset_peak():
            self.by_stage[self._stage] = peak
        else:
            _reset_peak()
        self._stage = None

    def whole(self) -> float | None:
        """Peak of the process since its start, MiB; None where the system does not provide it."""
        peak = _peak()
        if peak is not None:
            return max(self._highest, peak)
        return _resource_usage()


def _peak() -> float | None:
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / _KIB_PER_MIB for line in lines if line.startswith("VmHWM:")), None)


def _reset_peak() -> bool:
    """Write "5" to /proc/PID/clear_refs, see proc(5)."""
    try:
        _CLEAR_REFS.write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _resource_usage() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS, KiB elsewhere
    return most / _KIB_PER_MIB / (1024 if sys.platform == "darwin" else 1)
