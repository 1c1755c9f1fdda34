"""The state of this Blender session: its runner, its environment, a result to import, and the timer that polls them.

The timer is persistent, so it lives on when another file is loaded. Nothing here holds on to datablocks: a job remembers
names and numbers, and whoever applies its result looks them up again.
"""

from __future__ import annotations

import atexit
import threading
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.contract.errors import UserError
from . import environment as environments
from . import environment_files, launches, paths
from .clip_queue import ClipQueue, ClipState, QueuedClip, may_share_folder
from .environment import Environment, EnvironmentState
from .job import Failure, Job, JobState
from .models import FETCH, LIST, Model, read_models
from .models import JOBS as MODEL_JOBS
from .process import Launch
from .runner import Runner

_PASSING = ("control-rig",)
"""Codes of errors in whose message is what to do: the import goes on by itself once that is done."""

_NEXT_STEP_SECONDS, _BUSY_SECONDS, _IDLE_SECONDS = 0.01, 0.2, 1.0


@dataclass(frozen=True)
class Origin:
    """Where a job was started, as names and numbers that stay valid when datablocks do not."""

    file_serial: int
    """Number of files loaded so far."""
    filepath: str
    scene: str
    scene_uid: int
    collection: str = ""
    """Identity of the reconstruction to refine; see scene/state.py."""
    take: str = ""
    """The take that is refined."""
    frame_start: int = 1
    strip: str = ""
    strip_timing: tuple[float, float] | None = None
    """The scene frame at which the strip's movie begins, and scene frames for each frame of the movie; None for a file."""
    link_camera: bool = True
    match_scene: bool = False


@dataclass(frozen=True)
class Outcome:
    """A finished reconstruction and the scene to import it into."""

    folder: str
    origin: Origin
    kind: str
    frames: Sequence[int] | None = None
    """First and last frame as they were asked for; None for the whole clip, or where nobody was asked."""


@dataclass(frozen=True)
class FailedJob:
    """A job outside the queue that failed and was followed by a clip of the queue."""

    title: str
    """What it was about; see `Session.title`."""
    failure: Failure
    origin: Origin | None


@dataclass
class Session:
    runner: Runner
    environment: Environment
    file_serial: int = 0
    origin: Origin | None = None
    """Origin of the current or last job."""
    title: str = ""
    """Name of the current or last job's strip, clip or folder, empty if it is about none."""
    frames: Sequence[int] | None = None
    """Those of the request of the current or last job, if it names any."""
    in_queue: bool = False
    """Whether the current or last job is of a clip of the queue."""
    failures: tuple[FailedJob, ...] = ()
    """Kept until the user dismisses them."""
    pending: Outcome | None = None
    """The result that is imported next."""
    waiting: tuple[Outcome, ...] = ()
    """Other results that have not been imported yet, the newest first."""
    # not ClipQueue[Origin]: typing's cache would keep it, and with it Blender's module, beyond the end of Blender
    queue: ClipQueue[Origin] = field(default_factory=lambda: ClipQueue())
    """Clips that are reconstructed one after the other; their results are imported when asked."""
    models: tuple[Model, ...] | None = None
    """The hub's models with their states; None before the worker was asked."""
    broken_off: Job | None = None
    """A fetch that was cancelled or has failed, while the models are listed again."""
    notice: str = ""
    """What the user should know about the pending result, or about the last import."""
    waits: bool = False
    """Whether the notice is about something that the user may change at any time: the import is tried again until then."""
    needs_redraw: bool = False
    """Whether the sidebar was just drawn: panels that appeared are laid out only when it is drawn once more."""
    apply: Callable[[Outcome], Generator[None, None, None]] | None = None
    """Imports an outcome in steps; set by `register`. UserError if that is impossible."""
    unkeyed_pose: Callable[[], str] | None = None
    """Whose bones are posed without keys, which an import would reset, empty if nobody's are; set by `register`."""
    importing: Generator[None, None, None] | None = None
    """The steps that are left of importing the pending result, None before the first."""


session = Session(Runner(), Environment(EnvironmentState.NOT_INSTALLED))


def start_reconstruction(kind: str, fields: dict[str, Any], origin: Origin) -> None:
    """Begin `reconstruct` or `refine`. UserError if the environment is not ready or a job is running."""
    ask_worker(kind, fields, origin)


