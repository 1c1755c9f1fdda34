"""What was put into a model's folder: a manifest beside the files, against which they are checked before they are used."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..contract.errors import UserError
from ..contract.fields import Fields
from ..contract.files import put_json, read_json
from ..digests import content_key
from .catalogue import HubModel, is_permitted

MANIFEST = "socialmirror-manifest.json"
SCHEMA = 1
_LARGEST_FILE = 1 << 40
_LATEST = 1 << 63
_FETCH_AGAIN = "Download the model again."
_CLUTTER = frozenset((MANIFEST, ".DS_Store", "Thumbs.db", "desktop.ini"))
"""Files that may lie in the folder without being in its manifest: the manifest, and what file managers leave."""


@dataclass(frozen=True)
class StoredFile:
    """A file of a model, as it was when it was checked."""

    path: str
    """Relative to the folder, with slashes."""
    size: int
    sha256: str
    modified_ns: int
    """The file's time when its digest was last compared."""


@dataclass(frozen=True)
class Manifest:
    """What a model in the folder of models is: where it comes from, and all of its files."""

    name: str
    repository: str
    revision: str
    """The commit; "local" for a folder that does not tell."""
    licence: str
    accepted: str
    """Date on which the licence was accepted, as YYYY-MM-DD."""
    files: tuple[StoredFile, ...]

    def identity(self) -> str:
        """One digest of all files' names and contents."""
        lines = sorted(f"{file.sha256}  {file.path}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def make_manifest(
    model: HubModel, folder: Path, revision: str, while_reading: Callable[[], None] = lambda: None
) -> Manifest:
    """The manifest of a folder as it is. UserError `model-damaged` for a file that must not be in it. OSError."""
    files: list[StoredFile] = []
    for path in files_in(folder):
        if not is_permitted(model, path):
            raise refused_file(model, path)
        files.append(_as_stored(folder, path, while_reading))
    today = datetime.now(UTC).date().isoformat()
    return Manifest(model.name, model.repository, revision, model.licence.name, today, tuple(files))


def refused_file(model: HubModel, path: str) -> UserError:
    """The UserError for a file that could hold code, or has no name that may be written to."""
    return UserError(
        "model-damaged",
        f"{path!r} cannot be taken for {model.title}: only safetensors, JSON and text are, as other files may hold code.",
        "Take that file out of the folder, or download the model from its own repository.",
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Into a folder that nobody reads yet."""
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "name": manifest.name,
        "repository": manifest.repository,
        "revision": manifest.revision,
        "licence": manifest.licence,
        "accepted": manifest.accepted,
        "files": [vars(file) for file in manifest.files],
    }
    put_json(folder / MANIFEST, record)


def read_manifest(folder: Path) -> Manifest:
    """UserError `file-unreadable` or `model-damaged` where there is none that can be read."""
    fields = Fields(read_json(folder / MANIFEST, hint=_FETCH_AGAIN), lambda text: damaged_manifest(folder, text))
    fields.integer("schema", SCHEMA, SCHEMA)
    files = tuple(
        StoredFile(
            file.text("path", longest=400),
            file.integer("size", 0, _LARGEST_FILE),
            file.text("sha256", longest=64),
            file.integer("modified_ns", 0, _LATEST),
        )
        for file in fields.records("files", longest=1000)
    )
    return Manifest(
        name=fields.text("name", longest=400),
        repository=fields.text("repository", longest=400),
        revision=fields.text("revision", longest=400),
        licence=fields.text("licence", longest=400),
        accepted=fields.text("accepted", longest=400),
        files=files,
    )


def damaged_manifest(folder: Path, text: str) -> UserError:
    return UserError("model-damaged", f"{folder / MANIFEST} is not valid: {text}.", _FETCH_AGAIN)


def problems(
    model: HubModel, folder: Path, manifest: Manifest, *, whole: bool, while_reading: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """What is wrong with the folder, each as a clause; nothing where it is as the manifest says.

    A file of the same size and time is taken to be the same, unless `whole`: then every file is read. OSError.
    """
    if manifest.name != model.name:
        yield f"it holds {manifest.name}"
    expected = {file.path: file for file in manifest.files}
    for path in files_in(folder):
        if path not in expected:
            yield f"{path} does not belong there"
        elif not is_permitted(model, path):
            yield f"{path} may hold code"
    if not expected:
        yield "it has no files"
    for path, file in expected.items():
        place = folder / path
        if not is_permitted(model, path) or not place.is_file():
            yield f"{path} is missing"
            continue
        now = place.stat()
        if now.st_size != file.size:
            yield f"{path} has {now.st_size} bytes instead of {file.size}"
        elif (whole or now.st_mtime_ns != file.modified_ns) and content_key(place, while_reading) != file.sha256:
            yield f"{path} is not the file that was downloaded (its sha256 differs)"


def files_in(folder: Path) -> list[str]:
    """Paths of all files, relative and with slashes, without the manifest and what file managers leave."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return sorted(path for path in found if path.rpartition("/")[2] not in _CLUTTER)


def _as_stored(folder: Path, path: str, while_reading: Callable[[], None]) -> StoredFile:
    status = (folder / path).stat()
    return StoredFile(path, status.st_size, content_key(folder / path, while_reading), status.st_mtime_ns)
