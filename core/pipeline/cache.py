"""Keeps results of stages on disk: a dataclass of arrays as one npz, named by stage, key and digest, never pickled.

A key is made of everything that a result depends on, so an entry is valid for ever or never asked for again. The digest of the
whole file is in its name, so that an entry is read as it was written or not at all: a damaged one is removed and made anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..contract.errors import UserError
from ..contract.files import digest, explain_write_errors, put_npz
from ..contract.json_reading import parse_json
from ..contract.npz import ArrayHeader, read_arrays
from ..contract.temporary import temporary_name
from ..perception.recording import Chunk, NoChunks
from ..records import check_record, check_shapes

KEPT = 24
"""Entries of one stage that a clip's folder keeps. A job of many takes writes one for each, and those of the two jobs before it
are still there to be refined."""

_KEY_LENGTH = _DIGEST_LENGTH = 16
_KEY, _WARNINGS, _SECONDS = "-key", "-warnings", "-seconds"  # no dataclass has fields of these names
_UNUSABLE = (UserError, OSError, KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What `read` meets in an entry that is damaged or that another version has written."""
_SCALARS = (bool, int, float, str)
Result = TypeVar("Result")


def key_of(*parts: Any) -> str:
    """One word for everything a result depends on: any values that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class CacheEntry:
    """A stage's result, and what the run that computed it said and took."""

    result: Any
    warnings: tuple[str, ...]
    seconds: float


