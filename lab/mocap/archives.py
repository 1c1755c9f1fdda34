"""Archives of motion capture (.zip and .tar): what they contain, and how they are unpacked."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.xz", ".tar.gz", ".tgz", ".tar.bz2")
DAMAGED_ARCHIVE = (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, NotImplementedError)
"""Exceptions for an archive that cannot be read."""
_EXPMAP_COLUMNS = (99, 117)
"""Numbers per line of files with exponential maps: the root and 32 or 38 joints."""
_TEXT_START = 65536
"""Bytes by which the format of a text is recognised."""


def archived_formats(path: Path) -> set[str]:
    """Names of the readers for files in an archive, and `arrays` where it contains npz files."""
    formats = set()
    for name, read_start in _entries(path):
        suffix = Path(name).suffix.lower()
        if suffix == ".amc":
            formats.add("asfamc")
        elif suffix == ".bvh":
            formats.add("bvh")
        elif suffix == ".npz":
            formats.add("arrays")
        elif suffix == ".txt" and not formats & {"expmap", "deepmimic"}:
            formats.add(_format_of_text(read_start()))
    return formats - {""}


def text_format(path: Path) -> str:
    """`expmap` or `deepmimic` for a text file in one of these formats, otherwise empty."""
    with path.open("rb") as stream:
        return _format_of_text(stream.read(_TEXT_START))


def unpack(path: Path, folder: Path) -> None:
    """Unpack an archive, without files that would lie outside the folder."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
    else:
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")


def _format_of_text(start: bytes) -> str:
    text = start.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        return "deepmimic" if '"Frames"' in text else ""
    line = text.split("\n", 1)[0]
    is_numbers = re.fullmatch(r"\s*[-+.\deE]+(\s*,\s*[-+.\deE]+)+,?\s*", line)
    return "expmap" if is_numbers and len(line.strip().strip(",").split(",")) in _EXPMAP_COLUMNS else ""


def _entries(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Names of an archive's files, each with a function that reads its beginning."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield entry.filename, lambda entry=entry: archive.open(entry).read(_TEXT_START)
    else:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    stream = archive.extractfile(member)
                    yield member.name, lambda stream=stream: stream.read(_TEXT_START) if stream else b""
