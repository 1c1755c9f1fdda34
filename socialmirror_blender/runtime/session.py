"""The state of this Blender session: its runner, its environment, its queue, and results to import.

It outlives the files that are opened. Nothing here holds on to datablocks: a job remembers names and numbers, and whoever applies
its result looks them up again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from .clip_queue import ClipQueue
from .environment import Environment, EnvironmentState
from .job import Failure, Job
from .models import Model
from .origins import Origin
from .runner import Runner


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
    queue_problems: tuple[str, ...] = ()
    """What went wrong with keeping the queue on the disk, in sentences, until the user dismisses them."""
    annotator_key: str = ""
    """Of the annotator's server. It is kept nowhere: neither in Blender's files nor in the queue's."""
    models: tuple[Model, ...] | None = None
    """The hub's models with their states; None before the worker was asked."""
    broken_off: Job | None = None
    """A download of a model that was cancelled or has failed, while the models are listed again."""
    notice: str = ""
    """What the user should know about the pending result, or about the last import."""
    waits: bool = False
    """Whether the notice is about something that the user may change at any time: the import is tried again until then."""
    apply: Callable[[Outcome], Generator[None, None, None]] | None = None
    """Imports an outcome in steps; set by `polling.register`. UserError if that is impossible."""
    unkeyed_pose: Callable[[], str] | None = None
    """Whose bones are posed without keys, which an import would reset, empty if nobody's are; set by `polling.register`."""
    importing: Generator[None, None, None] | None = None
    """The steps that are left of importing the pending result, None before the first."""

    @property
    def results(self) -> tuple[Outcome, ...]:
        """All results that have not been imported yet, the one that is imported next before the others."""
        return (*(() if self.pending is None else (self.pending,)), *self.waiting)


session = Session(Runner(), Environment(EnvironmentState.NOT_INSTALLED))
