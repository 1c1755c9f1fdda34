"""Digests of whole files, each read once as long as it does not change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_CHUNK = 1 << 22  # bytes
_known: dict[str, tuple[tuple[int, ...], str]] = {}
"""By path: what the system said of the file when it was read, and its digest."""


def content_key(path: Path, while_reading: Callable[[], None] = lambda: None) -> str:
    """The sha256 of a whole file in hexadecimal, wherever it lies. OSError.

    `while_reading` is called many times a second; what it raises stops the reading.
    """
    status = path.stat()
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    before = _known.get(str(path))
    if before is not None and before[0] == state:
        return before[1]
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
            while_reading()
    _known[str(path)] = state, found.hexdigest()
    return found.hexdigest()


def is_changed(path: Path, key: str) -> bool:
    """Whether a file has not the content any more for which `content_key` gave `key`. It is read only where it was touched."""
    try:
        return content_key(path) != key
    except OSError:
        return True
