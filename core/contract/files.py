"""Reads and writes JSON and npz files; a file is written under a temporary name and renamed when it is complete.

What is read may be of anybody: sizes, types and structure are limited before anything is unpacked (`npz.py`, `json_reading.py`).
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from .errors import UserError
from .json_reading import JSON_LIMITS, JsonLimits, parse_json
from .temporary import temporary_name

if TYPE_CHECKING:
    import numpy as np

    from .npz import NpzSchema

HINT = "Put a whole copy of the file there."
_CHUNK = 1 << 20
_OTHER_CONTENT = "its content is not what was saved; it is damaged or belongs to another result"


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block ends, or remove it if the block raises.

    Raises the UserError `disk-full` or `not-writable`.
    """
    with explain_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # not with tempfile, which makes files that only their owner can read
        temporary = path.with_name(temporary_name(path.suffix))
        temporary.touch(exist_ok=False)
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON in one step. Raises ValueError for NaN and infinity."""
    with replacing(path) as temporary:
        put_json(temporary, record)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray], *, compress: bool = False) -> None:
    """Write an npz in one step. Compression helps for masks, not for motion."""
    with replacing(path) as temporary:
        put_npz(temporary, arrays, compress=compress)


def put_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON to `path` directly, e.g. to the temporary file of `replacing`. Raises ValueError for NaN and infinity."""
    path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def put_npz(path: Path, arrays: Mapping[str, np.ndarray], *, compress: bool = False) -> None:
    """Write an npz to `path` directly, e.g. to the temporary file of `replacing`. Compression helps for masks, not for motion."""
    import numpy as np  # here, because `doctor` runs before numpy is installed

    write = np.savez_compressed if compress else np.savez
    with path.open("wb") as stream:
        write(stream, **arrays)  # pyright: ignore[reportArgumentType]


def read_npz(
    path: Path,
    schema: NpzSchema | None = None,
    *,
    limit: int | None = None,
    sha256: str | None = None,
    hint: str = HINT,
) -> dict[str, np.ndarray]:
    """The arrays of an npz: those of the schema, or all of them where there is none; `limit` is then their size in bytes.

    Raises the UserError `file-unreadable` with the hint if the file is missing, damaged, larger than allowed, unlike the schema
    or, where `sha256` is given, another one than that. All headers are checked before anything is unpacked; pickles are not read.
    """
    from .npz import ARCHIVE_ERRORS, DEFAULT_LIMIT, read_arrays

    allowed = schema.limit if schema is not None else limit or DEFAULT_LIMIT
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > allowed + _CHUNK:
                raise ValueError(f"it has {size} bytes, more than the {allowed} that are allowed")
            if sha256 is not None and digest(stream) != sha256:
                raise ValueError(_OTHER_CONTENT)
            return read_arrays(stream, schema, limit=allowed)
    except ARCHIVE_ERRORS as error:
        raise unreadable(path, error, hint) from error


def read_json(
    path: Path, limits: JsonLimits = JSON_LIMITS, *, sha256: str | None = None, hint: str = HINT
) -> dict[str, Any]:
    """The object in a JSON file.

    Raises the UserError `file-unreadable` with the hint if it is missing, damaged, larger than allowed or another one than that
    of `sha256`.
    """
    try:
        data = read_bytes(path, limits.size)
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise ValueError(_OTHER_CONTENT)
        record = parse_json(data, limits)
    except (OSError, ValueError) as error:
        raise unreadable(path, error, hint) from error
    if not isinstance(record, dict):
        raise unreadable(path, "it does not contain a JSON object", hint)
    return cast("dict[str, Any]", record)


def read_bytes(path: Path, limit: int) -> bytes:
    """A file's content. ValueError if it has more bytes than `limit`; OSError."""
    with open_regular(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"it has more than {limit} bytes")
    return data


@contextmanager
def open_regular(path: Path) -> Generator[IO[bytes]]:
    """Open a file for reading; OSError for a device or a pipe, from which reading could last for ever."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is not a file")
    with path.open("rb") as stream:
        yield stream


def digest(stream: IO[bytes]) -> str:
    """The sha256 of an open file from its start, in hexadecimal."""
    stream.seek(0)
    found = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()


def unreadable(path: Path, problem: object, hint: str = HINT) -> UserError:
    """The UserError `file-unreadable`. The hint says what to do; who reads the file knows where it comes from."""
    reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return UserError("file-unreadable", f"{path} cannot be read: {reason.rstrip('.')}.", hint)


@contextmanager
def explain_write_errors(path: Path) -> Generator[None]:
    """Raise the UserError `disk-full` or `not-writable` for an OSError in the block."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise UserError(
                "disk-full", f"The disk is full: {path} was not written.", "Free some space and try again."
            ) from error
        reason = error.strerror or str(error)
        raise UserError(
            "not-writable",
            f"{path} cannot be written ({reason}).",
            "Choose a folder that you can write to, and close other programs that use it.",
        ) from error
