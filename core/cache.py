"""Results of stages on disk: a dataclass of arrays as one npz, named by stage and key, never pickled.

A key is made of everything a result depends on, so an entry is valid for ever or never asked for again.
"""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .contract.errors import UserError
from .contract.files import read_npz, write_npz

KEPT = 8
"""Entries of one stage that a folder keeps; the least recently written go first."""

_SAMPLE = 1 << 20  # bytes read at the head, the middle and the tail of a clip
_KEY_LENGTH = 16
_TEMPORARY = (".*-*.npz", ".*-*.json")  # as `contract.files.replacing` names them
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


class Cache:
    """The entries in one folder. Nothing in it is needed but to save time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, stage: str, key: str) -> Path:
        return self.folder / f"{stage}-{key[:_KEY_LENGTH]}.npz"

    def holds(self, stage: str, key: str) -> bool:
        return self.path(stage, key).exists()

    def read(self, kind: type[Result], stage: str, key: str) -> Result | None:
        """The entry, or None where there is none or it is damaged."""
        path = self.path(stage, key)
        if not path.exists():
            return None
        try:
            return load_arrays(kind, path)
        except UserError:
            return None

    def write(self, stage: str, key: str, result: Any) -> None:
        save_arrays(self.path(stage, key), result)

    def prune(self, stage: str) -> None:
        """Drop the oldest entries of a stage beyond `KEPT`."""
        entries = sorted(self.folder.glob(f"{stage}-*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in entries[KEPT:]:
            path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that a killed run left in the folder. Only while no other run works there."""
    for pattern in _TEMPORARY:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)


def save_arrays(path: Path, result: Any) -> None:
    """Write a dataclass whose fields are arrays, scalars, text, None, such dataclasses, or tuples of JSON records."""
    write_npz(path, flatten(result))


def load_arrays(kind: type[Result], path: Path) -> Result:
    """Read what `save_arrays` wrote. UserError `file-unreadable` where it is damaged or of another kind."""
    arrays = read_npz(path)
    try:
        return unflatten(kind, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            "file-unreadable", f"{path} does not hold a {kind.__name__}: {error}.", "Reconstruct the clip again."
        ) from error


def flatten(result: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Arrays by dotted name. A field that is None is left out; a tuple of records (with `to_json`) becomes JSON text."""
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
