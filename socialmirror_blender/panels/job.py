"""Draws the progress of a job, how it ended, and a result that waits to be imported."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from ...core.contract.frames import renumber
from ..runtime import models
from ..runtime.busy_scene import scene_is_busy_with
from ..runtime.job import Failure, Job, JobState
from ..runtime.origins import Origin, is_open
from ..runtime.session import session
from ..text import counted, draw_note, draw_text
from .next_step import FIXES

_JOB_LABELS = {
    "reconstruct": "Reconstructing",
    "refine": "Refining",
    "install": "Installing",
    models.LIST: "Listing models",
    models.FETCH: "Downloading",
    models.DELETE: "Deleting",
}

STAGE_LABELS = {
    "perception": "detecting people",
    "scene-view": "looking at the scene",
    "clip-camera": "estimating the camera",
    "camera-agreement": "comparing estimates of the camera",
    "initial-motion": "estimating the initial motion",
    "placed-motion": "placing both people",
    "lifted-people": "lifting both people to 3D",
    "lifted-motion": "estimating the initial motion",
    "annotation": "describing what the two do",
    "sentence": "reading the prompt",
    "joint-prediction": "predicting joints",
    "first-fit": "fitting both people",
    "detected-contacts": "detecting contacts",
    "prompted-contacts": "adding the prompt's contacts",
    "suggested-contacts": "checking what was seen",
    "infilled-motion": "filling in hidden motion",
    "solved-motion": "fitting contacts",
    "caption": "describing the motion",
}
"""Labels of the core's stages. Stages of an installation have names that can be shown as they are."""

_BUTTON_WIDTH = 40


def draw_job(layout: Any, *kinds: str, hints: bool = True) -> None:
    """Draw the current or last job if it is of one of these kinds; `hints`: with what to do after a failure."""
    job = session.runner.job
    if job.kind not in kinds:
        return
    if job.active:
        _draw_progress(layout.box(), job)
    elif job.state is JobState.FAILED and job.failure is not None:
        row = _draw_failure(layout.box(), job.failure, session.origin, hints)
        row.operator("socialmirror.dismiss", text="", icon="X", emboss=False)
    elif job.state is JobState.CANCELLED:
        row = layout.row()
        kept = "What was downloaded is kept." if job.kind == models.FETCH else "Nothing changed."
        row.label(text=f"Cancelled. {kept}", icon="INFO")
        row.operator("socialmirror.dismiss", text="", icon="X", emboss=False)
    if (
        job.kind in ("install", models.FETCH) or job.active
    ):  # the warnings of a reconstruction are shown with its result
        for warning in job.warnings:
            draw_note(layout, in_scene_frames(warning))


def draw_failures(layout: Any) -> None:
    """Draw how jobs have failed after which the queue went on."""
    for number, failed in enumerate(session.failures):
        failure = failed.failure
        if failed.title:
            failure = replace(failure, message=f"{failed.title}: {failure.message}")
        row = _draw_failure(layout.box(), failure, failed.origin, hints=True)
        row.operator("socialmirror.dismiss_failure", text="", icon="X", emboss=False).number = number


def draw_pending_result(layout: Any) -> None:
    """Draw a result that was not imported yet, and why."""
    if session.pending is None or session.importing is not None:
        return
    box = layout.box()
    waits_for = scene_is_busy_with() or "no tool is running"
    draw_text(box, session.notice or f"The result is imported as soon as {waits_for}.", icon="INFO")
    if count := len(session.waiting):
        draw_text(box, f"{counted(count, 'more result')} {'wait' if count > 1 else 'waits'}.")
    row = box.row(align=True)
    row.operator("socialmirror.import_result", icon="IMPORT")
    row.operator("socialmirror.dismiss_result", text="", icon="X")


def stage_label(stage: str) -> str:
    """Label of a stage by the name in its messages, which ends in a number if the stage runs again."""
    name = re.sub(r"-\d+$", "", stage)
    return STAGE_LABELS.get(name, stage[:1].lower() + stage[1:])


def time_left(seconds: float) -> str:
    """Time left, as precise as it can be known."""
    if seconds < 10:
        return "a few seconds left"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} s left"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"


def in_scene_frames(text: str) -> str:
    """A sentence of the core about the current or last job with the scene's frames, where its clip is a strip of the scene."""
    return _in_frames_of(session.origin, text)


def _in_frames_of(origin: Origin | None, text: str) -> str:
    timing = None if origin is None else origin.strip_timing
    if timing is None:
        return text
    zero, stretch = timing
    return renumber(text, lambda frame: round(zero + stretch * frame))


def _draw_progress(box: Any, job: Job) -> None:
    cancelling = job.state is JobState.CANCELLING
    title = "Cancelling" if cancelling else _JOB_LABELS[job.kind]
    column = box.column(align=True)
    column.label(text=f"{title}: {stage_label(job.stage) or 'starting'}", icon="SORTTIME")
    left = "" if job.seconds_left is None else f", {time_left(job.seconds_left)}"
    column.progress(factor=job.fraction, text=f"{job.fraction:.0%}{left}")
    if job.text:
        draw_text(column, job.text)
    if session.origin is not None and not is_open(session.origin):
        draw_text(column, "This job was started in another file.")
    row = box.row()
    row.enabled = not cancelling
    row.operator("socialmirror.cancel", icon="CANCEL")


def _draw_failure(box: Any, failure: Failure, origin: Origin | None, hints: bool) -> Any:
    """Returns the row for the button that dismisses it."""
    first = box.row()
    column = first.column(align=True)
    column.alert = True
    draw_text(column, _in_frames_of(origin, failure.message), icon="ERROR", margin=_BUTTON_WIDTH)
    fix = FIXES.get(failure.code) if hints else None
    if hints and (text := failure.hint if fix is None else fix.text):
        draw_text(box, _in_frames_of(origin, text))
    row = box.row(align=True)
    if fix is not None:
        row.operator(fix.operator)
    row.operator("socialmirror.open_log", icon="TEXT").filepath = failure.log
    return first
