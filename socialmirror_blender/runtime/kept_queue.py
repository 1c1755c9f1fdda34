"""Keeps the session's queue and results that wait on the disk, and takes over what earlier sessions have left."""

from __future__ import annotations

from ...core.contract.errors import UserError
from . import paths
from .clip_queue import QueuedClip
from .origins import Origin
from .queue_file import QueueFile
from .session import Outcome, session


class _Kept:
    def __init__(self) -> None:
        self.file: QueueFile | None = None
        self.clips: tuple[QueuedClip[Origin], ...] = ()
        self.results: tuple[Outcome, ...] = ()
        """As they were last written, both."""


_kept = _Kept()


def take_over_queues() -> None:
    """Add clips of earlier sessions to the queue; those that were not done are held until the user resumes them.

    Results that were not imported wait for their file, or for the user.
    """
    try:
        with _own_file().taking_over() as found:
            session.queue.take_in(found.clips)
            session.waiting += found.results
            session.queue_problems += found.problems
            keep_queue()
    except (OSError, ValueError) as error:
        session.queue_problems += (f"Queues of earlier sessions cannot be read: {error}.",)


def keep_queue() -> None:
    """Write the queue and the results that wait if they have changed. If that is impossible, say so once."""
    clips, results = session.queue.clips, session.results
    if clips is _kept.clips and results == _kept.results:
        return
    _kept.clips, _kept.results = clips, results
    try:
        _own_file().write(clips, results)
    except (UserError, OSError, ValueError) as error:
        problem = f"The queue and results that wait will be forgotten when Blender quits. {error}"
        if problem not in session.queue_problems:
            session.queue_problems += (problem,)


def let_go_of_queue() -> None:
    """Let the next Blender take the queue over."""
    keep_queue()
    if _kept.file is not None:
        _kept.file.release()
        _kept.clips = _kept.results = ()


def _own_file() -> QueueFile:
    if _kept.file is None:
        _kept.file = QueueFile(paths.queue_folder())
    return _kept.file
