"""Keeps results of stages on disk: a dataclass of arrays as one npz, named by stage and key, never pickled.

A key is made of everything that a result depends on, so an entry is valid for ever or never asked for again.
"""

from __future__ import annotations

import hashlib
import json
import os
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..contract.errors import UserError
from ..contract.files import read_npz, write_npz

KEPT = 24
"""Entries of one stage that a folder keeps; the least recently used go first. A job of many takes writes one for each, and
those of the two jobs before it are still there to be refined."""

_SAMPLE = 1 << 20  # bytes read at the head, the middle and the tail of a clip
_KEY_LENGTH = 16
_WARNINGS, _SECONDS = "-warnings", "-seconds"  # no dataclass has fields of these names
_SCALARS = (bool, int, float, str)
Result = TypeVar("Result")


def key_of(*parts: Any) -> str:
    """One word for everything a result depends on: any values that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def content_key(path: Path) -> str:
    """One word for a file's content wherever it lies: its size and samples of it, so that it is quick on long clips."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as stream:
        for start in sorted({0, max(0, size // 2 - _SAMPLE // 2), max(0, size - _SAMPLE)}):
            stream.seek(start)
            digest.update(stream.read(_SAMPLE))
    return digest.hexdigest()


@dataclass(frozen=True)
class CacheEntry:
    """A stage's result, and what the run that computed it said and took."""

    result: Any
    warnings: tuple[str, ...]
    seconds: float


class Cache:
    """The entries in one folder. Nothing in it is needed but to save time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, stage: str, key: str) -> Path:
        return self.folder / f"{stage}-{key[:_KEY_LENGTH]}.npz"

    def read(self, kind: type, stage: str, key: str) -> CacheEntry | None:
        """The entry, its result a dataclass of type `kind`; None where there is none or it is damaged."""
        path = self.path(stage, key)
        if not path.exists():
            return None
        try:
            arrays = read_npz(path)
            self.use(stage, key)
            warnings = tuple(json.loads(arrays.pop(_WARNINGS).item()))
            seconds = float(arrays.pop(_SECONDS))
            return CacheEntry(unflatten(kind, arrays), warnings, seconds)
        except (UserError, KeyError, TypeError, ValueError):
            return None

    def write(self, stage: str, key: str, entry: CacheEntry) -> None:
        arrays = flatten(entry.result)
        arrays[_WARNINGS] = np.array(json.dumps(entry.warnings))
        arrays[_SECONDS] = np.array(entry.seconds)
        write_npz(self.path(stage, key), arrays, compress=True)
        self._prune(stage)

    def use(self, stage: str, key: str) -> bool:
        """Whether there is an entry, whole or not; one that is there counts as used now, so that others go first."""
        path = self.path(stage, key)
        if not path.exists():
            return False
        with suppress(OSError):  # where that is not allowed nothing is lost but the order
            os.utime(path)
        return True

    def newest(self, kind: type[Result], stage: str) -> Result:
        """The stage's result that was written or read last. ValueError where there is none."""
        path = max(self.folder.glob(f"{stage}-*.npz"), key=lambda path: path.stat().st_mtime)
        return unflatten(kind, read_npz(path))

    def _prune(self, stage: str) -> None:
        """Drop the entries of a stage beyond `KEPT` that were used longest ago."""
        entries = sorted(self.folder.glob(f"{stage}-*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in entries[KEPT:]:
            path.unlink(missing_ok=True)


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
            values[item.name] = tuple(record.from_json(each) for each in json.loads(arrays[name].item()))
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
