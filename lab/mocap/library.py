"""The motion library: all motion capture of a folder as captures, whatever its formats, cached for the next run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.contract.errors import UserError

from .capture import Capture
from .library_cache import LibraryCache
from .recordings import INDEX, UNKNOWN, Content, Recording, Skipped, find_recordings, read_recording


@dataclass(frozen=True)
class Library:
    """Captures have unique sources and are sorted by them."""

    captures: tuple[Capture, ...]
    skipped: tuple[Skipped, ...]
    """Every file that gave no motion, and the reason."""


def load_library(folder: Path, cache: Path | None = None, report: Callable[[str], None] | None = None) -> Library:
    """Every recording below a folder (or a single file), retargeted to our body.

    Formats are ASF/AMC, BVH, exponential maps, DeepMimic and AMASS, also in .zip and .tar archives.
    Results are cached in the folder `cache` until the files or the readers change. `report` is called before each recording that
    is not cached. UserError `mocap-empty` where there is no motion; it lists what was found instead.
    """
    if not folder.exists():
        raise UserError("mocap-empty", f"{folder} does not exist.", "Give a folder with motion capture.")
    base = folder if folder.is_dir() else folder.parent
    results = None if cache is None else LibraryCache(cache, base)
    library = _merge([_load_recording(recording, base, results, report) for recording in find_recordings(folder)])
    if results is not None:
        results.save_hashes()
    if not library.captures:
        found = "; ".join(f"{skip.path}: {skip.reason}" for skip in library.skipped[:3])
        raise UserError(
            "mocap-empty",
            f"{folder} contains no motion that can be read{f' ({found})' if found else ''}.",
            "Known formats are ASF/AMC, BVH, CMU's exponential maps, DeepMimic and AMASS, also in .zip and .tar.*.",
        )
    return library


def _load_recording(
    recording: Recording, base: Path, cache: LibraryCache | None, report: Callable[[str], None] | None
) -> Content:
    """From the cache, or by reading and retargeting."""
    name = recording.path.relative_to(base).as_posix() if recording.path != base else recording.path.name
    if recording.format == INDEX:
        return Content()
    if recording.format == UNKNOWN:
        return Content(skipped=(Skipped(name, recording.reason),))
    cached = None if cache is None else cache.load(recording)
    if cached is not None:
        return cached
    if report is not None:
        report(f"Reading {name}")
    content = read_recording(recording, name)
    if cache is not None:
        cache.save(recording, content)
    return content


def _merge(contents: Sequence[Content]) -> Library:
    captures, duplicates = _unique([item for content in contents for item in content.captures])
    skipped = [skip for content in contents for skip in content.skipped]
    return Library(captures, (*skipped, *duplicates))


def _unique(items: Sequence[Capture]) -> tuple[tuple[Capture, ...], list[Skipped]]:
    """The first capture of each source, sorted by source, and the others."""
    known: dict[str, Capture] = {}
    duplicates = []
    for item in items:
        if item.source in known:
            duplicates.append(Skipped(item.source, "another recording of the library has the same name"))
        else:
            known[item.source] = item
    return tuple(known[source] for source in sorted(known)), duplicates
