"""A job as plain data, with its transitions: each takes a job and an event and returns the new job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

_KEPT_LINES = 200


class JobState(Enum):
    IDLE = "idle"
    STARTING = "starting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Failure:
    """An error as it is shown to the user. `log` is the path of a file, or empty."""

    code: str
    message: str
    hint: str = ""
    log: str = ""


@dataclass(frozen=True)
class Job:
    kind: str = ""
    """The worker's request, or install; empty before the first job."""
    id: int = 0
    state: JobState = JobState.IDLE
    stage: str = ""
    fraction: float = 0.0
    """Of the whole job, in 0-1."""
    text: str = ""
    """The current step within the stage."""
    seconds_left: float | None = None
    warnings: tuple[str, ...] = ()
    log: tuple[str, ...] = ()
    """The last lines that the child logged."""
    failure: Failure | None = None
    result: dict[str, Any] | None = None

    @property
    def active(self) -> bool:
        return self.state in (JobState.STARTING, JobState.RUNNING, JobState.CANCELLING)


def started(kind: str, job_id: int) -> Job:
    return Job(kind, job_id, JobState.STARTING)


def sent(job: Job) -> Job:
    """The job after its request was sent to the child."""
    return replace(job, state=JobState.RUNNING) if job.state is JobState.STARTING else job


def asked_to_stop(job: Job) -> Job:
    return replace(job, state=JobState.CANCELLING, seconds_left=None) if job.active else job


def received(job: Job, message: dict[str, Any]) -> Job:
    """The job after a message from the child. Messages for other jobs or after the job's end change nothing."""
    if message["id"] != job.id or not job.active:
        return job
    kind = message["type"]
    if kind == "stage":
        return replace(job, stage=message["name"], text="")
    if kind == "progress":
        left = message.get("seconds_left")
        if job.state is JobState.CANCELLING:
            left = None
        fraction = max(job.fraction, min(1.0, message["fraction"]))
        return replace(job, stage=message["stage"], fraction=fraction, text=message["text"], seconds_left=left)
    if kind == "warning":
        return job if message["text"] in job.warnings else replace(job, warnings=(*job.warnings, message["text"]))
    if kind == "log":
        return replace(job, log=(*job.log, message["text"])[-_KEPT_LINES:])
    if kind == "result":
        return replace(job, state=JobState.DONE, fraction=1.0, seconds_left=None, result=dict(message))
    if kind == "cancelled":
        return replace(job, state=JobState.CANCELLED, seconds_left=None)
    if kind == "error":
        failure = Failure(message["code"], message["message"], message.get("hint", ""), message.get("log", ""))
        return failed(job, failure)
    return job


def failed(job: Job, failure: Failure) -> Job:
    return replace(job, state=JobState.FAILED, seconds_left=None, failure=failure)


def child_ended(job: Job, exit_code: int | None, log: str) -> Job:
    """The job after its child has ended. `log` is the path of the child's log file."""
    if not job.active:
        return job
    if job.state is JobState.CANCELLING:
        return replace(job, state=JobState.CANCELLED, seconds_left=None)
    return failed(
        job,
        Failure(
            "worker-ended",
            f"The background process ended unexpectedly (exit code {exit_code}).",
            "Try again. If it ends again, its log may say why; too little memory is a common cause, and a shorter range helps.",
            log,
        ),
    )
