"""Recordings in a folder: groups its files by the reader that reads them, and reads each group."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.contract.errors import UserError

from .archives import ARCHIVE_SUFFIXES, DAMAGED_ARCHIVE, archived_formats, text_format, unpack
from .capture import Capture
from .readers import amass, asfamc, bvh, deepmimic, expmap
from .retargeting.retarget import retarget
from .skeleton_motion import SkeletonMotion

ARCHIVE, INDEX, UNKNOWN = "archive", "index", ""
"""Formats of a `Recording` beside the readers' names: an archive, a text that helps to read others, and none that is known."""
_SKELETON_READERS: dict[str, Callable[[Path], list[SkeletonMotion]]] = {
    "asfamc": asfamc.read,
    "bvh": bvh.read,
    "expmap": expmap.read,
    "deepmimic": deepmimic.read,
}
"""Their results are retargeted."""
_BODY_READERS: dict[str, Callable[[Path], list[Capture]]] = {"amass": amass.read}
_ANONYMOUS_SETS = ("deepmimic",)
"""Sets that do not name who was recorded: every recording counts as a subject of its own."""
_INDEX_NAMES = ("CMU-INDEX.md", "cmu-mocap-index-text.txt")
"""Files from which a reader takes the descriptions of recordings in the same folder."""


@dataclass(frozen=True)
class Recording:
    """Files that are read, and cached, together."""

    format: str
    """A reader's name, ARCHIVE, INDEX or UNKNOWN."""
    path: Path
    files: tuple[Path, ...]
    """All files that the result depends on."""
    reason: str = ""
    """Why an UNKNOWN file is not read."""


@dataclass(frozen=True)
class Skipped:
    """A file or a recording that gave no motion."""

    path: str
    """Relative to the library's folder, or the recording's name."""
    reason: str


@dataclass(frozen=True)
class Content:
    """The motion of some recordings."""

    captures: tuple[Capture, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def find_recordings(folder: Path) -> Iterator[Recording]:
    """All files below a folder, or a single file, as recordings."""
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    skeleton_folders = {path.parent for path in files if path.suffix.lower() == ".asf"}
    assigned: set[Path] = set()
    for path in files:
        if path in assigned or path.name.startswith("."):
            continue
        recording = _recording_of(path, skeleton_folders)
        assigned.update(recording.files)
        yield recording


def _recording_of(path: Path, skeleton_folders: set[Path]) -> Recording:
    suffix, folder = path.suffix.lower(), path.parent
    if path.name in _INDEX_NAMES:
        return Recording(INDEX, path, (path,))
    if path.name.lower().endswith(ARCHIVE_SUFFIXES):
        return Recording(ARCHIVE, path, (path, *_indexes(folder)))
    if suffix in (".amc", ".asf") and folder in skeleton_folders:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".amc", ".asf"))
        return Recording("asfamc", folder, (*files, *_indexes(folder), *_indexes(folder.parent)))
    if suffix == ".amc":
        return Recording(UNKNOWN, path, (path,), "its skeleton (.asf) is not in the same folder")
    if suffix == ".bvh":
        return Recording("bvh", path, (path,))
    if amass.is_recording(path):
        return Recording("amass", path, (path,))
    return _unknown_or_text(path)


def _unknown_or_text(path: Path) -> Recording:
    suffix = path.suffix.lower()
    if suffix == ".pkl":
        return Recording(UNKNOWN, path, (path,), "it is a pickle, which can run programs, so it is not opened")
    format = text_format(path) if suffix == ".txt" else UNKNOWN
    return Recording(format, path, (path,), "" if format else "it contains no motion in a known format")


def _indexes(folder: Path) -> list[Path]:
    return [folder / name for name in _INDEX_NAMES if (folder / name).is_file()]


def read_recording(recording: Recording, name: str) -> Content:
    """The motion of a recording, retargeted to our body. `name` is its path in the list of skipped files."""
    try:
        if recording.format == ARCHIVE:
            return _read_archive(recording.path, name)
        if recording.format in _BODY_READERS:
            return Content(tuple(_BODY_READERS[recording.format](recording.path)))
        return _retarget_all(_SKELETON_READERS[recording.format](recording.path))
    except UserError as error:
        return Content(skipped=(Skipped(name, error.message),))


def _retarget_all(motions: Sequence[SkeletonMotion]) -> Content:
    captures, skipped = [], []
    for motion in motions:
        try:
            captures.append(_with_subject(retarget(motion)))
        except UserError as error:
            skipped.append(Skipped(motion.source, error.message))
    return Content(tuple(captures), tuple(skipped))


def _with_subject(capture: Capture) -> Capture:
    if capture.subject not in _ANONYMOUS_SETS:
        return capture
    return replace(capture, subject=f"{capture.subject}-{capture.source.rpartition('/')[2]}")


def _read_archive(path: Path, name: str) -> Content:
    """Text formats are read in memory by their readers; archives of arrays are unpacked to a temporary folder."""
    try:
        formats = archived_formats(path)
        text_formats = [format for format in _SKELETON_READERS if format in formats]
        if text_formats:
            parts = [_retarget_all(_SKELETON_READERS[format](path)) for format in text_formats]
        elif "arrays" in formats:
            with tempfile.TemporaryDirectory() as folder:
                unpack(path, Path(folder))
                recordings = [one for one in find_recordings(Path(folder)) if one.format not in (UNKNOWN, INDEX)]
                parts = [read_recording(recording, recording.path.name) for recording in recordings]
        else:
            return Content(skipped=(Skipped(name, "the archive contains no motion in a known format"),))
    except DAMAGED_ARCHIVE as error:
        return Content(skipped=(Skipped(name, f"the archive is damaged: {error}"),))
    return Content(
        tuple(capture for part in parts for capture in part.captures),
        tuple(Skipped(f"{name}/{skip.path}", skip.reason) for part in parts for skip in part.skipped),
    )
