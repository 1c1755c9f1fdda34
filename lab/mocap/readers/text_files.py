"""The text files of a recording: a single file, a folder, or an archive, which is read in memory and never unpacked."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from core.contract.errors import UserError

_DAMAGED = (OSError, EOFError, tarfile.TarError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError)
_MAX_BYTES = 256 * 2**20
"""Largest file in an archive that is read; recordings are far smaller."""


class TextFile(NamedTuple):
    """A file of motion capture, inside a folder or an archive."""

    path: PurePosixPath
    """Relative to the folder or archive; the name of a single file."""
    text: str


def text_files(path: Path, *suffixes: str) -> list[TextFile]:
    """All files with one of the endings (such as ".amc", lower case) in a file, a folder or a .tar(.xz|.gz|.bz2)/.zip archive.

    They are sorted by path. UserError `recording-unreadable` where the path is missing or damaged.
    """
    try:
        return sorted(_read(path, suffixes), key=lambda file: file.path)
    except _DAMAGED as error:
        raise unreadable(path, str(error) or type(error).__name__) from error


def unreadable(path: Path | str, reason: str) -> UserError:
    return UserError(
        "recording-unreadable", f"The recording {path} cannot be read: {reason}.", "Download or export it again."
    )


@contextmanager
def explain_damage(file: TextFile, form: str) -> Generator[None]:
    """Raise the UserError `recording-unreadable` for whatever a parser raises in the block when a file is not a `form`."""
    try:
        yield
    except (ValueError, LookupError, ArithmeticError, RuntimeError, TypeError) as error:
        raise unreadable(str(file.path), f"it is not {form} ({error})") from error


def _read(path: Path, suffixes: tuple[str, ...]) -> Iterator[TextFile]:
    if path.is_dir():
        for file in path.rglob("*"):
            if file.suffix.lower() in suffixes and file.is_file():
                yield TextFile(PurePosixPath(file.relative_to(path).as_posix()), _decoded(file.read_bytes()))
    elif path.suffix.lower() in suffixes:
        yield TextFile(PurePosixPath(path.name), _decoded(path.read_bytes()))
    elif path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = PurePosixPath(entry.filename)
                if name.suffix.lower() in suffixes and not entry.is_dir() and entry.file_size < _MAX_BYTES:
                    yield TextFile(name, _decoded(archive.read(entry)))
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                content = archive.extractfile(member) if member.isfile() and member.size < _MAX_BYTES else None
                if name.suffix.lower() in suffixes and content is not None:
                    yield TextFile(name, _decoded(content.read()))


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", "replace")