def ask_worker(kind: str, fields: dict[str, Any], origin: Origin | None = None) -> None:
    """Begin a job of the worker. UserError if the environment is not ready or a job is running."""
    _follow_other_blenders()
    if not session.environment.usable:
        raise UserError("environment", session.environment.message, session.environment.hint)
    launch = launches.worker_launch(session.environment.interpreter, bpy.app.online_access)
    start_job(launch, kind, fields, origin)


def start_installation(interpreter: str = "", torch_index: str = "") -> None:
    """Make the environment, or check and use `interpreter` if the user named one."""
    start_job(launches.installer_launch(bpy.app.online_access, interpreter, torch_index), "install", None, None)
    session.environment = environments.installing(session.environment)


def start_job(launch: Launch, kind: str, fields: dict[str, Any] | None, origin: Origin | None) -> None:
    session.runner.start(launch, kind, fields)
    session.origin, session.title, session.in_queue = origin, _title(fields or {}, origin), False
    session.frames = (fields or {}).get("frames")
    session.notice = ""
    redraw()


def _title(fields: dict[str, Any], origin: Origin | None) -> str:
    if origin is not None and origin.strip:
        return origin.strip
    return Path(str(fields.get("clip") or fields.get("folder") or "")).name


def current_origin(context: bpy.types.Context) -> Origin:
    """The origin of a job that is started now."""
    return Origin(session.file_serial, bpy.data.filepath, context.scene.name, context.scene.session_uid)


def is_open(origin: Origin) -> bool:
    """Whether the file that a job was started in is open, be it still or again."""
    return origin.file_serial == session.file_serial or (bool(origin.filepath) and origin.filepath == bpy.data.filepath)


def find_scene(origin: Origin) -> bpy.types.Scene | None:
    """The scene that a job was started in, also after it was renamed or its file was loaded again."""
    if origin.file_serial == session.file_serial:
        for scene in bpy.data.scenes:
            if scene.session_uid == origin.scene_uid:
                return scene
    return bpy.data.scenes.get(origin.scene)


def refresh_environment() -> None:
    """Read the environment's state from the disk again."""
    if session.environment.state is EnvironmentState.INSTALLING and session.runner.job.active:
        return
    try:
        facts = paths.read_facts()
    except (OSError, ValueError) as error:
        session.environment = Environment(
            EnvironmentState.BROKEN,
            message=f"SocialMirror's folder cannot be read: {error}.",
            hint="Give yourself the right to read and write it.",
        )
    else:
        ours = session.runner.job.kind == "install" and session.runner.child_pid is not None
        session.environment = environments.assess(replace(facts, being_made=facts.being_made and not ours))


def _follow_other_blenders() -> None:
    """Take notice where another Blender has replaced the environment that both use."""
    try:
        record = paths.read_facts().record
    except OSError:
        return
    if record is not None and session.environment.own and record.interpreter != session.environment.interpreter:
        refresh_environment()


def pump() -> None:
    """Handle the job's messages and import its result. Called by the timer, and by tests directly."""
    before, greeted, child = session.runner.job, session.runner.ready, session.runner.child_pid
    changed = session.runner.pump()
    job, ready = session.runner.job, session.runner.ready
    if ready is not None and ready is not greeted:
        session.environment = environments.examined(session.environment, ready["device"], ready["doctor"])
        session.models = read_models(ready) or session.models
    if before.active and not job.active:
        _finished(job)
        _list_after_fetch(job)
        changed = True
    if job.kind == "install" and child is not None and session.runner.child_pid is None:
        _installer_ended(job)
        changed = True
    if _choose_result():
        changed = True
    if _start_next_clip():
        changed = True
    if session.pending is not None and (session.waits or not session.notice) and not scene_is_busy_with():
        told = session.notice
        _import_further()
        changed = changed or not told or session.notice != told
    if changed:
        redraw()


def apply_outcome(outcome: Outcome) -> None:
    """Import a finished reconstruction into the file it was started in; if that is impossible, keep it and say why."""
    _put_first(outcome)
    while _import_further():
        pass


def abandon_import() -> None:
    """Take back what was done of an import that is under way. If its result is kept, the import begins anew later."""
    steps, session.importing = session.importing, None
    if steps is not None:
        steps.close()


