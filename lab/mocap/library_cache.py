"""Cache of recordings that were read and retargeted: an npz and a json per recording, under a key of all that it depends on."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import numpy as np

from core.contract.errors import UserError
from core.contract.files import read_json, read_npz, write_json, write_npz

from .capture import Capture
from .recordings import Content, Recording, Skipped

_ARRAYS = ("global_orient", "body_pose", "pelvis", "foot_contact")
_UNRELATED_MODULES = (
    "library", "library_cache", "motion_clip", "windows", "motion_features", "action_detection", "blending", "cycles", "foot_ik",
)  # fmt: skip
"""Modules of this package that do not influence what is read."""


class LibraryCache:
    """Results in a folder. A key is made of the content of the files, their path, and the code of the readers.

    Files are hashed again only when their size or modification time has changed.
    """

    def __init__(self, folder: Path, base: Path) -> None:
        """`base` is the folder of the library, to which paths are relative."""
        self._folder, self._base = folder, base
        self._hashes_file = folder / "files.json"
        self._hashes: dict[str, list] = {}
        """For each file its size, modification time and sha256."""
        if self._hashes_file.is_file():
            with suppress(UserError):  # a damaged list is written again
                self._hashes = read_json(self._hashes_file)
        self._hashes_changed = False
        self._code_hash = _hash_of_readers()

    def load(self, recording: Recording) -> Content | None:
        """The cached result, None where there is none or it is damaged."""
        path = self._path(recording)
        if path.with_suffix(".npz").is_file() and path.with_suffix(".json").is_file():
            with suppress(UserError):
                return _load(path)
        return None

    def save(self, recording: Recording, content: Content) -> None:
        """Store a result, and remove older results of the same file."""
        path = self._path(recording)
        _save(path, content)
        same_file = path.name.rpartition("-")[0]
        for file in path.parent.iterdir():
            if file.stem != path.name and file.stem.rpartition("-")[0] == same_file:
                file.unlink(missing_ok=True)

    def save_hashes(self) -> None:
        """Store the hashes of files, for the next run."""
        if self._hashes_changed:
            write_json(self._hashes_file, self._hashes)

    def _path(self, recording: Recording) -> Path:
        """Without suffix: the file's name, a hash of its path, and the key."""
        place = hashlib.sha256(os.fspath(recording.path.resolve()).encode()).hexdigest()[:8]
        parts = [self._code_hash, recording.format, recording.path.relative_to(self._base).as_posix()]
        parts += [self._hash(file) for file in recording.files]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]
        return self._folder / f"{recording.path.name.split('.')[0]}-{place}-{key}"

    def _hash(self, file: Path) -> str:
        status, name = file.stat(), os.fspath(file.resolve())
        stamp = [status.st_size, status.st_mtime_ns]
        known = self._hashes.get(name)
        if known is not None and known[:2] == stamp:
            return known[2]
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        self._hashes[name] = [*stamp, digest]
        self._hashes_changed = True
        return digest


def _hash_of_readers() -> str:
    code = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        if file.stem not in _UNRELATED_MODULES:
            code.update(file.read_bytes())
    return code.hexdigest()


def _save(path: Path, content: Content) -> None:
    people = content.captures
    arrays: dict[str, np.ndarray] = {"frames": np.array([len(person.pelvis) for person in people], np.int64)}
    arrays["betas"] = np.stack([person.betas for person in people]) if people else np.zeros((0, 16), np.float32)
    for name in _ARRAYS:
        arrays[name] = np.concatenate([getattr(person, name) for person in people]) if people else np.zeros(0)
    write_npz(path.with_suffix(".npz"), arrays)
    record = {
        "people": [
            {"source": person.source, "subject": person.subject, "text": list(person.text), "rate": person.rate}
            for person in people
        ],
        "skipped": [{"path": skip.path, "reason": skip.reason} for skip in content.skipped],
    }
    write_json(path.with_suffix(".json"), record)


def _load(path: Path) -> Content:
    arrays, record = read_npz(path.with_suffix(".npz")), read_json(path.with_suffix(".json"))
    ends = np.cumsum(arrays["frames"])
    people = []
    for entry, betas, end, frames in zip(record["people"], arrays["betas"], ends, arrays["frames"]):
        part = slice(int(end - frames), int(end))
        people.append(
            Capture(
                source=entry["source"],
                subject=entry["subject"],
                text=tuple(entry["text"]),
                rate=entry["rate"],
                betas=betas,
                **{name: arrays[name][part] for name in _ARRAYS},
            )
        )
    return Content(tuple(people), tuple(Skipped(skip["path"], skip["reason"]) for skip in record["skipped"]))
