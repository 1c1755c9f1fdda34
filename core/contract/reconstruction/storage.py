"""Reads and writes a reconstruction's folder: all of its files are replaced together, or none.

`reconstruction.json` says in `digests` which files belong to it, by sha256; older results have no digests and are read without.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from ..errors import UserError
from ..fields import shown
from ..files import digest, explain_write_errors, open_regular, put_json, put_npz, read_json, read_npz
from ..frames import frames_in_words
from ..json_reading import parse_json
from ..names import is_identifier
from .journal import (
    BODY_FILE,
    INFO_FILE,
    JOURNAL_FILE,
    MOTION_FILE,
    TAKES_FOLDER,
    Replacement,
    Save,
    current_file,
    finish_interrupted_save,
    is_part,
    read_journal,
)
from .records import RESTORE, BodyArrays, Info, MotionArrays, Reconstruction, damaged
from .validation import BODY_SCHEMA, MOTION_SCHEMA, check_body, check_motion

_DIGESTS = "digests"
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_READ_ATTEMPTS, _READ_PAUSE = 5, 0.05
Result = TypeVar("Result")


def save(
    folder: Path,
    reconstruction: Reconstruction,
    before_commit: Callable[[], None] | None = None,
    *,
    others: Sequence[tuple[MotionArrays, Info]] = (),
) -> None:
    """Write a reconstruction as the active take, and the files of `others`, takes that were made together with it.

    `before_commit` is called when all new files are written; if it raises, nothing has changed. A crash at any moment leaves the
    old result or the new one (`journal.py`). Raises the UserError `damaged` if a value is not valid, and `disk-full` or
    `not-writable`.
    """
    active = (reconstruction.motion, reconstruction.info)
    takes = [(_checked(motion), _checked_record(info)) for motion, info in (active, *others)]
    body = _arrays(reconstruction.body)
    check_body(body)
    with explain_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        finish_interrupted_save(folder)
        pending = Save(folder)
        try:
            _write(pending, takes, body)
            if before_commit is not None:
                before_commit()
            pending.commit()
        finally:
            pending.discard()


def _write(pending: Save, takes: list[tuple[dict[str, np.ndarray], Info]], body: dict[str, np.ndarray]) -> None:
    motion, info = takes[0]
    listed = [take_file(take.id, suffix) for take in info.takes for suffix in (".json", ".npz")]
    digests = _digests_of_takes(pending.folder, listed)
    for take_motion, take_info in takes:
        file = take_file(take_info.take, ".npz")
        digests[file] = pending.add(file, partial(put_npz, arrays=take_motion))
        own = {file: digests[file]}
        file = take_file(take_info.take, ".json")
        digests[file] = pending.add(file, partial(put_json, record=take_info.to_json() | {_DIGESTS: own}))
    digests[MOTION_FILE] = pending.add(MOTION_FILE, partial(put_npz, arrays=motion))
    digests[BODY_FILE] = pending.add(BODY_FILE, partial(put_npz, arrays=body))
    pending.add(INFO_FILE, partial(put_json, record=info.to_json() | {_DIGESTS: dict(sorted(digests.items()))}))


def load(folder: Path) -> Reconstruction:
    """Read the active take, whole and valid in all its parts.

    Raises the UserError `no-reconstruction`, `file-unreadable`, `damaged`, `bad-contact` or `schema-too-new`.
    """

    def read(parts: Parts) -> Reconstruction:
        info = parts.info()
        motion = parts.motion(MOTION_FILE, info)
        return Reconstruction(motion, parts.body(), info)

    return _consistently(folder, read)


def load_info(folder: Path, take: str | None = None) -> Info:
    """Read the record of the active take, or of the take with this id. Errors as for `load`."""
    return _consistently(folder, lambda parts: parts.info(take))


def load_take_motion(folder: Path, take: str) -> MotionArrays:
    """Read the motion of the take with this id. Errors as for `load`."""
    return _consistently(folder, lambda parts: parts.motion(take_file(take, ".npz"), parts.info(take)))


def take_file(take: str, suffix: str) -> str:
    """A take's .json or .npz relative to the result's folder, as digests name it.

    UserError `damaged` for an id that could lead out of the folder.
    """
    if not is_identifier(take):
        raise damaged(f"{shown(take)} is not the id of a take")
    return f"{TAKES_FOLDER}/{take}{suffix}"


class Parts:
    """The files of a result, through a save that has not been finished. What is read is checked against the digests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal: Mapping[str, Replacement] = read_journal(folder)
        self._digests: dict[str, str] | None = None

    def path(self, file: str) -> Path:
        return current_file(self.folder, file, self._journal)

    def info(self, take: str | None = None) -> Info:
        file = INFO_FILE if take is None else take_file(take, ".json")
        path = self.path(file)
        if not path.exists():
            raise UserError(
                "no-reconstruction",
                f"{self.folder} holds no reconstruction{'' if take is None else f' of the name {take}'}.",
                "Choose the folder of a finished reconstruction.",
            )
        info = Info.from_json(read_json(path, sha256=None if take is None else self.digest(file), hint=RESTORE))
        if take is not None and info.take != take:
            raise damaged(f"{file} describes the take {info.take}")
        return info

    def motion(self, file: str, info: Info) -> MotionArrays:
        arrays = read_npz(self.path(file), MOTION_SCHEMA, sha256=self.digest(file), hint=RESTORE)
        check_motion(arrays)
        frames = arrays["frame_index"]
        if [int(frames[0]), int(frames[-1])] != info.clip["frames"]:
            raise damaged(f"{file} has {frames_in_words((frames[0], frames[-1]))}, not those of {info.take}")
        return MotionArrays(**arrays)

    def body(self) -> BodyArrays:
        arrays = read_npz(self.path(BODY_FILE), BODY_SCHEMA, sha256=self.digest(BODY_FILE), hint=RESTORE)
        check_body(arrays)
        return BodyArrays(**arrays)

    def digest(self, file: str) -> str | None:
        """The sha256 that a file has to have; None in results of older versions, and where the record is damaged."""
        if self._digests is None:
            self._digests = _digests_of(self.path(INFO_FILE))
        return self._digests.get(file)


