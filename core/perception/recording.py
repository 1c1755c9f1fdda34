"""Records what the 2D networks answer, so that a run that was killed goes on where it was instead of at the clip's first frame.

The 2D stage asks its networks in an order that follows from the clip and the settings alone. A run with the same key (clip,
settings, weights, runtime) therefore asks the same questions again, and as long as it does it is given the recorded answers; all
that is between the networks is computed anew. Answers are recorded in chunks, each of which is stored whole or not at all.
Recorded answers are bit by bit those that the networks gave, in memory of the same layout, so that the result is the same, too.
"""

from __future__ import annotations

import json
import math
import typing
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from jaxtyping import UInt8

from ..contract.errors import UserError
from ..contract.json_reading import parse_json

CHUNK_SIZE = 128
"""Answers of one chunk: 30 to 60 frames."""
_DTYPES = ("float32", "float64", "uint8", "bool", "int64")
T = TypeVar("T")


@dataclass(frozen=True)
class Chunk:
    """Consecutive answers."""

    calls: str
    """JSON: for each answer the question and the structure of the answer, with type and shape in place of each array."""
    data: UInt8[np.ndarray, " B"]
    """The bytes of all arrays."""


class ChunkStore(Protocol):
    """Keeps the chunks of one run of a stage, numbered from 0: `pipeline.cache.CachedChunks`."""

    def read(self, number: int) -> Chunk | None: ...
    def write(self, number: int, chunk: Chunk) -> None: ...
    def forget(self, first: int) -> None:
        """Remove the chunks from a number on."""
        ...


class NoChunks:
    """Keeps nothing."""

    def read(self, number: int) -> Chunk | None:
        return None

    def write(self, number: int, chunk: Chunk) -> None:
        pass

    def forget(self, first: int) -> None:
        pass


def checksum(array: np.ndarray) -> int:
    """What stands for an array in a question."""
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def picture_checksum(image: np.ndarray) -> int:
    """What stands for a picture in a question: every 8th pixel of every 8th row tells it from others."""
    return checksum(image[::8, ::8])


class Recorder:
    """Answers questions from the record while it holds them, then from the networks."""

    def __init__(self, store: ChunkStore) -> None:
        self._store = store
        self._number = 0
        """Of the chunk that is being read or written."""
        self._waiting: list[tuple[list[Any], list[np.ndarray]]] | None = None
        """Recorded answers of the current chunk that nobody has asked for yet; None where nothing is recorded any more."""
        self._current: list[tuple[list[Any], list[np.ndarray]]] = []
        """Answers of the current chunk that were given."""
        self._read_chunk()

    @property
    def continues(self) -> bool:
        """Whether there are recorded answers that nobody has asked for yet."""
        return self._waiting is not None

    def answer(self, question: str, kind: Any, ask: Callable[[], T]) -> T:
        """The answer to a question, of the type `kind`; `ask` asks the network."""
        if self._waiting is not None:
            try:
                recorded, arrays = self._waiting[0]
                if recorded[0] == question:
                    found = _unpacked(kind, recorded[1], list(reversed(arrays)))
                    self._given(self._waiting.pop(0))
                    return found
            except (IndexError, KeyError, TypeError, ValueError, AttributeError):
                pass  # it is of another version
            self._waiting = None
            self._store.forget(self._number)
        arrays = []
        structure = _packed(ask(), arrays)
        self._given(([question, structure], arrays))
        return _unpacked(kind, structure, list(reversed(arrays)))

    def _given(self, answer: tuple[list[Any], list[np.ndarray]]) -> None:
        self._current.append(answer)
        if self._waiting is None and len(self._current) >= CHUNK_SIZE:
            with suppress(UserError, ValueError):  # the disk is full, or a number not finite: the run itself goes on
                self._store.write(self._number, _joined(self._current))
            self._number, self._current = self._number + 1, []
        elif self._waiting is not None and not self._waiting:
            self._number, self._current = self._number + 1, []
            self._read_chunk()

    def _read_chunk(self) -> None:
        chunk = self._store.read(self._number)
        try:
            self._waiting = None if chunk is None else _split(chunk) or None
        except (KeyError, TypeError, ValueError):
            self._waiting = None
        if self._waiting is None:
            self._store.forget(self._number)


def _packed(value: Any, arrays: list[np.ndarray]) -> Any:
    """The structure of a value, as JSON can hold it; its arrays are appended to `arrays`."""
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.ascontiguousarray(value).reshape(np.shape(value)))
        return {"dtype": str(value.dtype), "shape": list(value.shape), "scalar": isinstance(value, np.generic)}
    if is_dataclass(value):
        return [_packed(getattr(value, item.name), arrays) for item in fields(value)]
    if isinstance(value, list | tuple):
        return [_packed(each, arrays) for each in value]
    return value


def _unpacked(kind: Any, structure: Any, arrays: list[np.ndarray]) -> Any:
    """The inverse of `_packed`; `arrays` are in reverse order and taken from the end. TypeError, ValueError or IndexError."""
    if isinstance(structure, dict):
        array = arrays.pop()
        return array[()] if structure["scalar"] else array
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        parts = zip(fields(kind), structure, strict=True)
        return kind(*(_unpacked(hints[item.name], part, arrays) for item, part in parts))
    if typing.get_origin(kind) is list:
        return [_unpacked(typing.get_args(kind)[0], part, arrays) for part in structure]
    if kind not in (bool, int, float, str) or not isinstance(structure, int | float | str):
        raise TypeError(f"{structure!r} is no {kind}")
    return structure


def _joined(answers: Sequence[tuple[list[Any], list[np.ndarray]]]) -> Chunk:
    data = b"".join(array.tobytes() for _, arrays in answers for array in arrays)
    calls = [[*record, len(arrays)] for record, arrays in answers]
    return Chunk(json.dumps(calls, allow_nan=False), np.frombuffer(data, np.uint8))


def _split(chunk: Chunk) -> list[tuple[list[Any], list[np.ndarray]]]:
    """The inverse of `_joined`. ValueError, TypeError or KeyError for what it has not written."""
    data, answers, at = chunk.data, [], 0
    for question, structure, count in parse_json(chunk.calls):
        arrays: list[np.ndarray] = []
        for described in _described(structure):
            if described["dtype"] not in _DTYPES:
                raise ValueError(f"arrays of {described['dtype']} are not recorded")
            dtype, shape = np.dtype(described["dtype"]), tuple(described["shape"])
            size = math.prod(shape) * dtype.itemsize
            if size < 0 or at + size > len(data):
                raise ValueError("arrays are missing")
            arrays.append(data[at : at + size].copy().view(dtype).reshape(shape))
            at += size
        if len(arrays) != count:
            raise ValueError("arrays are missing")
        answers.append(([question, structure], arrays))
    return answers


def _described(structure: Any) -> list[dict[str, Any]]:
    """The descriptions of the arrays in a structure, in order."""
    if isinstance(structure, dict):
        return [structure]
    if isinstance(structure, list):
        return [found for part in structure for found in _described(part)]
    return []
