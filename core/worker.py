"""The worker that Blender talks to: requests come in on stdin and answers go out on stdout, one JSON object a line.

One thread reads, one works, and the main thread decides. So the worker can always be asked to stop: a job that does not
stop within `_PATIENCE` seconds is answered for and abandoned; it ends at its next report without having written anything.
The worker ends when it is told to, when stdin closes, and when its parent is gone.
"""

from __future__ import annotations

import faulthandler
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TextIO

from . import __version__
from .contract.errors import Cancelled, UserError
from .contract.messages import REQUESTS, Message, decode, encode, error_message, message
from .contract.requests import ReconstructRequest, RefineRequest, request_from_message
from .failures import explain
from .progress import Listener, Progress
from .weights import cache_folder

_PATIENCE = 0.7
"""Seconds that a cancelled job has to stop before it is answered for."""
_TICK = 0.1
_LAST_WORDS = 2.0
"""Seconds that a job has to stop when the worker ends."""
_KEPT_LOGS = 10

Work = Callable[[Listener], dict[str, Any]]
"""A job: reports to the listener, returns the fields of its `result`. Raises UserError or Cancelled."""


def serve(jobs: Mapping[str, Callable[[Message], Work]] | None = None) -> NoReturn:
    """Speak the protocol of `contract.messages` on stdin and stdout until the end, then end the process.

    `jobs` makes the work of a request by its type; the pipeline's unless given. It raises UserError for a bad request.
    """
    requests, answers = _take_pipes()
    log = Log.create(cache_folder() / "logs")
    faulthandler.enable(log.stream)
    worker = Worker(lambda record: _write(answers, record), log, JOBS if jobs is None else jobs)
    for name in ("SIGINT", "SIGBREAK"):  # Ctrl-C, and its twin for process groups on Windows
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: worker.interrupt())
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(requests, lines), daemon=True).start()
    parent = os.getppid()
    while not worker.ended:
        try:
            line = lines.get(timeout=_TICK)
        except queue.Empty:
            if os.getppid() != parent:  # where the parent's end does not close our stdin
                break
        else:
            if line is None:
                break
            worker.receive(line)
        worker.tick()
    worker.wind_up()
    # not sys.exit: an abandoned job's thread could hold the process for as long as it likes
    os._exit(0)


class Log:
    """The worker's log file; nothing is written where none could be made."""

    def __init__(self, stream: TextIO, path: str) -> None:
        self.stream = stream
        self.path = path

    @classmethod
    def create(cls, folder: Path) -> Log:
        """A new file in `folder`, of which the newest are kept; stderr where the folder cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for old in sorted(folder.glob("worker-*.log"))[: 1 - _KEPT_LOGS]:
                old.unlink(missing_ok=True)
            path = folder / f"worker-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
            return cls(path.open("w", encoding="utf-8", buffering=1), str(path))
        except OSError:
            return cls(sys.stderr, "")

    def write(self, text: str) -> None:
        print(time.strftime("%H:%M:%S"), text, file=self.stream, flush=True)


class Worker:
    """Decides what requests do. `send` puts an answer out; `work` makes a job of each request that is one."""

    def __init__(
        self, send: Callable[[Message], None], log: Log, work: Mapping[str, Callable[[Message], Work]]
    ) -> None:
        self.ended = False
        self._send = send
        self._log = log
        self._work = work
        self._job: _Job | None = None

    def receive(self, line: str) -> None:
        """Handle one line of the pipe."""
        request_id = 0
        try:
            request = decode(line)
            request_id = request["id"]
            self._handle(request)
        except UserError as error:
            self._log.write(f"refused: {error}")
            self._send(error_message(request_id, error, self._log.path))

    def tick(self) -> None:
        """What has to happen while nothing is received: answer for a cancelled job that does not stop."""
        if self._job is not None and self._job.overdue():
            self._log.write(f"job {self._job.id} does not stop; abandoned")
            self._job.conclude(message(self._job.id, "cancelled"))

    def interrupt(self) -> None:
        """Cancel the current job, if there is one. May be called from a signal handler."""
        if self._job is not None:
            self._job.cancel()

    def wind_up(self) -> None:
        """Cancel what runs and give it a moment to stop by itself."""
        self.interrupt()
        if self._job is not None:
            self._job.thread.join(_LAST_WORDS)

    def _handle(self, request: Message) -> None:
        kind, request_id = request["type"], request["id"]
        if kind == "hello":
            self._send(message(request_id, "ready", version=__version__, **_capabilities()))
        elif kind == "cancel":
            if self._job is not None and self._job.id == request.get("job"):
                self._job.cancel()
        elif kind == "shutdown":
            self.ended = True
        elif kind in self._work:
            self._start(request_id, self._work[kind](request))
        else:
            raise UserError(
                "bad-message", f"The worker takes no {kind!r}; it takes {', '.join(REQUESTS)}.", "Restart the worker."
            )

    def _start(self, request_id: int, work: Work) -> None:
        if self._job is not None and not self._job.concluded:
            raise UserError("busy", "The worker is at work on another clip.", "Wait for it, or cancel it.")
        abandoned = None if self._job is None else self._job.thread
        self._job = _Job(request_id, work, self._send, self._log, abandoned)
        self._job.thread.start()


class _Job:
    """One job in its own thread, and the `progress.Listener` that it reports to."""

    def __init__(
        self, job_id: int, work: Work, send: Callable[[Message], None], log: Log, before: threading.Thread | None
    ) -> None:
        self.id = job_id
        self.thread = threading.Thread(target=self._run, args=(work, before), daemon=True)
        self._send = send
        self._log = log
        self._asked_to_stop: float | None = None
        self._lock = threading.Lock()
        self.concluded = False

    def cancel(self) -> None:
        if self._asked_to_stop is None:
            self._asked_to_stop = time.monotonic()

    def overdue(self) -> bool:
        """Whether it was asked to stop and has had time enough."""
        asked = self._asked_to_stop
        return not self.concluded and asked is not None and time.monotonic() - asked > _PATIENCE

    def conclude(self, answer: Message) -> None:
        """Send the job's last answer, unless it has had one."""
        with self._lock:
            if not self.concluded:
                self.concluded = True
                self._send(answer)

    def _run(self, work: Work, before: threading.Thread | None) -> None:
        try:
            while before is not None and before.is_alive():  # an abandoned job, which is about to notice
                before.join(_TICK)
                if self.cancelled():
                    raise Cancelled
            answer = message(self.id, "result", **work(self))
        except Cancelled:
            answer = message(self.id, "cancelled")
        except Exception as error:
            self._log.write(traceback.format_exc())
            answer = error_message(self.id, explain(error), self._log.path)
        self.conclude(answer)

    def stage(self, name: str, index: int, count: int) -> None:
        self._log.write(f"stage {name}")
        self._tell("stage", name=name, index=index, count=count)

    def progress(self, progress: Progress) -> None:
        self._tell("progress", **asdict(progress))

    def warning(self, text: str) -> None:
        self._log.write(f"warning: {text}")
        self._tell("warning", text=text)

    def log(self, text: str) -> None:
        self._log.write(text)
        self._tell("log", text=text)

    def cancelled(self) -> bool:
        return self._asked_to_stop is not None

    def _tell(self, kind: str, **fields: Any) -> None:
        with self._lock:
            if not self.concluded:
                self._send(message(self.id, kind, **fields))


