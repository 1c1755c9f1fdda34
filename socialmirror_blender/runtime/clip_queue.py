"""Clips that wait to be reconstructed one after the other, and what became of those that had their turn.

Plain data without Blender; `queue_turns.py` starts the jobs and reports how they end. `queue_file.py` keeps
the queue when Blender quits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...core.contract.errors import UserError

Origin = TypeVar("Origin")
"""Where a clip was queued, which the queue only keeps."""


class ClipState(Enum):
    HELD = "held"
    """Of an earlier session: it waits when the user resumes it."""
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_FINISHED = (ClipState.DONE, ClipState.FAILED, ClipState.CANCELLED)


@dataclass(frozen=True)
class QueuedClip(Generic[Origin]):
    number: int
    """Identifies the entry; numbers are not used again."""
    title: str
    fields: dict[str, Any]
    """Of the message `reconstruct`, as the settings were when the clip was queued."""
    origin: Origin
    state: ClipState = ClipState.WAITING
    folder: str = ""
    """Of the result."""
    message: str = ""
    """Why it failed."""


def may_share_folder(result: Path, out: Path) -> bool:
    """Whether a job for `out` may write into the folder of a result: it takes that, or one beside it with a number."""
    return result.parent == out.parent and (result.name == out.name or result.name.startswith(f"{out.name}-"))


class ClipQueue(Generic[Origin]):
    def __init__(self) -> None:
        self.clips: tuple[QueuedClip[Origin], ...] = ()
        self._added = 0

    def add(self, title: str, fields: dict[str, Any], origin: Origin) -> None:
        self._added += 1
        self.clips += (QueuedClip(self._added, title, fields, origin),)

    @property
    def running(self) -> QueuedClip[Origin] | None:
        return next((clip for clip in self.clips if clip.state is ClipState.RUNNING), None)

    @property
    def next(self) -> QueuedClip[Origin] | None:
        """The clip whose turn it is; None while one runs or if none waits."""
        if self.running is not None:
            return None
        return next((clip for clip in self.clips if clip.state is ClipState.WAITING), None)

    def clip(self, number: int) -> QueuedClip[Origin]:
        """UserError `not-queued` if there is none of this number."""
        for clip in self.clips:
            if clip.number == number:
                return clip
        raise UserError("not-queued", "This clip is not in the queue any more.")

    @property
    def held(self) -> int:
        """How many clips are held."""
        return sum(clip.state is ClipState.HELD for clip in self.clips)

    def take_in(self, clips: Iterable[QueuedClip[Origin]]) -> None:
        """Add clips of another queue, which get numbers of this one."""
        for clip in clips:
            self._added += 1
            self.clips += (replace(clip, number=self._added),)

    def resume(self) -> None:
        """Let the clips wait that are held."""
        self.clips = tuple(
            replace(clip, state=ClipState.WAITING) if clip.state is ClipState.HELD else clip for clip in self.clips
        )

    def remove_held(self) -> None:
        self.clips = tuple(clip for clip in self.clips if clip.state is not ClipState.HELD)

    def begin(self, number: int) -> None:
        self._change(number, state=ClipState.RUNNING)

    def finish(self, state: ClipState, *, folder: str = "", message: str = "") -> None:
        """Say how the running clip ended."""
        clip = self.running
        if clip is not None:
            self._change(clip.number, state=state, folder=folder, message=message)

    def fail(self, number: int, message: str) -> None:
        self._change(number, state=ClipState.FAILED, message=message)

    def relocate(self, relocated: Callable[[QueuedClip[Origin]], QueuedClip[Origin]]) -> None:
        """Say where results are now, and where those of clips that wait shall lie."""
        self.clips = tuple(map(relocated, self.clips))

    def again(self, number: int) -> None:
        """Let a clip that failed or was cancelled wait for another turn, behind the others."""
        clip = self.clip(number)
        if clip.state in (ClipState.FAILED, ClipState.CANCELLED):
            self._without(number)
            self.clips += (replace(clip, state=ClipState.WAITING, message=""),)

    def remove(self, number: int) -> None:
        """UserError `queue-running` for the clip that runs, which has to be cancelled first."""
        if self.clip(number).state is ClipState.RUNNING:
            raise UserError("queue-running", "This clip is being reconstructed.", "Cancel it first.")
        self._without(number)

    def move(self, number: int, steps: int) -> None:
        """Let a clip wait by so many places later (negative: earlier) among those that wait."""
        waiting = [clip for clip in self.clips if clip.state is ClipState.WAITING]
        clip = self.clip(number)
        if clip not in waiting:
            return
        place = waiting.index(clip)
        waiting.remove(clip)
        waiting.insert(max(0, min(len(waiting), place + steps)), clip)
        order = iter(waiting)
        self.clips = tuple(next(order) if each.state is ClipState.WAITING else each for each in self.clips)

    def clear_finished(self) -> None:
        self.clips = tuple(clip for clip in self.clips if clip.state not in _FINISHED)

    def _without(self, number: int) -> None:
        self.clips = tuple(clip for clip in self.clips if clip.number != number)

    def _change(self, number: int, **values: Any) -> None:
        self.clips = tuple(replace(clip, **values) if clip.number == number else clip for clip in self.clips)
