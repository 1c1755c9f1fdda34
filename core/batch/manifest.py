"""Reads a manifest: a JSON file that lists clips, with the settings of each and those that all share.

    {"version": 1, "out": "results", "defaults": {"takes": 3, "export": ["gltf"]},
     "clips": [{"clip": "hug.mp4", "prompt": "They hug."}, {"name": "dance-2", "clip": "dance.mp4", "frames": [300, 480]}]}

Settings are the fields of `ReconstructRequest` as messages have them, but for the address of an annotator's server; paths are
relative to the manifest's folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..contract.errors import UserError
from ..contract.fields import MAX_PATH, Fields
from ..contract.files import read_json
from ..contract.json_reading import JsonLimits
from ..contract.names import file_stem
from ..contract.options import PATH, PATHS, option_of
from ..contract.requests import ReconstructRequest, message_fields, request_from_message
from ..export.targets import TARGETS, needs_blender

VERSION = 1
_HINT = "Correct it; docs/batch.md shows one."
MAX_CLIPS = 10_000
_LIMITS = JsonLimits(size=32 << 20, depth=12, values=2_000_000)
_ONLY_FROM_THE_USER = ("annotator_url", "annotator_model")
"""A manifest may be of anybody, and does not decide to whom pictures of clips are sent."""
_SETTINGS = tuple(item.name for item in fields(ReconstructRequest) if item.name not in _ONLY_FROM_THE_USER)
_PATHS = tuple(item.name for item in fields(ReconstructRequest) if option_of(item).type in (PATH, PATHS))


@dataclass(frozen=True)
class ManifestClip:
    """One entry of a manifest."""

    name: str
    """Unique in the manifest, ignoring case; names the file that says what became of it."""
    request: ReconstructRequest
    out: Path
    export: tuple[str, ...]
    """Targets to export the active take for."""

    @property
    def digest(self) -> str:
        """Of everything that the result depends on; of files their size and time, as reading them takes long."""
        record = {
            "request": message_fields(self.request),
            "files": [_version(path) for name in _PATHS for path in _paths(self.request, name)],
            "out": str(self.out),
            "export": list(self.export),
        }
        return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """The clips of a batch, as their file lists them."""

    path: Path
    clips: tuple[ManifestClip, ...]

    @property
    def records(self) -> Path:
        """The folder of the files that say what became of the clips."""
        return self.path.with_name(f"{self.path.stem}.batch")

    def clip(self, name: str) -> ManifestClip:
        """UserError `bad-manifest` if the manifest has no clip of this name."""
        for clip in self.clips:
            if clip.name == name:
                return clip
        raise _bad(f"it has no clip {name!r}")


def read_manifest(path: Path) -> Manifest:
    """The manifest, checked whole before any clip runs. UserError `bad-manifest` or `file-unreadable`."""
    path = path.absolute()
    values = Fields(read_json(path, _LIMITS, hint=_HINT), _bad)
    values.only(("version", "out", "defaults", "clips"))
    values.integer("version", VERSION, VERSION)
    out = path.parent / values.text("out", default="results", longest=MAX_PATH)
    defaults = values.record("defaults", dict[str, Any]())
    Fields(defaults, _bad, "defaults").only((*_SETTINGS, "export"))
    entries = values.entries("clips", longest=MAX_CLIPS)
    if not entries:
        raise _bad("it lists no clips")
    clips = tuple(
        _read_clip(entry, f"clips[{number}]", defaults, out, path.parent) for number, entry in enumerate(entries)
    )
    _check_unique(clips)
    return Manifest(path, clips)


def _read_clip(entry: Any, what: str, defaults: dict[str, Any], out: Path, folder: Path) -> ManifestClip:
    Fields(entry, _bad, what).only((*_SETTINGS, "name", "out", "export"))
    merged: dict[str, Any] = {**defaults, **entry}
    values = Fields(merged, _bad, what)
    name = values.identifier("name", None) or file_stem(
        Path(values.text("clip")).stem, what.strip("]").replace("[", "-")
    )
    export = values.texts("export", longest=len(TARGETS)) if values.has("export") else ()
    for target in export:
        if target not in TARGETS or needs_blender(target):
            possible = ", ".join(known for known in TARGETS if not needs_blender(known))
            raise _bad(f"{what}.export has {target!r}, not one of {possible}")
    try:
        request = request_from_message(ReconstructRequest, {**merged, "type": what})
    except UserError as error:
        raise _bad(f"{what}: {error.message.rstrip('.')}") from error
    request = replace(
        request,
        **{key: _resolved(getattr(request, key), folder) for key in _PATHS if getattr(request, key) is not None},
    )
    return ManifestClip(
        name, request, folder / values.text("out", longest=MAX_PATH) if values.has("out") else out / name, export
    )


def _resolved(value: Path | tuple[Path, ...], folder: Path) -> Path | tuple[Path, ...]:
    """One path or several of a setting, of which relative ones start at the folder."""
    return folder / value if isinstance(value, Path) else tuple(folder / path for path in value)


def _paths(request: ReconstructRequest, name: str) -> Iterator[Path]:
    value: Path | tuple[Path, ...] | None = getattr(request, name)
    if isinstance(value, Path):
        yield value
    else:
        yield from value or ()


def _version(path: Path) -> list[int]:
    """Size and time of a file, or of the body file in a folder; empty where there is none."""
    try:
        if path.is_dir():
            from ..body.files import find_body_file  # here, because torch takes seconds to load

            path = find_body_file(path)
        file = path.stat()
    except (OSError, UserError):
        return []
    return [file.st_size, file.st_mtime_ns]


def _check_unique(clips: tuple[ManifestClip, ...]) -> None:
    for kind, keys in (("name", [clip.name for clip in clips]), ("folder", [str(clip.out) for clip in clips])):
        seen: set[str] = set()
        for key in keys:
            if key.casefold() in seen:
                raise _bad(f"two clips have the {kind} {key!r}")
            seen.add(key.casefold())


def _bad(problem: str) -> UserError:
    return UserError("bad-manifest", f"The manifest is not valid: {problem}.", _HINT)
