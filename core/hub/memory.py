"""How much memory there is for a large model, whether an error means that there was not enough, and what follows from it."""

from __future__ import annotations

import ctypes
import os
import sys

from ..failures import out_of_memory as out_of_memory


class TooLittleMemory(Exception):
    """No memory of this machine holds a model that a job was to use. It says nothing about the clip, so it is no result.

    The job goes on without them, under the keys of a job that never asked for them; the message warns of that.
    """

    def __init__(self, choice: str, message: str) -> None:
        super().__init__(message)
        self.choice = choice
        """Which of `pipeline.choices.ClipChoices` has to be left empty."""


def main_memory_gigabytes() -> float | None:
    """The machine's main memory; None where the system does not tell."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (ValueError, OSError, AttributeError):
        return None


def _windows_memory() -> float | None:
    kilobytes = ctypes.c_ulonglong()
    kernel = ctypes.WinDLL("kernel32") if sys.platform == "win32" else None
    if kernel is None or not kernel.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes)):
        return None
    return kilobytes.value * 1024 / 1e9
