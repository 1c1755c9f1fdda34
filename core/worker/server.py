"""The worker's process: its pipes, signals and main loop."""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TextIO

from ..contract.messages import Message, encode
from ..weights import cache_folder
from .dispatcher import Dispatcher, Handler
from .handlers import HANDLERS, greeting
from .log import Log

_POLL_SECONDS = 0.1


def serve(handlers: Mapping[str, Handler] = HANDLERS) -> NoReturn:
    """Answer requests until the worker is to end, then end the process."""
    requests, answers = _take_pipes()
    log = Log.create(cache_folder() / "logs")
    faulthandler.enable(log.stream)
    dispatcher = Dispatcher(lambda answer: _write(answers, answer), log, handlers, greeting)
    for name in ("SIGINT", "SIGBREAK"):  # Ctrl-C, and on Windows Ctrl-Break, which can be sent to a process group
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: dispatcher.cancel())
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(requests, lines), daemon=True).start()
    parent = os.getppid()
    while not dispatcher.ended:
        try:
            line = lines.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            if os.getppid() != parent:  # another process may hold stdin open after the parent has ended
                break
        else:
            if line is None:
                break
            dispatcher.receive(line)
        dispatcher.tick()
    dispatcher.shut_down()
    os._exit(0)  # sys.exit would wait for the thread of an abandoned job


def _take_pipes() -> tuple[TextIO, TextIO]:
    """Stdin and stdout for messages only: what libraries print goes to stderr, and child processes get an empty stdin."""
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return requests, answers


def _read(requests: TextIO, lines: queue.Queue[str | None]) -> None:
    for line in requests:
        if line.strip():
            lines.put(line)
    lines.put(None)


_write_lock = threading.Lock()


def _write(answers: TextIO, answer: Message) -> None:
    try:
        with _write_lock:
            answers.write(encode(answer))
            answers.flush()
    except (BrokenPipeError, ValueError):
        os._exit(1)  # Blender has closed the pipe
