"""The queue, and results that wait to be imported, on the disk, so that they are there again after Blender has quit.

Every Blender that runs has a file of its own and holds a lock beside it. Files whose Blender has ended are taken over by the next
one. They lie in the user's folder and not in .blend files: one queue has clips of several files, and a file of somebody else must
not bring jobs along.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ...core.contract.errors import UserError
from ...core.contract.fields import MAX_PATH, MAX_TEXT, Fields
from ...core.contract.files import read_json, write_json
from ...core.contract.limits import MAX_FRAME_INDEX
from ...core.contract.locks import HeldLock, hold
from ...core.contract.requests import ReconstructRequest, message_fields, request_from_message
from .clip_queue import ClipState, QueuedClip
from .origins import EARLIER_SESSION, Origin
from .session import Outcome

_VERSION = 2
_KNOWN_VERSIONS = (1, 2)
"""The first had clips only."""
_LONGEST_NAME, _MOST_CLIPS = 1000, 10_000
_LARGEST_TIME = 1e9
_REQUEST = tuple(item.name for item in fields(ReconstructRequest))
_HELD = (ClipState.WAITING, ClipState.RUNNING, ClipState.HELD)
"""States of clips that are held when they are read: nothing starts before the user asks for it."""


@dataclass(frozen=True)
class Found:
    """What earlier sessions have left."""

    clips: tuple[QueuedClip[Origin], ...]
    """Numbered anew from 0."""
    results: tuple[Outcome, ...]
    """Finished, but not imported."""
    problems: tuple[str, ...]
    """A sentence for each file that cannot be read, and is set aside."""


class QueueFile:
    """The file of this Blender in a folder. It is there as long as there are clips or results."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{uuid.uuid4().hex}.json"
        self._lock: HeldLock | None = None

    def write(self, clips: Sequence[QueuedClip[Origin]], results: Sequence[Outcome] = ()) -> None:
        """UserError `disk-full` or `not-writable`."""
        if not clips and not results:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            self.release()
            return
        record = {"clips": [_clip_to_json(clip) for clip in clips], "results": list(map(_result_to_json, results))}
        write_json(self._path, {"version": _VERSION, **record})
        if self._lock is None:
            with suppress(OSError):
                self._lock = hold(_lock_of(self._path))

    @contextmanager
    def taking_over(self) -> Generator[Found]:
        """What Blenders have left that have ended. Their files are removed when the block ends without an error."""
        clips: list[QueuedClip[Origin]] = []
        results: list[Outcome] = []
        read: list[Path] = []
        problems: list[str] = []
        with ExitStack() as locks:
            for path in sorted(self._path.parent.glob("*.json")):
                if path == self._path or not _is_abandoned(path, locks):
                    continue
                try:
                    found = _read(path)
                except UserError as error:
                    problems.append(_set_aside(path, error))
                else:
                    clips += found[0]
                    results += found[1]
                    read.append(path)
            yield Found(tuple(clips), tuple(results), tuple(problems))
            for path in read:
                with suppress(OSError):
                    path.unlink()
        for path in self._path.parent.glob("*.lock"):
            if not path.with_suffix(".json").exists():
                with suppress(OSError):
                    path.unlink()

    def release(self) -> None:
        """Let another Blender take the file over."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            with suppress(OSError):
                _lock_of(self._path).unlink()


def _lock_of(path: Path) -> Path:
    return path.with_suffix(".lock")


def _is_abandoned(path: Path, locks: ExitStack) -> bool:
    """Whether no Blender that runs has a file; it is this one's then as long as `locks` are held."""
    try:
        lock = hold(_lock_of(path))
    except OSError:
        return False
    if lock is not None:
        locks.callback(lock.release)
    return lock is not None


def _set_aside(path: Path, error: UserError) -> str:
    """The sentence that says so."""
    aside = path.with_suffix(".damaged")
    with suppress(OSError):
        path.rename(aside)
    return (
        f"A queue of an earlier session cannot be read. {error.message} It is kept as {aside}. Queue its clips again."
    )