def _consistently(folder: Path, read: Callable[[Parts], Result]) -> Result:
    """Read several files of one result, again where another process has saved in the meantime."""
    for attempt in range(_READ_ATTEMPTS):
        before = _stamp(folder)
        try:
            return read(Parts(folder))
        except UserError:
            if attempt == _READ_ATTEMPTS - 1 or (_stamp(folder) == before and not (folder / JOURNAL_FILE).exists()):
                raise
            time.sleep(_READ_PAUSE)
    raise AssertionError("not reached")


def _stamp(folder: Path) -> list[tuple[int, int] | None]:
    """Another one after each save."""
    stamps: list[tuple[int, int] | None] = []
    for name in (INFO_FILE, JOURNAL_FILE):
        try:
            status = (folder / name).stat()
        except OSError:
            stamps.append(None)
        else:
            stamps.append((status.st_mtime_ns, status.st_ino))
    return stamps


def _digests_of_takes(folder: Path, files: Sequence[str]) -> dict[str, str]:
    """The digests that are known, and new ones of files that a version without digests has written."""
    known, found = _digests_of(folder / INFO_FILE), dict[str, str]()
    for file in files:
        if file in known:
            found[file] = known[file]
        elif (folder / file).is_file():
            with open_regular(folder / file) as stream:
                found[file] = digest(stream)
    return found


def _digests_of(path: Path) -> dict[str, str]:
    """The valid entries of `digests` in a record; none where it cannot be read."""
    try:
        record = read_json(path).get(_DIGESTS)
    except UserError:
        return {}
    if not isinstance(record, dict):
        return {}
    entries = cast("dict[str, Any]", record).items()
    return {
        file: value for file, value in entries if is_part(file) and isinstance(value, str) and _SHA256.fullmatch(value)
    }


def _checked(motion: MotionArrays) -> dict[str, np.ndarray]:
    arrays = _arrays(motion)
    check_motion(arrays)
    return arrays


def _checked_record(info: Info) -> Info:
    """UserError for a record that could not be read again."""
    Info.from_json(parse_json(json.dumps(info.to_json())))
    return info


def _arrays(record: Any) -> dict[str, np.ndarray]:
    return {item.name: getattr(record, item.name) for item in fields(record)}
