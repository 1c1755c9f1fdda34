"""Where results lie on the disk: beside the .blend file, or in a folder of this session until the file is saved.

A collection remembers its folder twice: the absolute path, and the path relative to the .blend file, so that both can be moved
together. A folder that we moved ourselves leaves a small file in its place that says where it went. Undo and a recovered file,
which know only the old place, find the new one by it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import bpy

from ..core.contract.errors import UserError
from ..core.contract.files import explain_write_errors
from ..core.contract.names import is_network_path
from ..core.contract.reconstruction import INFO_FILE
from .runtime import paths

_FOLDER = "SocialMirror"
_UNSAVED_FOLDER = "reconstructions"
_FORWARD_SUFFIX = ".moved-to"
_MAX_FORWARDS = 8
_MAX_STEPS_UP = 2
"""Levels above the .blend file's folder up to which a path is kept relative to it."""

_session_name = uuid.uuid4().hex[:8]
"""Results of a file that was never saved lie under this name, so that two sessions never share a folder."""
_opened: set[str] = set()
"""Network places that the user has opened in this session."""


def absolute_path(chosen: str) -> Path:
    """A path that the user has chosen, which may be relative to the .blend file.

    UserError `unsaved` for a relative one while the file has no place: the worker would look for it in its own folder.
    """
    if chosen.startswith("//") and not bpy.data.filepath:
        raise UserError(
            "unsaved",
            f"The path {chosen} is relative to the .blend file, which is not saved yet.",
            "Save the file first, or choose the path again.",
        )
    return Path(bpy.path.abspath(chosen)).absolute()


def output_folder(chosen: str) -> Path:
    """The folder for the reconstructions of the open file; each file has its own. `chosen` is the setting, which may be empty.

    It is created, and a file is written to test it. UserError `not-writable` if that is impossible, or `unsaved`.
    """
    folder = _results_folder(chosen)
    if chosen:
        allow(absolute_path(chosen))
    test_file = folder / f".{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        test_file.touch()
        test_file.unlink()
    except OSError as error:
        raise UserError(
            "not-writable",
            f"The output folder {folder} cannot be written ({error.strerror}).",
            "Choose another folder under Settings > Output.",
        ) from error
    return folder


def existing_results(chosen: str) -> Path | None:
    """The folder in which the open file's results lie, or those of files that were never saved; None where there are none."""
    with suppress(UserError, OSError):
        places = [_results_folder(chosen), *(() if bpy.data.filepath else (_unsaved_folder(),))]
        return next((place for place in places if may_open(place) and place.is_dir()), None)
    return None


def _results_folder(chosen: str) -> Path:
    blend = bpy.data.filepath
    if not chosen:
        return permanent_folder(Path(blend)) if blend else _unsaved_folder() / _session_name
    folder = absolute_path(chosen)
    return folder / Path(blend).stem if blend else folder


def permanent_folder(blend: Path) -> Path:
    """The folder for the results of a saved file, named after it, so that files beside each other do not share results."""
    return blend.parent / _FOLDER / blend.stem


def is_provisional(folder: Path) -> bool:
    """Whether a folder is among the results of files that were not saved when they were made."""
    return not is_network_path(folder) and folder.is_relative_to(_unsaved_folder())


def move_beside(folder: Path, blend: Path) -> Path:
    """Move a result beside a .blend file, and return its new place.

    It is copied and then renamed if the new place is on another disk, so that it is whole in one of both places at any time.
    UserError `not-writable` or `disk-full`; nothing has changed then.
    """
    parent = permanent_folder(blend)
    target = _free_folder(parent, folder.name)
    with explain_write_errors(target):
        parent.mkdir(parents=True, exist_ok=True)
        _move(folder, target)
    with suppress(OSError):  # the file that is open knows the new place; only undo and a recovered file would miss it
        _forward_file(folder).write_text(str(target), encoding="utf-8")
    return target


def move_back(moved: Path, folder: Path) -> None:
    """Take back what `move_beside` has done. UserError as there; nothing has changed then."""
    with explain_write_errors(folder):
        _move(moved, folder)
    _forget_forward(folder)
    for empty in (moved.parent, moved.parent.parent):
        with suppress(OSError):
            empty.rmdir()


