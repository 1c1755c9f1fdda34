"""Reads and writes JSON and npz files; a file is written under a temporary name and renamed when it is complete."""

from __future__ import annotations

import errno
import json
import zlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile

from .errors import UserError
from .temporary import temporary_name

if TYPE_CHECKING:
    import numpy as np

_UNREADABLE = (OSError, ValueError, EOFError, KeyError, NotImplementedError, BadZipFile, zlib.error)
"""The exceptions of numpy and zipfile for damaged archives."""


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
    with replacing(path) as temporary:
        put_json(temporary, record)


def write_npz(path: Path, arrays: Mapping[str, np.ndarray], *, compress: bool = False) -> None:
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


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz; pickles are not read. Raises the UserError `file-unreadable` if it is missing or damaged."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except _UNREADABLE as error:
        raise UserError("file-unreadable", f"{path} cannot be read: {error}.", "Reconstruct the clip again.") from error


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises the UserError `file-unreadable` if the file is missing or damaged."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError("file-unreadable", f"{path} cannot be read: {error}.", "Reconstruct the clip again.") from error
    if not isinstance(record, dict):
        raise UserError("file-unreadable", f"{path} does not contain a JSON object.", "Reconstruct the clip again.")
    return cast("dict[str, Any]", record)


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
            "not-writable", f"{path} cannot be written ({reason}).", "Choose a folder that you can write to."
        ) from error