def _put_first(outcome: Outcome) -> None:
    """Let a result be imported next; those that were not imported yet wait, except an earlier one of the same."""
    abandon_import()
    earlier = () if session.pending is None else (session.pending,)
    others = tuple(each for each in (*earlier, *session.waiting) if _place(each) != _place(outcome))
    session.pending, session.waiting, session.notice = outcome, others, ""


def _place(outcome: Outcome) -> tuple[Any, ...]:
    """What two results have in common if the import of one is also that of the other."""
    origin = outcome.origin
    return outcome.folder, origin.filepath or origin.file_serial, origin.scene, origin.collection


def _choose_result() -> bool:
    """Let a result of the open file be imported before those that wait for another one. Whether the pending one has changed."""
    results = (*(() if session.pending is None else (session.pending,)), *session.waiting)
    chosen = next((each for each in results if is_open(each.origin)), results[0] if results else None)
    if chosen is session.pending:
        return False
    abandon_import()
    session.pending, session.notice = chosen, ""
    session.waiting = tuple(each for each in results if each is not chosen)
    return True


def has_result_for_open_file() -> bool:
    """Whether a result waits that belongs to the open file, so that it is imported before the queue goes on."""
    return session.pending is not None and is_open(session.pending.origin)


def _imports_now() -> bool:
    """Whether a result is being imported or is about to be, which takes a moment."""
    begins = session.importing is not None or not session.notice
    return has_result_for_open_file() and begins and not scene_is_busy_with()


def waits_for_import(clip: QueuedClip[Origin]) -> bool:
    """Whether a clip of the queue would make another take active in the folder of a result that is not imported yet."""
    if session.pending is None or not has_result_for_open_file():
        return False
    frames, wanted = session.pending.frames, clip.fields["frames"]
    if frames is not None and wanted is not None and list(frames) != list(wanted):
        return False  # results of other frames never share a folder
    return may_share_folder(Path(session.pending.folder), Path(str(clip.fields["out"])))


def _import_further() -> bool:
    """Do the next step of importing the pending result; whether more are left.

    If it is impossible, the result is kept and the notice says why.
    """
    outcome = session.pending
    if outcome is None or session.apply is None:
        return False
    session.notice, session.waits = "", False
    if not is_open(outcome.origin):
        name = f" ({Path(outcome.origin.filepath).name})" if outcome.origin.filepath else ""
        session.notice = (
            f"This reconstruction was started in another file{name}. Open that file, or import the result here."
        )
        return False
    if session.importing is None:
        session.importing = session.apply(outcome)
    try:
        next(session.importing)
    except StopIteration:
        session.pending = None
    except UserError as error:
        session.notice, session.waits = str(error), error.code in _PASSING
    except Exception as error:  # the timer calls this: an error must neither end the timer nor repeat at every tick
        traceback.print_exc()
        session.notice = f"The result could not be imported: {type(error).__name__}: {error}. Please report this."
    else:
        return True
    session.importing = None
    return False


def _start_next_clip() -> bool:
    """Start the clip of the queue whose turn it is, unless a job runs or a result is imported just now.

    A result that waits, for a mode to end or for the user, holds the queue up only where `waits_for_import` says so. Whether the
    queue has changed. How a job outside the queue has failed is kept.
    """
    clip = session.queue.next
    if clip is None or session.runner.job.active or not session.environment.usable:
        return False
    if _imports_now() or waits_for_import(clip):
        return False
    notice = session.notice if session.pending is not None else ""
    failure = None if session.in_queue else session.runner.job.failure
    failures = () if failure is None else (FailedJob(session.title, failure, session.origin),)
    try:
        start_reconstruction("reconstruct", clip.fields, clip.origin)
    except UserError as error:
        session.queue.fail(clip.number, str(error))
    else:
        session.notice = notice
        session.queue.begin(clip.number)
        session.in_queue = True
        session.failures += failures
    return True


_ENDS = {JobState.DONE: ClipState.DONE, JobState.CANCELLED: ClipState.CANCELLED}


def _finished_clip(job: Job) -> None:
    """Note how the clip of the queue has ended that has just run."""
    folder = "" if job.result is None else str(job.result.get("folder", ""))
    message = "" if job.failure is None else f"{job.failure.message} {job.failure.hint}".strip()
    session.queue.finish(_ENDS.get(job.state, ClipState.FAILED), folder=folder, message=message)


