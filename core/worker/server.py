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
from typing import IO, NoReturn, TextIO

from ..contract.errors import UserError
from ..contract.messages import Message, encode, read_lines
from ..weights import cache_folder
from .dispatcher import Dispatcher, Handler
from .handlers import HANDLERS, greeting
from .log import STDERR, Log, unfailing_stderr

_POLL_SECONDS = 0.1


def serve(handlers: Mapping[str, Handler] = HANDLERS) -> NoReturn:
    """Answer requests until the worker is to end, then end the process. UserError `no-pipes` without stdin or stdout."""
    requests, answers = _take_pipes()
    log = Log.create(cache_folder() / "logs")
    faulthandler.enable(STDERR)
    dispatcher = Dispatcher(lambda answer: _write(answers, answer), log, handlers, greeting)
    for name in ("SIGINT", "SIGBREAK"):  # Ctrl-C, and on Windows Ctrl-Break, which can be sent to a process group
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: dispatcher.cancel())
    signal.signal(
        signal.SIGTERM, lambda *_: dispatcher.end()
    )  # not at once: programs that a job has started end with it
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


def _take_pipes() -> tuple[IO[bytes], TextIO]:
    """Stdin and stdout for messages only: what libraries print goes to stderr, and child processes get an empty stdin."""
    if sys.__stdin__ is None or sys.__stdout__ is None:  # closed; other files may have their numbers by now
        raise UserError(
            "no-pipes",
            "The worker takes requests from stdin and answers on stdout, and one of them is closed.",
            "Let Blender start it, or start it with both open.",
        )
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    with Path(os.devnull).open("r+b", buffering=0) as nothing:
        os.dup2(nothing.fileno(), 0)
        if sys.__stderr__ is None:
            os.dup2(nothing.fileno(), STDERR)
    os.dup2(STDERR, 1)
    sys.stdout = sys.stderr = unfailing_stderr()
    return requests, answers


def _read(requests: IO[bytes], lines: queue.Queue[str | None]) -> None:
    try:
        for line in read_lines(requests):
            if line.strip():
                lines.put(line)
    finally:  # whatever keeps it from reading: no more requests come
        lines.put(None)


_write_lock = threading.Lock()


def _write(answers: TextIO, answer: Message) -> None:
    """Send an answer; the process ends where nobody can receive it. ValueError or TypeError for what JSON cannot hold."""
    line = encode(answer)
    try:
        with _write_lock:
            answers.write(line)
            answers.flush()
    except (OSError, ValueError):
        os._exit(1)  # Blender has closed the pipe
