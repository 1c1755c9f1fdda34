"""Reads npz archives of others: every header is read and compared with what is allowed before anything is unpacked.

`numpy.load` unpacks whatever a header claims, so that some MB can fill the memory, and lets exceptions of five modules pass.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

Dimension = int | str
"""A size, or the name of one that several arrays share, e.g. "T"."""


ArrayHeader = tuple[np.dtype[np.generic], tuple[int, ...]]
"""Type and shape of an array."""


@dataclass(frozen=True)
class ArraySpec:
    """Which arrays a member of an archive may hold."""

    dtype: str
    """As numpy names it, e.g. "float32"; either byte order is read."""
    shape: tuple[Dimension, ...]


@dataclass(frozen=True)
class NpzSchema:
    """The members of an archive; others are never unpacked and left out."""

    arrays: Mapping[str, ArraySpec]
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """The smallest and largest value of each named dimension."""
    limit: int = 256 << 20
    """Bytes of all arrays together."""


DEFAULT_LIMIT = 2 << 30
"""Bytes of all arrays of an archive without a schema."""
_MAX_MEMBERS = 1024
_MAX_DIRECTORY = 1 << 20  # bytes of the zip's directory
_MAX_HEADER = 8192  # bytes of an array's header
_MAX_RATIO = 1100  # deflate packs 1032 bytes into one at most
_MAX_DIMENSIONS, _MAX_DIGITS = 8, 16
_CHUNK = 1 << 20

_END = struct.Struct("<4s4H2LH")  # end of central directory
_END_64_LOCATOR = 20  # bytes
_HEADER = re.compile(
    r"""\{\s*'descr':\s*'(?P<descr>[<>|=]?(?P<kind>[a-zA-Z?])(?P<size>\d{0,9}))',\s*"""
    r"""'fortran_order':\s*(?P<fortran>True|False),\s*"""
    r"""'shape':\s*\((?P<shape>[\d\s,]*)\),?\s*\}\s*"""
)
_KINDS = "biufUS?"

ARCHIVE_ERRORS = (
    OSError, ValueError, EOFError, LookupError, ArithmeticError, RuntimeError, NotImplementedError,
    BadZipFile, zlib.error, struct.error,
)  # fmt: skip
"""What zipfile and zlib raise for damaged archives. `read_arrays` turns all of them into ValueError."""


@dataclass(frozen=True)
class _Member:
    info: ZipInfo
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    fortran: bool
    start: int
    """Where the values begin, in bytes."""

    @property
    def size(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_arrays(
    stream: IO[bytes],
    schema: NpzSchema | None = None,
    *,
    only: Collection[str] | None = None,
    check: Callable[[Mapping[str, ArrayHeader]], None] | None = None,
    limit: int = DEFAULT_LIMIT,
) -> dict[str, np.ndarray]:
    """The arrays of an npz in an open file, in native byte order and C order.

    Where there is no schema, `only` says which members are read, if they are there, and `limit` counts. `check` may raise
    ValueError for the headers of what will be read.

    ValueError, whose text says what is wrong, for an archive that is damaged, larger than allowed or unlike the schema; for
    arrays of objects and records too. Nothing is unpacked before all headers have been checked.
    """
    try:
        _check_directory(stream)
        with ZipFile(stream) as archive:
            members = _members(archive, only if schema is None else schema.arrays)
            if schema is not None:
                members = _matching(members, schema)
            if check is not None:
                check({name: (member.dtype, member.shape) for name, member in members.items()})
            total, allowed = sum(member.size for member in members.values()), limit if schema is None else schema.limit
            if total > allowed:
                raise ValueError(f"its arrays have {total} bytes, more than the {allowed} that are allowed")
            return {name: _unpack(archive, member, name) for name, member in members.items()}
    except ValueError:
        raise
    except ARCHIVE_ERRORS as error:
        raise ValueError(f"it is damaged ({error})") from error


def _check_directory(stream: IO[bytes]) -> None:
    """Refuse a zip whose directory alone would take much memory; `ZipFile` reads it whole."""
    size = stream.seek(0, 2)
    tail_size = min(size, _END.size + _END_64_LOCATOR)
    stream.seek(size - tail_size)
    tail = stream.read(tail_size)
    if len(tail) < _END.size or not tail[-_END.size :].startswith(b"PK\x05\x06"):
        raise ValueError("it is not an npz archive, or its end is missing")
    _, _, _, _, count, directory, _, comment = _END.unpack(tail[-_END.size :])
    if comment or tail.startswith(b"PK\x06\x07"):
        raise ValueError("its directory has a form that is not used for npz archives")
    if count > _MAX_MEMBERS or directory > _MAX_DIRECTORY:
        raise ValueError(f"it has {count} members")
    stream.seek(0)


def _members(archive: ZipFile, allowed: Collection[str] | None) -> dict[str, _Member]:
    members: dict[str, _Member] = {}
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise ValueError(f"it has {len(infos)} members")
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if allowed is not None and name not in allowed:
            continue
        if name in members:
            raise ValueError(f"it has two members {name[:80]!r}")
        members[name] = _read_header(archive, info, name)
    return members


def _read_header(archive: ZipFile, info: ZipInfo, name: str) -> _Member:
    def damaged(problem: str) -> ValueError:
        return ValueError(f"{name[:80]} {problem}")

    if info.flag_bits & 0x1 or info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise damaged("is encrypted or packed in a way that is not used for npz archives")
    if info.file_size > _MAX_RATIO * max(info.compress_size, 1):
        raise damaged("claims more bytes than can be packed into it")
    with archive.open(info) as packed:
        start = packed.read(8)
        version, length_size = start[6:7], 2 if start[6:7] == b"\x01" else 4
        if start[:6] != b"\x93NUMPY" or version not in (b"\x01", b"\x02", b"\x03"):
            raise damaged("is no array")
        length = int.from_bytes(packed.read(length_size), "little")
        if length > _MAX_HEADER:
            raise damaged(f"has a header of {length} bytes")
        text = packed.read(length).decode("latin1")
    found = _HEADER.fullmatch(text)
    if found is None or found["kind"] not in _KINDS:
        raise damaged("is no array of numbers or text")
    try:
        dtype = np.dtype(found["descr"])
    except (TypeError, ValueError, OverflowError) as error:
        raise damaged("has an unknown type") from error
    parts = [part for part in found["shape"].split(",") if part.strip()]
    if len(parts) > _MAX_DIMENSIONS or any(len(part) > _MAX_DIGITS for part in parts):
        raise damaged("has another size than its header says")
    shape = tuple(int(part) for part in parts)
    member = _Member(info, dtype, shape, found["fortran"] == "True", 8 + length_size + length)
    if member.start + member.size != info.file_size:
        raise damaged("has another size than its header says")
    return member


def _matching(members: Mapping[str, _Member], schema: NpzSchema) -> dict[str, _Member]:
    """The members in the schema's order; ValueError for the first that is missing or unlike the schema."""
    missing = set(schema.arrays) - set(members)
    if missing:
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    sizes: dict[str, int] = {}
    for name, spec in schema.arrays.items():
        check_array(name, members[name].dtype, members[name].shape, spec, schema.sizes, sizes)
    return {name: members[name] for name in schema.arrays}