class Cache:
    """The entries in one folder. Nothing in it is needed but to save time. `log` is told what had to be removed."""

    def __init__(self, folder: Path, log: Callable[[str], None] = lambda text: None, kept: int | None = KEPT) -> None:
        """`kept`: entries of one stage that the folder keeps, the least recently used go first; None keeps all."""
        self.folder = folder
        self._log = log
        self._kept = kept

    def path(self, stage: str, key: str) -> Path | None:
        """The entry's file; None where there is none."""
        return max(self._files(stage, key[:_KEY_LENGTH]), key=_last_use, default=None)

    def read(self, kind: type, stage: str, key: str) -> CacheEntry | None:
        """The entry, its result a dataclass of type `kind`; None where there is none. A damaged one is removed."""
        path = self.path(stage, key)
        if path is None:
            return None
        try:
            entry = _read_entry(path, kind, key)
        except _UNUSABLE as error:
            self._log(f"The result of {stage} in the cache was damaged and has been removed: {error}")
            with suppress(OSError):
                path.unlink()
            return None
        self.use(stage, key)
        return entry

    def newest(self, kind: type[Result], stage: str) -> Result:
        """The stage's result that was written or read last. ValueError where there is none that is whole."""
        path = max(self._files(stage), key=_last_use, default=None)
        if path is None:
            raise ValueError(f"there is no result of {stage}")
        return _read_entry(path, kind, None).result

    def write(self, stage: str, key: str, entry: CacheEntry) -> None:
        """Write an entry in place of those with the same key. UserError `disk-full` or `not-writable`."""
        arrays = flatten(entry.result)
        arrays[_KEY] = np.array(key)
        arrays[_WARNINGS] = np.array(json.dumps(entry.warnings))
        arrays[_SECONDS] = np.array(entry.seconds)
        with explain_write_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / temporary_name(".npz")
            try:
                put_npz(temporary, arrays, compress=True)
                with temporary.open("rb") as stream:
                    found = digest(stream)
                for old in self._files(stage, key[:_KEY_LENGTH]):
                    old.unlink(missing_ok=True)
                name = f"{stage}-{key[:_KEY_LENGTH]}-{found[:_DIGEST_LENGTH]}.npz"
                temporary.replace(self.folder / name)
            finally:
                temporary.unlink(missing_ok=True)
        self._prune(stage)

    def use(self, stage: str, key: str) -> bool:
        """Whether there is an entry, whole or not; one that is there counts as used now, so that others go first."""
        path = self.path(stage, key)
        if path is None:
            return False
        with suppress(OSError):  # where that is not allowed nothing is lost but the order
            os.utime(path)
        return True

    def holds(self, stage: str) -> bool:
        """Whether there is any result of a stage."""
        return bool(self._files(stage))

    def damaged(self) -> list[Path]:
        """The entries that are not as they were written; `read` removes them, too, when it meets them."""
        return [path for path in sorted(self.folder.glob("*.npz")) if not _is_whole(path)]

    def chunks(self, stage: str, key: str) -> CachedChunks:
        """Where a run of the stage keeps what it has done so far."""
        return CachedChunks(self, stage, key)

    def _files(self, stage: str, key: str = "[0-9a-f]+") -> list[Path]:
        """The files of a stage, not of those whose names begin alike; of a key or of all."""
        name = re.compile(rf"{re.escape(stage)}-{key}(-[0-9a-f]{{{_DIGEST_LENGTH}}})?\.npz")
        return [path for path in self.folder.glob(f"{stage}-*.npz") if name.fullmatch(path.name)]

    def _prune(self, stage: str) -> None:
        """Drop the entries of a stage beyond those to keep that were used longest ago."""
        if self._kept is None:
            return
        for path in sorted(self._files(stage), key=_last_use, reverse=True)[self._kept :]:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _last_use(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it is gone by now
        return 0.0


def _read_entry(path: Path, kind: type, key: str | None) -> CacheEntry:
    """An entry that is whole and of the key, if one is given. One of `_UNUSABLE` where it is not."""
    _check_digest(path)
    about_entry = (_KEY, _WARNINGS, _SECONDS)

    def check(headers: Mapping[str, ArrayHeader]) -> None:
        if any(shape for name, (_, shape) in headers.items() if name in about_entry):
            raise ValueError("it was not written by this release")
        check_shapes(kind, {name: header for name, header in headers.items() if name not in about_entry})

    with path.open("rb") as stream:
        arrays = read_arrays(stream, check=check)
    if arrays.pop(_KEY).item() != key and key is not None:
        raise ValueError("it belongs to other inputs")
    warnings = parse_json(arrays.pop(_WARNINGS).item())
    seconds = float(arrays.pop(_SECONDS))
    result = unflatten(kind, arrays)
    check_record(result)
    return CacheEntry(result, tuple(str(warning) for warning in warnings), seconds)


def _is_whole(path: Path) -> bool:
    try:
        _check_digest(path)
    except ValueError:
        return False
    return True


def _check_digest(path: Path) -> None:
    """ValueError where a file is not the one that its name says; before anything in it is unpacked."""
    try:
        with path.open("rb") as stream:
            found = digest(stream)
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from error
    if not path.stem.endswith(f"-{found[:_DIGEST_LENGTH]}"):
        raise ValueError("its content is not what was written")


class CachedChunks:
    """The `perception.recording.ChunkStore` of one result that is being computed, as entries of a cache.

    They are entries of a stage of their own for each number, so that they are checked like others. Those of another key are of
    a run that nobody goes on with, and are forgotten together with one's own.
    """

    def __init__(self, cache: Cache, stage: str, key: str) -> None:
        self._cache, self._stage, self._key = cache, stage, key

    def read(self, number: int) -> Chunk | None:
        entry = self._cache.read(Chunk, self._name(number), self._key)
        return None if entry is None else entry.result

    def write(self, number: int, chunk: Chunk) -> None:
        self._cache.write(self._name(number), self._key, CacheEntry(chunk, (), 0.0))

    def forget(self, first: int) -> None:
        name = re.compile(rf"{re.escape(self._stage)}-part-([0-9]{{4}})-[0-9a-f]+-[0-9a-f]+\.npz")
        for path in self._cache.folder.glob(f"{self._stage}-part-*.npz"):
            found = name.fullmatch(path.name)
            if found and int(found[1]) >= first:
                with suppress(OSError):
                    path.unlink()

    def _name(self, number: int) -> str:
        return f"{self._stage}-part-{number:04d}"


class MemoryCache:
    """The same for one process: results stay as they are, in memory."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], CacheEntry] = {}

    def read(self, kind: type, stage: str, key: str) -> CacheEntry | None:
        return self._entries.get((stage, key))

    def write(self, stage: str, key: str, entry: CacheEntry) -> None:
        self._entries[stage, key] = entry

    def use(self, stage: str, key: str) -> bool:
        return (stage, key) in self._entries

    def chunks(self, stage: str, key: str) -> NoChunks:
        return NoChunks()


def flatten(result: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """The fields of a dataclass as arrays by dotted name.

    Fields may be arrays, scalars, text, such dataclasses, None (left out) or tuples of records with `to_json` (JSON text).
    """
    arrays: dict[str, np.ndarray] = {}
    for item in fields(result):
        value, name = getattr(result, item.name), prefix + item.name
        if value is None:
            continue
        if is_dataclass(value):
            arrays |= flatten(value, f"{name}.")
        elif isinstance(value, tuple):
            arrays[name] = np.array(json.dumps([record.to_json() for record in value]))
        elif isinstance(value, np.ndarray | np.generic | bool | int | float | str):
            arrays[name] = np.asarray(value)
        else:
            raise TypeError(f"{name} is a {type(value).__name__}, which a cache cannot hold")
    return arrays


def unflatten(kind: type[Result], arrays: Mapping[str, np.ndarray], prefix: str = "") -> Result:
    """The inverse of `flatten`. KeyError names an array that is missing."""
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for item in fields(kind):  # pyright: ignore[reportArgumentType]
        name = prefix + item.name
        choices = _choices(hints[item.name])
        if is_dataclass(choices[0]):
            present = any(known.startswith(f"{name}.") for known in arrays)
            missing = type(None) in choices and not present
            values[item.name] = None if missing else unflatten(typing.cast(type, choices[0]), arrays, f"{name}.")
        elif name not in arrays and type(None) in choices:
            values[item.name] = None
        elif typing.get_origin(choices[0]) is tuple:
            record = typing.get_args(choices[0])[0]
            values[item.name] = tuple(record.from_json(each) for each in parse_json(arrays[name].item()))
        elif choices[0] in _SCALARS:
            values[item.name] = choices[0](arrays[name].item())
        else:
            values[item.name] = arrays[name]
    return kind(**values)


def _choices(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type itself; the first is what a value that is there has."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return tuple(sorted(typing.get_args(hint), key=lambda choice: choice is type(None)))
    return (hint,)
