"""The timer that polls the running job, and what follows when a job ends.

The timer is persistent, so it lives on when another file is loaded. In the bpy module timers never fire: tests call `pump`.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.contract.errors import UserError
from . import origins
from .environment_watch import (
    installation_has_ended,
    installer_has_ended,
    job_has_failed,
    refresh_environment,
    worker_is_ready,
)
from .job import Job, JobState
from .job_starts import ask_worker
from .kept_queue import keep_queue, let_go_of_queue, take_over_queues
from .models import FETCH, LIST, read_models
from .models import JOBS as MODEL_JOBS
from .queue_turns import clip_has_ended, start_next_clip
from .redraw import redraw, redraw_once_more
from .result_imports import abandon_import, choose_result, import_unless_busy, put_first
from .session import Outcome, session

job_end_listeners: list[Callable[[], None]] = []
"""Called when a job has ended, however it did, before its result is imported."""

_NEXT_STEP_SECONDS, _BUSY_SECONDS, _IDLE_SECONDS = 0.01, 0.2, 1.0


def pump() -> None:
    """Handle the job's messages, import its result and start the next clip of the queue."""
    before, greeted, child = session.runner.job, session.runner.ready, session.runner.child_pid
    changed = session.runner.pump()
    job, ready = session.runner.job, session.runner.ready
    if ready is not None and ready is not greeted:
        worker_is_ready(ready)
        session.models = read_models(ready) or session.models
    if before.active and not job.active:
        _job_has_ended(job)
        for listener in job_end_listeners:
            listener()
        _list_after_download(job)
        changed = True
    if job.kind == "install" and child is not None and session.runner.child_pid is None:
        installer_has_ended(job)
        changed = True
    for step in (choose_result, start_next_clip, import_unless_busy):
        if step():
            changed = True
    keep_queue()
    if changed:
        redraw()


def _job_has_ended(job: Job) -> None:
    queued = clip_has_ended(job)
    if job.kind in MODEL_JOBS:
        session.models = read_models(job.result or {}) or session.models
        if job.state is JobState.DONE and job.kind != FETCH:  # what it did is seen in the list
            session.runner.clear()
    elif job.kind == "install":
        installation_has_ended()
    elif job.state is JobState.DONE and job.result is not None and session.origin is not None and not queued:
        put_first(Outcome(job.result["folder"], session.origin, job.kind, session.frames))
    elif job.failure is not None:
        job_has_failed(job.failure.code)


def _list_after_download(job: Job) -> None:
    """List the models again after a download that has not succeeded, and then show how it ended: a part may be on the disk."""
    if job.kind == FETCH and job.state is not JobState.DONE:
        with suppress(UserError):
            ask_worker(LIST, {})
            session.broken_off = job
    elif session.broken_off is not None:
        session.runner.show(session.broken_off)
        session.broken_off = None


def _tick() -> float:
    redraw_once_more()
    pump()
    if session.importing is not None:
        return _NEXT_STEP_SECONDS
    return _BUSY_SECONDS if session.runner.job.active or session.pending is not None else _IDLE_SECONDS


@persistent
def _file_loaded(*_arguments: Any) -> None:
    if session.pending is not None:
        session.notice = ""  # the result may belong to this file
    elif not session.runner.job.active:
        session.runner.clear()


def _close() -> None:
    let_go_of_queue()
    session.runner.close()


def _stop() -> None:
    """End a running job as if it had been cancelled: the session outlives the add-on, which may be switched on again."""
    was_active = session.runner.job.active
    session.broken_off = None
    session.runner.stop()
    if was_active:
        _job_has_ended(session.runner.job)
        if session.runner.job.kind == "install":
            installer_has_ended(session.runner.job)
        session.runner.clear()


def register(apply: Callable[[Outcome], Generator[None, None, None]], unkeyed_pose: Callable[[], str]) -> None:
    session.apply, session.unkeyed_pose = apply, unkeyed_pose
    refresh_environment()
    take_over_queues()
    origins.register()
    bpy.app.handlers.load_post.append(_file_loaded)
    bpy.app.timers.register(_tick, first_interval=_IDLE_SECONDS, persistent=True)
    atexit.register(_close)


def unregister() -> None:
    atexit.unregister(_close)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    bpy.app.handlers.load_post.remove(_file_loaded)
    origins.unregister()
    abandon_import()
    let_go_of_queue()  # with the clip that runs, which goes on when Blender has quit
    _stop()
    session.apply = session.unkeyed_pose = None
