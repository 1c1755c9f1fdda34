"""A job of the worker: it runs in its own thread, sends its progress, and can be cancelled."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..contract.errors import Cancelled
from ..contract.messages import Message, error_message, message
from ..failures import explain
from ..progress import Listener, Progress
from .log import Log

_CANCEL_SECONDS = 0.7
"""Time that a cancelled job has to stop. After it the job is reported as cancelled, and abandoned."""
_POLL_SECONDS = 0.1

Work = Callable[[Listener], dict[str, Any]]
"""What a job runs: it reports to the listener and returns the fields of the message `result`. Raises UserError or Cancelled."""


class Job:
    """A running job, and the `progress.Listener` of its work. Exactly one final message is sent.

    An abandoned job sends nothing more. It still runs until its next report, which raises Cancelled, so it writes no result.
    `previous` is the thread of an abandoned job; this job waits for it, because both would use the same processor and files.
    """

    def __init__(
        self,
        job_id: int,
        work: Work,
        send: Callable[[Message], None],
        log: Log,
        previous: threading.Thread | None = None,
    ) -> None:
        self.id = job_id
        self.thread = threading.Thread(target=self._run, args=(work, previous), daemon=True)
        self.concluded = False
        self._send = send
        self._log = log
        self._cancelled_at: float | None = None
        self._lock = threading.Lock()

    def cancel(self) -> None:
        if self._cancelled_at is None:
            self._cancelled_at = time.monotonic()

    def overdue(self) -> bool:
        """Whether the job was cancelled and has not stopped in time."""
        started = self._cancelled_at
        return not self.concluded and started is not None and time.monotonic() - started > _CANCEL_SECONDS

    def conclude(self, answer: Message) -> None:
        """Send the job's final message, if none was sent yet."""
        with self._lock:
            if not self.concluded:
                self.concluded = True
                self._send(answer)

    def stage(self, name: str, index: int, count: int) -> None:
        self._log.write(f"stage {name}")
        self._report("stage", name=name, index=index, count=count)

    def progress(self, progress: Progress) -> None:
        self._report("progress", **asdict(progress))

    def warning(self, text: str) -> None:
        self._log.write(f"warning: {text}")
        self._report("warning", text=text)

    def log(self, text: str) -> None:
        self._log.write(text)
        self._report("log", text=text)

    def cancelled(self) -> bool:
        return self._cancelled_at is not None

    def _run(self, work: Work, previous: threading.Thread | None) -> None:
        try:
            while previous is not None and previous.is_alive():
                previous.join(_POLL_SECONDS)
                if self.cancelled():
                    raise Cancelled
            answer = message(self.id, "result", **work(self))
        except Cancelled:
            answer = message(self.id, "cancelled")
        except Exception as error:
            self._log.write(traceback.format_exc())
            answer = error_message(self.id, explain(error), self._log.path)
        self.conclude(answer)

    def _report(self, kind: str, **fields: Any) -> None:
        with self._lock:
            if not self.concluded:
                self._send(message(self.id, kind, **fields))
