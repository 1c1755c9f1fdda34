"""A job of the worker: it runs in its own thread, sends its progress, and can be cancelled."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from ..contract.errors import Cancelled, UserError
from ..contract.messages import Message, error_message, message
from ..failures import explain
from ..progress import Listener, Progress
from .log import Log

_CANCEL_SECONDS = 0.7
"""Time that a cancelled job has to stop. After it the job is reported as cancelled, and abandoned."""
_POLL_SECONDS = 0.1
_UNEXPLAINED = UserError("internal", "The job ended without a reason.", "Please report this with the log.")

Work = Callable[[Listener], dict[str, Any]]
"""What a job runs: it reports to the listener and returns the fields of the message `result`. Raises UserError or Cancelled."""


class Job:
    """A running job, and the `progress.Listener` of its work. Exactly one final message is sent.

    An abandoned job sends nothing more. It still runs until its next report, which raises Cancelled, so it writes no result.
    `abandoned` are the threads of such jobs; this job waits for them, because all would use the same processor and files.
    """

    def __init__(
        self,
        job_id: int,
        work: Work,
        send: Callable[[Message], None],
        log: Log,
        abandoned: Sequence[threading.Thread] = (),
    ) -> None:
        self.id = job_id
        self.thread = threading.Thread(target=self._run, args=(work, tuple(abandoned)), daemon=True)
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
        """Send the job's final message, if none was sent yet; one that cannot be sent becomes the error `internal`."""
        with self._lock:
            if self.concluded:
                return
            self.concluded = True
            try:
                self._send(answer)
            except (ValueError, TypeError) as error:  # the message holds what JSON cannot
                self._log.write(f"the answer {answer!r} cannot be sent: {error}")
                self._send(error_message(self.id, explain(error), self._log.path))

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

    def _run(self, work: Work, abandoned: Sequence[threading.Thread]) -> None:
        answer = error_message(self.id, _UNEXPLAINED, self._log.path)
        try:
            self._wait_for(abandoned)
            answer = message(self.id, "result", **work(self))
        except Cancelled:
            answer = message(self.id, "cancelled")
        except BaseException as error:  # a library may even try to end the process, which a thread cannot
            answer = error_message(self.id, explain(error), self._log.path)
            self._log.write(traceback.format_exc())
        finally:
            self.conclude(answer)

    def _wait_for(self, abandoned: Sequence[threading.Thread]) -> None:
        for thread in abandoned:
            while thread.is_alive():
                if self.cancelled():
                    raise Cancelled
                thread.join(_POLL_SECONDS)

    def _report(self, kind: str, **fields: Any) -> None:
        with self._lock:
            if not self.concluded:
                self._send(message(self.id, kind, **fields))
