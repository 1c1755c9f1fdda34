"""Decides what the worker does with a request: greet, start a job, cancel it, or shut down."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping

from ..contract.errors import UserError
from ..contract.messages import REQUESTS, Message, decode, error_message, message
from ..failures import explain
from .job import Job, Work
from .log import Log

_SHUTDOWN_SECONDS = 2.0
"""Time that a job has to stop when the worker ends."""

Handler = Callable[[Message], Work]
"""Makes a job's work from its request. Raises UserError if the request is not valid."""


class Dispatcher:
    """Runs in the main thread. `send` sends an answer, `greeting` makes the fields of `ready`."""

    def __init__(
        self,
        send: Callable[[Message], None],
        log: Log,
        handlers: Mapping[str, Handler],
        greeting: Callable[[], dict[str, object]],
    ) -> None:
        self.ended = False
        self._send = send
        self._log = log
        self._handlers = handlers
        self._greeting = greeting
        self._job: Job | None = None
        self._threads: list[threading.Thread] = []
        """Of the current job, and of earlier ones that may still run."""

    def receive(self, line: str) -> None:
        """Handle one line of stdin. Whatever is wrong with it is answered by an error."""
        request_id = 0
        try:
            request = decode(line)
            request_id = request["id"]
            self._handle(request)
        except Exception as error:
            failure = explain(error)
            self._log.write(f"refused: {failure}" if failure is error else traceback.format_exc())
            self._send(error_message(request_id, failure, self._log.path))

    def tick(self) -> None:
        """Abandon a cancelled job that does not stop. Has to be called several times a second."""
        if self._job is not None and self._job.overdue():
            self._log.write(f"job {self._job.id} does not stop; abandoned")
            self._job.conclude(message(self._job.id, "cancelled"))

    def cancel(self) -> None:
        """Cancel the current job, if there is one. Can be called from a signal handler."""
        if self._job is not None:
            self._job.cancel()

    def end(self) -> None:
        """Let the worker end. Can be called from a signal handler."""
        self.ended = True

    def shut_down(self) -> None:
        """Cancel the current job and give it time to stop."""
        self.cancel()
        if self._job is not None:
            self._job.thread.join(_SHUTDOWN_SECONDS)

    def _handle(self, request: Message) -> None:
        kind, request_id = request["type"], request["id"]
        if kind == "hello":
            self._send(message(request_id, "ready", **self._greeting()))
        elif kind == "cancel":
            if self._job is not None and self._job.id == request.get("job"):
                self._job.cancel()
        elif kind == "shutdown":
            self.ended = True
        elif kind in self._handlers:
            self._start(request_id, self._handlers[kind](request))
        else:
            raise UserError(
                "bad-message",
                f"{kind!r} is not a request; requests are {', '.join(REQUESTS)}.",
                "Restart the worker.",
            )

    def _start(self, request_id: int, work: Work) -> None:
        if self._job is not None and not self._job.concluded:
            raise UserError("busy", "Another job is running.", "Wait until it ends, or cancel it.")
        # not only of the last job: one that was cancelled while it waited for another has ended before that one
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._job = Job(request_id, work, self._send, self._log, self._threads)
        self._threads.append(self._job.thread)
        self._job.thread.start()
