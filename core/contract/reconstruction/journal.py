"""Replaces several files of a result's folder in one step, which a crash or a full disk cannot cut in half.

New versions are first written beside the old ones under temporary names. Then a journal that names them is put into the folder:
that one file is the step. From then on the folder holds the new result: whoever reads it takes the new versions that the journal
names (`current_file`), and whoever writes to it first puts them in their places (`finish_interrupted_save`), as `commit` itself
does at once. Without a journal it holds the old result, and the new versions are leftovers (`temporary.remove_leftovers`).
"""

from __future__ import annotations

import errno
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..fields import Fields
from ..files import digest, open_regular, read_json
from ..json_reading import JsonLimits
from ..names import is_identifier
from ..temporary import is_temporary_name, temporary_name
from .records import damaged

JOURNAL_FILE = ".unfinished-save.json"
MOTION_FILE = "reconstruction.npz"
INFO_FILE = "reconstruction.json"
BODY_FILE = "body.npz"
TAKES_FOLDER = "takes"

_LIMITS = JsonLimits(size=1 << 20, depth=4)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ATTEMPTS, _PAUSE = 5, 0.1  # Windows refuses to rename a file while a virus scanner or a reader has it open


@dataclass(frozen=True)
class Replacement:
    """A file and the new version that takes its place."""

    file: str
    """As in `file_name`."""
    new: str
    """Temporary name of the new version, in the same folder."""
    sha256: str
    """Of the new version."""

    def to_json(self) -> dict[str, Any]:
        return {"file": self.file, "new": self.new, "sha256": self.sha256}

    @classmethod
    def read(cls, values: Fields) -> Replacement:
        """UserError `damaged` for a file that is none of a result's, so that a journal of a stranger renames nothing else."""
        file, new, sha256 = values.text("file"), values.text("new"), values.text("sha256")
        in_same_form = is_temporary_name(new) and Path(new).suffix == Path(file).suffix
        if not (is_part(file) and in_same_form and _SHA256.fullmatch(sha256)):
            raise damaged(f"{JOURNAL_FILE} names a file that is not part of a result")
        return cls(file, new, sha256)

    def new_path(self, folder: Path) -> Path:
        return (folder / self.file).with_name(self.new)


def is_part(file: str) -> bool:
    """Whether this is the name of a part of a result, relative to its folder with "/": `body.npz`, `takes/take-001.json`."""
    if file in (MOTION_FILE, INFO_FILE, BODY_FILE):
        return True
    place, _, name = file.partition("/")
    stem, dot, suffix = name.rpartition(".")
    return place == TAKES_FOLDER and is_identifier(stem) and dot + suffix in (".json", ".npz")


@dataclass
class Save:
    """New versions of files in a folder. Nothing changes before `commit`; `discard` removes what was not committed."""

    folder: Path
    replacements: list[Replacement] = field(default_factory=list[Replacement])

    def add(self, file: str, write: Callable[[Path], None]) -> str:
        """Write the new version of a file; returns its sha256. Raises what `write` raises, and OSError."""
        path = self.folder / file
        refuse_links(self.folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(temporary_name(path.suffix))
        self.replacements.append(Replacement(file, new.name, ""))  # so that it is discarded if it is not completed
        write(new)
        sync(new)
        with open_regular(new) as stream:
            self.replacements[-1] = Replacement(file, new.name, digest(stream))
        return self.replacements[-1].sha256

    def commit(self) -> None:
        """Replace all files in one step. OSError if nothing has changed.

        A file that cannot be renamed now, e.g. because another program has it open on Windows, is replaced when the folder is
        written to the next time; until then readers take its new version.
        """
        journal = self.folder / JOURNAL_FILE
        temporary = journal.with_name(temporary_name(journal.suffix))
        try:
            record = {"replacements": [one.to_json() for one in self.replacements]}
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            sync(temporary)
            self._sync_folders()
            _put_exclusively(temporary, journal)
            self.replacements = []  # from here on the journal owns the new versions
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        with suppress(OSError):
            sync(self.folder)
            finish_interrupted_save(self.folder)

    def discard(self) -> None:
        for one in self.replacements:
            with suppress(OSError):
                one.new_path(self.folder).unlink(missing_ok=True)

    def _sync_folders(self) -> None:
        for place in {(self.folder / one.file).parent for one in self.replacements}:
            sync(place)


def read_journal(folder: Path) -> dict[str, Replacement]:
    """The replacements of a save that was committed and has not been finished, by file; none where the journal is damaged."""
    path = folder / JOURNAL_FILE
    if not path.is_file():
        return {}
    try:
        values = Fields(read_json(path, _LIMITS), damaged)
        return {one.file: one for one in map(Replacement.read, values.records("replacements"))}
    except UserError:
        return {}


def current_file(folder: Path, file: str, journal: Mapping[str, Replacement]) -> Path:
    """Where the current version of a file is."""
    one = journal.get(file)
    return one.new_path(folder) if one is not None and one.new_path(folder).is_file() else folder / file


def finish_interrupted_save(folder: Path) -> bool:
    """Put the files of a committed save in their places; whether there was one. OSError if that is not possible now.

    Where new versions are damaged and none has been put in its place yet, e.g. after a power failure on a disk that writes in
    its own order, the old result stays.
    """
    journal = folder / JOURNAL_FILE
    if not journal.is_file():
        return False
    refuse_links(folder)
    replacements = list(read_journal(folder).values())
    waiting = [one for one in replacements if one.new_path(folder).is_file()]
    if len(waiting) == len(replacements) and not all(is_whole(one.new_path(folder), one.sha256) for one in waiting):
        for one in waiting:
            one.new_path(folder).unlink()
        waiting = []
    for one in waiting:
        with suppress(FileNotFoundError):  # another process puts them in their places too
            _replace(one.new_path(folder), folder / one.file)
    for place in {(folder / one.file).parent for one in waiting}:
        sync(place)
    journal.unlink(missing_ok=True)
    sync(folder)
    return True


def refuse_links(folder: Path) -> None:
    """OSError if the takes' folder is a link, through which files would be written to somewhere else."""
    if (folder / TAKES_FOLDER).is_symlink():
        raise OSError(errno.ELOOP, f"{TAKES_FOLDER} is a link to another folder")


def is_whole(path: Path, sha256: str) -> bool:
    """Whether a file is there and has this digest."""
    try:
        with open_regular(path) as stream:
            return digest(stream) == sha256
    except OSError:
        return False


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk. Windows does that for folders by itself."""
    is_folder = path.is_dir()
    if is_folder and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError:
        if not is_folder:  # some network file systems cannot do it for folders
            raise
    finally:
        os.close(descriptor)


def _put_exclusively(source: Path, target: Path) -> None:
    """Rename a file, but never over a journal that another process has put there in the meantime: FileExistsError."""
    if os.name == "nt":
        source.rename(target)  # refuses to replace there
        return
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(target) from None
        _replace(source, target)


def _replace(source: Path, target: Path) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            os.replace(source, target)  # noqa: PTH105 - tests refuse it
            return
        except PermissionError:
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE)
