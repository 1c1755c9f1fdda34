"""Measures what a reader does with an input: time, memory and files. Runs in Blender's Python, too."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from .outcome import PEAK_BYTES, SLOW_SECONDS, Attempt


def attempt(
    read: Callable[[], str | None], folder: Path, outside: Path, refusals: tuple[type[Exception], ...]
) -> Attempt:
    """Call a reader, which returns what is wrong with a value that it accepted, and raises one of `refusals` to refuse an input.

    A file that appears in `outside`, but not in `folder` within it, has escaped.
    """
    failures: list[tuple[str, str]] = []
    refused = False
    before, started = _reset_peak(), time.perf_counter()
    try:
        problem = read()
        if problem is not None:
            failures.append(("unsound", problem))
    except refusals:
        refused = True
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}:{where.lineno}"
        failures.append(("traceback", f"{type(error).__name__}: {error} ({place})"))
    seconds, peak_bytes = time.perf_counter() - started, max(_peak() - before, 0)
    if seconds > SLOW_SECONDS:
        failures.append(("slow", f"{seconds:.1f} s"))
    if peak_bytes > PEAK_BYTES:
        failures.append(("memory", f"{peak_bytes / 2**20:.0f} MB"))
    allowed = {folder, *folder.parents}
    escaped = [path for path in outside.rglob("*") if path not in allowed and folder not in path.parents]
    failures += [("escaped", str(path)) for path in escaped]
    return Attempt(refused, tuple(failures), seconds, peak_bytes)


def _reset_peak() -> int:
    """Resident memory in bytes; Linux forgets the peak so far."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """Peak resident memory in bytes since the last reset; elsewhere than on Linux, since the process began."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
