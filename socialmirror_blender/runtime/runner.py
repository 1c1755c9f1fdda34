"""Runs one job at a time in a child that it starts when needed, and keeps the child for the next job.

Everything happens in `pump`, which the caller repeats; nothing here knows Blender.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ...core.contract.errors import UserError
from ...core.contract.messages import Message, message
from .job import Failure, Job, JobState, asked_to_stop, child_ended, failed, received, sent, started
from .process import Child, Launch

_HELLO_ID = 0


@dataclass(frozen=True)
class Timeouts:
    """Seconds until a child that does not react is treated more harshly; those for cancelling count from the request."""

    ready: float = 180.0
    """From the start of the child to its first answer; importing torch from a cold disk takes long."""
    interrupt: float = 1.5
    """Until it gets the signal that Ctrl-C sends."""
    terminate: float = 3.0
    kill: float = 4.5
    idle: float = 900.0
    """Until a child without a job is ended, because it holds memory."""


class Runner:
    def __init__(self, patience: Timeouts = Timeouts()) -> None:
        self.job = Job()
        self.ready: Message | None = None
        """The child's answer to `hello`: version, device, doctor."""
        self._timeouts = patience
        self._child: Child | None = None
        self._request: Message | None = None
        self._next_id = 1
        self._since = 0.0
        """When the child was started, was asked to stop, or finished its last job, whichever was last."""
        self._escalations = 0

    @property
    def child_pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def start(self, launch: Launch, kind: str, fields: dict[str, Any] | None = None) -> None:
        """Begin a job: send the request `kind` with `fields`, or start a child that takes no requests.

        UserError `busy` while a job runs, `worker-start` where the child cannot be started.
        """
        if self.job.active:
            raise UserError("busy", "SocialMirror is already working.", "Wait until it is done, or cancel it.")
        if self._child is not None and not (
            launch.takes_requests and self._child.launch == launch and self._child.exit_code is None
        ):
            self.close()
        fresh = self._child is None
        if self._child is None:
            self._child = Child(launch)
        if launch.takes_requests:
            self._next_id += 1
            self.job = started(kind, self._next_id)
            self._request = message(self.job.id, kind, **(fields or {}))
            if fresh:
                self._child.send(message(_HELLO_ID, "hello"))
        else:
            self.job = sent(started(kind, 1))
            self._request = None
        self._since = time.monotonic()
        self._escalations = 0
        self._send_when_ready()

    def cancel(self) -> None:
        """Ask the job to stop; `pump` enforces it. A job that has not been sent yet ends at once."""
        if not self.job.active or self._child is None or self.job.state is JobState.CANCELLING:
            return
        if self.job.state is JobState.STARTING:
            self._request = None
            self.job = child_ended(asked_to_stop(self.job), None, "")
            self.close()
            return
        self.job = asked_to_stop(self.job)
        self._since = time.monotonic()
        self._escalations = 0
        self._child.send(message(self._next_id + 1, "cancel", job=self.job.id))

    def pump(self) -> bool:
        """Handle the child's messages and everything that is due. Returns whether the job has changed."""
        before = self.job
        if self._child is None:
            return False
        for arrived in self._child.receive():
            self._handle(arrived)
        self._send_when_ready()
        self._check_child()
        if before.active and not self.job.active:
            self._since = time.monotonic()
        return self.job is not before

    def _check_child(self) -> None:
        """Do what is due because the child has ended or has been silent for too long."""
        if self._child is None:  # one of its messages made us close it
            return
        if self._child.ended():
            self.job = child_ended(self.job, self._child.exit_code, self._child.log)
            self.close()
        elif self.job.state is JobState.STARTING and self._has_elapsed(self._timeouts.ready):
            self._fail(
                "worker-silent",
                "The background process does not answer.",
                "Try again. If it stays silent, reinstall the environment in SocialMirror's preferences.",
            )
        elif self.job.state is JobState.CANCELLING:
            self._escalate()
        elif not self.job.active and self._has_elapsed(self._timeouts.idle):
            self.close()

    def clear(self) -> None:
        """Forget a finished job with its messages and its result."""
        if not self.job.active:
            self.job = Job()

    def show(self, job: Job) -> None:
        """Let a job that has ended be the last one again."""
        if not self.job.active:
            self.job = job

    def stop(self) -> None:
        """End the child at once; a job that is running counts as cancelled."""
        self.job = asked_to_stop(self.job)
        self._request = None
        self.close()

    def close(self) -> None:
        """End the child; a job that is running fails or counts as cancelled."""
        child, self._child = self._child, None
        self.ready = None
        if child is not None:
            child.close()
            self.job = child_ended(self.job, child.exit_code, child.log)

    def _handle(self, arrived: Message | UserError) -> None:
        if isinstance(arrived, UserError):
            if arrived.code == "version-mismatch":
                self._fail(arrived.code, arrived.message, arrived.hint)
        elif arrived["type"] == "ready":
            self.ready = arrived
        elif arrived["type"] == "error" and arrived["id"] == _HELLO_ID:
            self._fail(arrived["code"], arrived["message"], arrived.get("hint", ""))
        else:
            try:
                self.job = received(self.job, arrived)
            except (KeyError, TypeError) as error:
                self._fail(
                    "bad-message", f"The background process sent a message without {error}.", "Update SocialMirror."
                )

    def _send_when_ready(self) -> None:
        if self._request is not None and self.ready is not None and self._child is not None:
            self._child.send(self._request)
            self._request = None
            self.job = sent(self.job)

    def _escalate(self) -> None:
        assert self._child is not None
        steps = (
            (self._timeouts.interrupt, self._child.interrupt),
            (self._timeouts.terminate, self._child.terminate),
            (self._timeouts.kill, self._child.kill),
        )
        if self._escalations < len(steps) and self._has_elapsed(steps[self._escalations][0]):
            steps[self._escalations][1]()
            self._escalations += 1

    def _has_elapsed(self, seconds: float) -> bool:
        return time.monotonic() - self._since > seconds

    def _fail(self, code: str, text: str, hint: str) -> None:
        """Let the job fail and end the child."""
        if self._child is not None and self.job.active:
            self.job = failed(self.job, Failure(code, text, hint, self._child.log))
        self._request = None
        self.close()
