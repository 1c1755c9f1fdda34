"""Notices Ctrl-C, also where the KeyboardInterrupt that Python raises for it is lost or becomes another error.

That happens while a C extension is imported (numpy makes an ImportError of it, torch a SystemError) and in callbacks of C code.
"""

from __future__ import annotations

import signal
import sys
from types import FrameType

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""

_pressed = False


def watch_interrupts() -> None:
    """Take notice of Ctrl-C from now on; it raises KeyboardInterrupt as before. Where it is ignored (nohup), that stays so."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _notice)


def interrupted() -> bool:
    """Whether Ctrl-C was pressed since `watch_interrupts`."""
    return _pressed


def say_cancelled() -> None:
    """The last that a process says that ends because of Ctrl-C."""
    if _pressed:
        ignore_interrupts()
    print("Cancelled; nothing was changed.", file=sys.stderr)


def ignore_interrupts() -> None:
    """For a process that is about to end: nothing is left to be interrupted, and its exit code must not change any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exec("")  # else CPython ends by the signal where an earlier interrupt came up through `exec`, handled or not


def _notice(number: int, frame: FrameType | None) -> None:
    global _pressed
    _pressed = True
    signal.default_int_handler(number, frame)
