"""Lets the clips of the queue have their turns: starts the next one, and notes how each has ended."""

from __future__ import annotations

from pathlib import Path

from ...core.contract.errors import UserError
from .clip_queue import ClipState, QueuedClip, may_share_folder
from .job import Job, JobState
from .job_starts import ask_worker
from .origins import Origin
from .result_imports import has_result_for_open_file, imports_now
from .session import FailedJob, session

_ENDS = {JobState.DONE: ClipState.DONE, JobState.CANCELLED: ClipState.CANCELLED}


def start_next_clip() -> bool:
    """Start the clip of the queue whose turn it is, unless a job runs or a result is imported just now.

    A result that waits, for a mode to end or for the user, holds the queue up only where `waits_for_import` says so. Whether the
    queue has changed. How a job outside the queue has failed is kept.
    """
    clip = session.queue.next
    if clip is None or session.runner.job.active or not session.environment.usable:
        return False
    if imports_now() or waits_for_import(clip):
        return False
    notice = session.notice if session.pending is not None else ""
    failure = None if session.in_queue else session.runner.job.failure
    failures = () if failure is None else (FailedJob(session.title, failure, session.origin),)
    try:
        ask_worker("reconstruct", clip.fields, clip.origin)
    except UserError as error:
        session.queue.fail(clip.number, str(error))
    else:
        session.notice = notice
        session.queue.begin(clip.number)
        session.in_queue = True
        session.failures += failures
    return True


def clip_has_ended(job: Job) -> bool:
    """Note how the clip of the queue has ended that has just run; False if the job was of none."""
    if session.queue.running is None:
        return False
    folder = "" if job.result is None else str(job.result.get("folder", ""))
    message = "" if job.failure is None else f"{job.failure.message} {job.failure.hint}".strip()
    session.queue.finish(_ENDS.get(job.state, ClipState.FAILED), folder=folder, message=message)
    return True


def waits_for_import(clip: QueuedClip[Origin]) -> bool:
    """Whether a clip of the queue would make another take active in the folder of a result that is not imported yet."""
    if session.pending is None or not has_result_for_open_file():
        return False
    frames, wanted = session.pending.frames, clip.fields["frames"]
    if frames is not None and wanted is not None and list(frames) != list(wanted):
        return False  # results of other frames never share a folder
    return may_share_folder(Path(session.pending.folder), Path(str(clip.fields["out"])))