def copy_back(moved: Path, folder: Path) -> None:
    """Put a copy of a result where it was before `move_beside`. UserError as there; nothing has changed then."""
    with explain_write_errors(folder):
        _copy(moved, folder)
    _forget_forward(folder)


def relative_to_blend(folder: Path, blend: str) -> str:
    """The path of a folder relative to a .blend file, with Blender's prefix `//`; empty if they are too far apart."""
    if not blend:
        return ""
    try:
        path = os.path.relpath(folder, Path(blend).parent)
    except ValueError:  # on another drive of Windows
        return ""
    steps = Path(path).parts.count(os.pardir)
    return f"//{Path(path).as_posix()}" if steps <= _MAX_STEPS_UP else ""


def locate(stored: str, relative: str) -> Path:
    """The folder of a result that was stored in the open file: the first place that has one, or the stored one if none has.

    A place on the network that the user has not opened in this session counts as empty and is not asked.
    """
    for place in _places(stored, relative):
        if has_result(place):
            return place
    return Path(stored)


def has_result(folder: Path) -> bool:
    try:
        return may_open(folder) and (folder / INFO_FILE).is_file()
    except OSError:
        return False


def is_same_folder(a: Path, b: Path) -> bool:
    """Whether two paths lead to one folder. The disk is asked only if neither is on an unopened network place."""
    if os.path.normcase(a.absolute()) == os.path.normcase(b.absolute()):
        return True
    if not (may_open(a) and may_open(b)):
        return False
    try:
        return a.samefile(b)
    except (OSError, ValueError):
        return False


def allow(path: Path) -> None:
    """Note that the user has chosen a path in this session, so that it may be opened wherever it is."""
    if is_network_path(path):
        _opened.add(_comparable(path))


def may_open(path: Path) -> bool:
    """Whether a path from a file that may be a stranger's can be looked at without being asked.

    A path on another computer is looked at only if the user has chosen it, or has opened the .blend file from the same share:
    merely asking whether it exists sends the user's login there, and waits for a computer that may not answer.
    """
    if not is_network_path(path):
        return True
    text = _comparable(path)
    blend = bpy.data.filepath
    opened = _opened | ({_share(_comparable(Path(blend)))} if blend and is_network_path(blend) else set())
    return any(text == place or text.startswith(f"{place}/") for place in opened)


def _places(stored: str, relative: str) -> Iterator[Path]:
    if relative.startswith("//") and bpy.data.filepath:
        yield Path(os.path.normpath(Path(bpy.data.filepath).parent / relative[2:]))
    place = Path(stored)
    yield place
    for _ in range(_MAX_FORWARDS):
        forward = _forward_file(place)
        try:
            if not may_open(forward) or not forward.is_file():
                return
            place = Path(forward.read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            return
        yield place


def _move(folder: Path, target: Path) -> None:
    """OSError leaves the folder as it was."""
    try:
        folder.rename(target)
    except OSError:
        _copy(folder, target)
        shutil.rmtree(folder, ignore_errors=True)


def _copy(folder: Path, target: Path) -> None:
    """OSError leaves nothing behind."""
    copy = target.parent / f".{folder.name}-{uuid.uuid4().hex[:8]}"
    try:
        shutil.copytree(folder, copy)
        copy.rename(target)
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise


def _forget_forward(folder: Path) -> None:
    with suppress(OSError):
        _forward_file(folder).unlink(missing_ok=True)


def _forward_file(folder: Path) -> Path:
    return folder.with_name(folder.name + _FORWARD_SUFFIX)


def _free_folder(parent: Path, name: str) -> Path:
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        if not folder.exists():
            return folder
        number += 1


def _unsaved_folder() -> Path:
    return paths.user_folder() / _UNSAVED_FOLDER


def _comparable(path: Path) -> str:
    return str(path).replace("\\", "/").rstrip("/").lower()


def _share(text: str) -> str:
    """`//host/share` of a network path with forward slashes."""
    return "/".join(text.split("/")[:4])
