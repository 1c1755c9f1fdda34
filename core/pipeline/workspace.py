"""A reconstruction's folder while a run works in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ..contract.errors import UserError
from ..contract.files import explain_write_errors
from ..contract.reconstruction import TAKES_FOLDER, finish_interrupted_save, refuse_links
from ..contract.temporary import remove_leftovers

CACHE_FOLDER = "cache"
_LOCK_FILE = ".lock"


@contextmanager
def workspace(folder: Path) -> Iterator[None]:
    """Hold a reconstruction's folder for one run: made if need be, no other run in it, leftovers of a killed one removed.

    A run that fails before it has put anything into the folder leaves no folder behind.
    """
    with exclusive(folder):
        with explain_write_errors(folder):
            finish_interrupted_save(folder)
        for place in (folder.resolve(), folder / CACHE_FOLDER, folder / TAKES_FOLDER):
            remove_leftovers(place)
        yield


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """The same, but what the folder holds stays as it is. UserError `folder-busy` or `not-writable`."""
    cache = folder / CACHE_FOLDER
    with explain_write_errors(folder):
        refuse_links(folder)
        missing = [path for path in (cache, *cache.parents) if not path.exists()]
        cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / _LOCK_FILE)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise folder_busy(folder) from error
    try:
        yield
    finally:
        lock.release()
        _remove_if_empty(cache, missing)


def folder_busy(folder: Path) -> UserError:
    return UserError(
        "folder-busy", f"Another run is working in {folder}.", "Wait until it has finished, or choose another folder."
    )


def _remove_if_empty(cache: Path, made: Sequence[Path]) -> None:
    if not cache.is_dir() or any(path.name != _LOCK_FILE for path in cache.iterdir()):
        return
    (cache / _LOCK_FILE).unlink(missing_ok=True)
    for path in made:  # innermost first
        if any(path.iterdir()):
            return
        path.rmdir()