def _finished(job: Job) -> None:
    queued = session.queue.running is not None
    if queued:
        _finished_clip(job)
    if job.kind in MODEL_JOBS:
        session.models = read_models(job.result or {}) or session.models
        if job.state is JobState.DONE and job.kind != FETCH:  # what it did is seen in the list
            session.runner.clear()
    elif job.kind == "install":
        session.environment = replace(session.environment, state=EnvironmentState.NOT_INSTALLED)
        refresh_environment()
    elif job.state is JobState.DONE and job.result is not None and session.origin is not None and not queued:
        _put_first(Outcome(job.result["folder"], session.origin, job.kind, session.frames))
    elif job.failure is not None and job.failure.code.startswith(("weight-", "wheel-")):
        session.environment = environments.weights_missing(session.environment)


def _list_after_fetch(job: Job) -> None:
    """List the models again after a fetch that has not succeeded, and then show how it ended: a part may be on the disk."""
    if job.kind == FETCH and job.state is not JobState.DONE:
        with suppress(UserError):
            ask_worker(LIST, {})
            session.broken_off = job
    elif session.broken_off is not None:
        session.runner.show(session.broken_off)
        session.broken_off = None


def _installer_ended(job: Job) -> None:
    """Look again once the installer, which puts things in order after its answer, has ended."""
    refresh_environment()
    if job.state is not JobState.DONE:  # it may have been killed
        folder = paths.environments_folder()
        threading.Thread(target=environment_files.clean, args=(folder,), name="SocialMirror clean", daemon=True).start()


_FREE_MODES = ("OBJECT", "POSE")
"""An import leaves the others, and the animator would be taken out of their work."""


def scene_is_busy_with() -> str:
    """What has to end before the scene may be changed unasked, empty if nothing has to."""
    if bpy.app.is_job_running("RENDER"):
        return "the render is done"
    windows = bpy.context.window_manager.windows
    if any(len(window.modal_operators) for window in windows):
        return "the running tool is done"
    edited = [window.view_layer.objects.active for window in windows if window.view_layer is not None]
    mode = next((item.mode for item in edited if item is not None and item.mode not in _FREE_MODES), "")
    if mode:
        return f"you leave {mode.replace('_', ' ').title()} Mode"
    posed = session.unkeyed_pose() if session.unkeyed_pose is not None else ""
    return f"you key the pose of {posed}, or leave Pose Mode" if posed else ""


def redraw() -> None:
    """Redraw every sidebar, now and at the timer's next tick."""
    session.needs_redraw = True
    _redraw_sidebars()


def _redraw_sidebars() -> None:
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def _tick() -> float:
    if session.needs_redraw:
        session.needs_redraw = False
        _redraw_sidebars()
    pump()
    if session.importing is not None:
        return _NEXT_STEP_SECONDS
    return _BUSY_SECONDS if session.runner.job.active or session.pending is not None else _IDLE_SECONDS


@persistent
def _file_loaded(*_arguments: Any) -> None:
    session.file_serial += 1
    if session.pending is not None:
        session.notice = ""  # the result may belong to this file
    elif not session.runner.job.active:
        session.runner.clear()


def _close() -> None:
    session.runner.close()


def _stop() -> None:
    """End a running job as if it had been cancelled: the session outlives the add-on, which may be switched on again."""
    was_active = session.runner.job.active
    session.broken_off = None
    session.runner.stop()
    if was_active:
        _finished(session.runner.job)
        if session.runner.job.kind == "install":
            _installer_ended(session.runner.job)
        session.runner.clear()


def register(apply: Callable[[Outcome], Generator[None, None, None]], unkeyed_pose: Callable[[], str]) -> None:
    session.apply, session.unkeyed_pose = apply, unkeyed_pose
    refresh_environment()
    bpy.app.handlers.load_post.append(_file_loaded)
    bpy.app.timers.register(_tick, first_interval=_IDLE_SECONDS, persistent=True)
    atexit.register(_close)


def unregister() -> None:
    atexit.unregister(_close)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    bpy.app.handlers.load_post.remove(_file_loaded)
    abandon_import()
    _stop()
    session.apply = session.unkeyed_pose = None