def _capabilities() -> dict[str, Any]:
    from .doctor import examine

    checks = examine()
    device = next((check.detail for check in checks if check.name == "device" and check.ok), "")
    return {"device": device, "doctor": [asdict(check) for check in checks]}


def _reconstruct(message: Message) -> Work:
    folder = Path(_path(message, "out"))
    request = request_from_message(ReconstructRequest, message)

    def work(listener: Listener) -> dict[str, Any]:
        from .pipeline import jobs

        take = jobs.reconstruct(request, folder, listener)
        return {"folder": str(folder), "take": take.id}

    return work


def _refine(message: Message) -> Work:
    folder = Path(_path(message, "folder"))
    request = request_from_message(RefineRequest, message)

    def work(listener: Listener) -> dict[str, Any]:
        from .pipeline import jobs

        take = jobs.refine(request, folder, listener)
        return {"folder": str(folder), "take": take.id}

    return work


def _repair(request: Message) -> Work:
    parts, torch_index = request.get("parts"), request.get("torch_index") or ""
    if not isinstance(parts, list | None) or not isinstance(torch_index, str):
        raise UserError("bad-message", "The request to repair has fields of wrong types.", "Update the add-on.")

    def work(listener: Listener) -> dict[str, Any]:
        from .environment.repair import PARTS, repair

        checks = repair(listener, PARTS if parts is None else parts, torch_index=torch_index)
        return {"doctor": [asdict(check) for check in checks]}

    return work


JOBS: Mapping[str, Callable[[Message], Work]] = {"reconstruct": _reconstruct, "refine": _refine, "repair": _repair}


def _path(message: Message, name: str) -> str:
    """A field that has to be there. UserError `bad-message` where it is no text."""
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise UserError(
            "bad-message",
            f"The field {name!r} of {message['type']!r} is {value!r}.",
            "Update the add-on and its worker.",
        )
    return value


def _take_pipes() -> tuple[TextIO, TextIO]:
    """The protocol's pipes, and nobody else's: what libraries print goes to stderr, and their children read nothing."""
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


_writing = threading.Lock()


def _write(answers: TextIO, record: Message) -> None:
    try:
        with _writing:
            answers.write(encode(record))
            answers.flush()
    except (BrokenPipeError, ValueError):
        os._exit(1)  # nobody is left to listen
