"""Names of temporary files: one function makes them and one recognises them, so that only our own are ever cleaned up."""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_BEGIN = ".socialmirror-"
_NAME = re.compile(re.escape(_BEGIN) + r"[0-9a-f]{32}(\.[^./\\]+)?")


def temporary_name(suffix: str = "") -> str:
    """A new name for a file, or with an empty suffix a folder, that is not complete yet; `suffix` is like `.npz`."""
    return f"{_BEGIN}{uuid.uuid4().hex}{suffix}"


def is_temporary_name(name: str) -> bool:
    """Whether `temporary_name` has made the name."""
    return _NAME.fullmatch(name) is not None


@contextmanager
def temporary_folder(parent: Path) -> Generator[Path]:
    """A new folder in `parent`, which is removed with all that is in it when the block ends. OSError.

    `parent` is made where it is missing, and removed again if nothing else has been put into it.
    """
    made = [place for place in (parent, *parent.parents) if not place.exists()]
    folder = parent / temporary_name()
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for place in made:  # innermost first
            with suppress(OSError):  # it holds something
                place.rmdir()


def temporary_files(folder: Path) -> list[Path]:
    """The files in the folder, not in those below it, that have temporary names; none where the folder is a symbolic link."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if is_temporary_name(path.name) and path.is_file())


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a killed run left in the folder. Only while no other run works there."""
    for path in temporary_files(folder):
        with suppress(OSError):  # a leftover does no harm
            path.unlink(missing_ok=True)