def check_array(
    name: str,
    dtype: np.dtype[np.generic],
    shape: tuple[int, ...],
    spec: ArraySpec,
    bounds: Mapping[str, tuple[int, int]],
    sizes: dict[str, int],
) -> None:
    """ValueError if an array is unlike its spec. `sizes` are the named dimensions found so far, to which it adds its own."""
    if dtype.newbyteorder("=") != np.dtype(spec.dtype):
        raise ValueError(f"{name} is {dtype}, not {spec.dtype}")
    expected = [sizes.get(size, size) if isinstance(size, str) else size for size in spec.shape]
    fits = len(shape) == len(expected)
    for actual, wanted in zip(shape, expected) if fits else ():
        if isinstance(wanted, str):
            minimum, maximum = bounds.get(wanted, (0, np.iinfo(np.int32).max))
            if not minimum <= actual <= maximum:
                raise ValueError(f"{name} has {actual} entries along {wanted}; {minimum} to {maximum} are allowed")
            sizes[wanted] = actual
        elif actual != wanted:
            fits = False
    if not fits:
        raise ValueError(f"{name} has shape {list(shape)}, not [{', '.join(map(str, expected))}]")


def _unpack(archive: ZipFile, member: _Member, name: str) -> np.ndarray:
    data = bytearray(member.size)
    view, filled = memoryview(data), 0
    with archive.open(member.info) as packed:
        packed.read(member.start)
        while filled < member.size:
            chunk = packed.read(min(_CHUNK, member.size - filled))
            if not chunk:
                raise ValueError(f"{name} breaks off")
            view[filled : filled + len(chunk)] = chunk
            filled += len(chunk)
        if packed.read(1):  # reading to the end is what checks the sum
            raise ValueError(f"{name} has more bytes than its header says")
    if not member.size:
        return np.zeros(member.shape, member.dtype.newbyteorder("="))
    array = np.frombuffer(data, member.dtype).reshape(member.shape, order="F" if member.fortran else "C")
    if member.dtype.kind == "b":  # a byte other than 0 and 1 is no valid bool
        array = array.view(np.uint8) != 0
    if member.dtype.kind == "U":
        points = np.frombuffer(data, np.dtype(np.uint32).newbyteorder(member.dtype.byteorder))
        if ((points > 0x10FFFF) | ((points >= 0xD800) & (points < 0xE000))).any():
            raise ValueError(f"{name} holds text that is not valid Unicode")
    return np.ascontiguousarray(array, member.dtype.newbyteorder("=")).reshape(member.shape)
