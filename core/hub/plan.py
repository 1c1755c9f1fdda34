"""What has to be downloaded for a model: the files at one commit, with the digests that the hub states."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ..contract.errors import UserError
from ..contract.fields import Fields
from ..contract.json_reading import parse_json
from ..digests import content_key
from .catalogue import HubModel, is_permitted
from .manifest import refused_file

_LARGEST_FILE = 200 << 30
_LARGEST_HEADER = 100 << 20
"""Bytes of a safetensors header, as the format's own reader limits it."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_CHUNK = 1 << 22


@dataclass(frozen=True)
class PlannedFile:
    """A file that the hub announces."""

    path: str
    size: int
    sha256: str
    """As the hub states it for large files (Git LFS); empty for small ones."""
    git: str
    """Id of the Git object, which is a sha1 of small files."""


@dataclass(frozen=True)
class Plan:
    """What is to be downloaded: the files of one commit of a repository."""

    repository: str
    commit: str
    files: tuple[PlannedFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def is_commit(text: str) -> bool:
    """Whether a revision is a commit, which always stands for the same files, and not a branch."""
    return _COMMIT.fullmatch(text) is not None


def make_plan(model: HubModel, listing: Mapping[str, Any]) -> Plan:
    """The files that the model needs, of all that the hub lists.

    UserError `hub-changed` where the repository is not what the catalogue expects, `model-damaged` for a file that may hold
    code.
    """
    fields = Fields(listing, lambda text: _changed(model, text))
    commit = fields.text("commit", longest=64)
    if not is_commit(commit):
        raise _changed(model, "it states no commit")
    if is_commit(model.revision) and commit != model.revision:
        raise _changed(model, f"it answers with commit {commit} instead of {model.revision}")
    files: list[PlannedFile] = []
    for entry in fields.records("files", longest=20_000):
        path = entry.text("path", longest=400)
        if not model.wants(path):
            continue
        if not is_permitted(model, path):
            raise refused_file(model, path)
        size = entry.integer("size", 0, _LARGEST_FILE)
        file = PlannedFile(path, size, entry.text("sha256", default="", longest=64), entry.text("git", default=""))
        if file.path in model.sha256 and file.sha256 not in ("", model.sha256[file.path]):
            raise _changed(model, f"{path} has another sha256 than is known")
        files.append(file)
    for pattern in model.files:
        if not any(fnmatchcase(file.path, pattern) for file in files):
            raise _changed(model, f"it has no file {pattern}")
    return Plan(model.repository, commit, tuple(sorted(files, key=lambda file: (file.size, file.path))))


def problem_of(
    file: PlannedFile, model: HubModel, folder: Path, while_reading: Callable[[], None] = lambda: None
) -> str:
    """What is wrong with a downloaded file, as a clause; empty where it is the one that was announced. OSError."""
    path = folder / file.path
    if path.stat().st_size != file.size:
        return f"{file.path} has {path.stat().st_size} bytes instead of {file.size}"
    expected = model.sha256.get(file.path, file.sha256)
    if expected and content_key(path, while_reading) != expected:
        return f"{file.path} is not the file that was announced (its sha256 differs)"
    if not expected and file.git and _git_blob(path) != file.git:
        return f"{file.path} is not the file that was announced (its digest differs)"
    return ""


def problem_inside(folder: Path, path: str) -> str:
    """What is wrong with a file's own structure, as a clause: the header of safetensors, the syntax of JSON. OSError."""
    place = folder / path
    try:
        if path.endswith(".safetensors"):
            _check_safetensors(place)
        elif path.endswith(".index.json"):
            record = parse_json(place.read_bytes())
            missing = sorted(
                {str(name) for name in record["weight_map"].values()} - {item.name for item in place.parent.iterdir()}
            )
            if missing:
                raise ValueError(f"{missing[0]} is missing")
        elif path.endswith(".json"):
            json.loads(place.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"{path} cannot be read ({error})"
    return ""


def _check_safetensors(path: Path) -> None:
    """ValueError where the header is not that of a safetensors file, or announces another size."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if size < 8 or not 2 <= length <= min(_LARGEST_HEADER, size - 8):
            raise ValueError("it has no header of safetensors")
        header = json.loads(stream.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if max(ends, default=0) != size - 8 - length:
        raise ValueError("it has not the size that its header announces")


def _git_blob(path: Path) -> str:
    """The id that Git gives to a file's content (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects)."""
    found = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _changed(model: HubModel, text: str) -> UserError:
    return UserError(
        "hub-changed",
        f"The repository {model.repository} is not as SocialMirror expects it: {text}.",
        "Update SocialMirror; where that does not help, please report it.",
    )
