"""Whether processes run and end, for tests of what must not be left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def ends(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether something stops being so in time."""
    until = time.monotonic() + seconds
    while holds() and time.monotonic() < until:
        time.sleep(0.05)
    return not holds()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