def _clip_to_json(clip: QueuedClip[Origin]) -> dict[str, Any]:
    return {
        "title": clip.title,
        "state": clip.state.value,
        "folder": clip.folder,
        "message": clip.message[:MAX_TEXT],
        "out": str(clip.fields["out"]),
        "request": {name: clip.fields[name] for name in _REQUEST if name in clip.fields},
        **_origin_to_json(clip.origin),
    }


def _result_to_json(result: Outcome) -> dict[str, Any]:
    return {
        "folder": result.folder,
        "kind": result.kind,
        "frames": None if result.frames is None else list(result.frames),
        "collection": result.origin.collection,
        "take": result.origin.take,
        **_origin_to_json(result.origin),
    }


def _origin_to_json(origin: Origin) -> dict[str, Any]:
    return {
        "filepath": origin.filepath,
        "scene": origin.scene,
        "frame_start": origin.frame_start,
        "strip": origin.strip,
        "strip_timing": None if origin.strip_timing is None else list(origin.strip_timing),
        "link_camera": origin.link_camera,
        "match_scene": origin.match_scene,
    }


def _read(path: Path) -> tuple[list[QueuedClip[Origin]], list[Outcome]]:
    """UserError if anything in it is not as `write` writes it."""
    record = Fields(read_json(path), _unreadable)
    record.only(("version", "clips", "results"))
    if not any(record.equals("version", version) for version in _KNOWN_VERSIONS):
        raise _unreadable("it is of another version of SocialMirror")
    clips = [_clip(number, entry) for number, entry in enumerate(record.records("clips", longest=_MOST_CLIPS))]
    results = record.records("results", longest=_MOST_CLIPS) if record.has("results") else []
    return clips, list(map(_result, results))


def _clip(number: int, record: Fields) -> QueuedClip[Origin]:
    record.only((*_CLIP_FIELDS, *_ORIGIN_FIELDS))
    record.within("request").only(_REQUEST)
    request = request_from_message(ReconstructRequest, record.record("request"))
    out = Path(record.text("out", longest=MAX_PATH))
    if not out.is_absolute():
        raise _unreadable(f"{out} is no absolute path")
    state = ClipState(record.text("state", choices=tuple(state.value for state in ClipState)))
    return QueuedClip(
        number,
        record.text("title", longest=_LONGEST_NAME),
        {"out": str(out), **message_fields(request)},
        _origin(record),
        ClipState.HELD if state in _HELD else state,
        record.text("folder", longest=MAX_PATH),
        record.text("message"),
    )


def _result(record: Fields) -> Outcome:
    record.only((*_RESULT_FIELDS, *_ORIGIN_FIELDS))
    folder = record.text("folder", longest=MAX_PATH)
    if not Path(folder).is_absolute():
        raise _unreadable(f"{folder} is no absolute path")
    origin = replace(
        _origin(record),
        collection=record.text("collection", longest=_LONGEST_NAME),
        take=record.text("take", longest=_LONGEST_NAME),
    )
    frames = record.integers("frames", 2, 0, MAX_FRAME_INDEX) if record.has("frames") else None
    return Outcome(folder, origin, record.text("kind", choices=_KINDS), frames)


def _origin(record: Fields) -> Origin:
    timing = record.numbers("strip_timing", 2, -_LARGEST_TIME, _LARGEST_TIME) if record.has("strip_timing") else None
    return Origin(
        EARLIER_SESSION,
        record.text("filepath", longest=MAX_PATH),
        record.text("scene", longest=_LONGEST_NAME),
        EARLIER_SESSION,
        frame_start=record.integer("frame_start", -MAX_FRAME_INDEX, MAX_FRAME_INDEX),
        strip=record.text("strip", longest=_LONGEST_NAME),
        strip_timing=None if timing is None else (timing[0], timing[1]),
        link_camera=record.boolean("link_camera"),
        match_scene=record.boolean("match_scene"),
    )


_CLIP_FIELDS = ("title", "state", "folder", "message", "out", "request")
_RESULT_FIELDS = ("folder", "kind", "frames", "collection", "take")
_KINDS = ("reconstruct", "refine")
_ORIGIN_FIELDS = ("filepath", "scene", "frame_start", "strip", "strip_timing", "link_camera", "match_scene")


def _unreadable(problem: str) -> UserError:
    return UserError("queue-unreadable", f"In the queue's file {problem}.")
