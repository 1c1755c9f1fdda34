"""Reads and writes a reconstruction's folder: all of its files are replaced together, or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..fields import shown
from ..files import put_json, put_npz, read_json, read_npz, replacing
from ..json_reading import parse_json
from ..names import is_identifier
from .records import BodyArrays, Info, MotionArrays, Reconstruction, damaged
from .validation import BODY_SCHEMA, MOTION_SCHEMA, check_body, check_motion

MOTION_FILE = "reconstruction.npz"
INFO_FILE = "reconstruction.json"
BODY_FILE = "body.npz"
TAKES_FOLDER = "takes"


def save(
    folder: Path,
    reconstruction: Reconstruction,
    before_commit: Callable[[], None] | None = None,
    *,
    others: Sequence[tuple[MotionArrays, Info]] = (),
) -> None:
    """Write a reconstruction as the active take, and the files of `others`, takes that were made together with it.

    `before_commit` is called when all temporary files are written; if it raises, nothing has changed. Raises the UserError
    `damaged` if an array is not valid, and `disk-full` or `not-writable`.
    """
    active = (reconstruction.motion, reconstruction.info)
    takes = [(_checked(motion), info) for motion, info in (active, *others)]
    motion, info = takes[0]
    check_body(_arrays(reconstruction.body))
    for _, take_info in takes:
        Info.from_json(parse_json(json.dumps(take_info.to_json())))  # what is written can be read again
    # Leaving the stack renames the temporary files in reverse order: the json comes last, because it says which takes exist.
    with ExitStack() as stack:

        def temporary(path: Path) -> Path:
            return stack.enter_context(replacing(path))

        info_file = temporary(folder / INFO_FILE)
        put_npz(temporary(folder / MOTION_FILE), motion)
        put_npz(temporary(folder / BODY_FILE), _arrays(reconstruction.body))
        put_json(info_file, info.to_json())
        for take_motion, take_info in takes:
            put_json(temporary(take_path(folder, take_info.take, ".json")), take_info.to_json())
            put_npz(temporary(take_path(folder, take_info.take, ".npz")), take_motion)
        if before_commit is not None:
            before_commit()


def load(folder: Path) -> Reconstruction:
    """Read the active take. Raises the UserError `no-reconstruction`, `file-unreadable`, `damaged` or `schema-too-new`."""
    info = load_info(folder)
    motion = read_npz(folder / MOTION_FILE, MOTION_SCHEMA)
    check_motion(motion)
    _check_frames(motion, info)
    body = read_npz(folder / BODY_FILE, BODY_SCHEMA)
    check_body(body)
    return Reconstruction(MotionArrays(**motion), BodyArrays(**body), info)


def load_info(folder: Path, take: str | None = None) -> Info:
    """Read the record of the active take, or of the take with this id.

    Raises the UserError `no-reconstruction`, `file-unreadable`, `damaged` or `schema-too-new`.
    """
    path = folder / INFO_FILE if take is None else take_path(folder, take, ".json")
    if not path.exists():
        raise UserError(
            "no-reconstruction",
            f"{folder} holds no reconstruction.",
            "Choose the folder of a finished reconstruction.",
        )
    info = Info.from_json(read_json(path))
    if take is not None and info.take != take:
        raise damaged(f"{path.name} describes the take {info.take}")
    return info


def load_take_motion(folder: Path, take: str) -> MotionArrays:
    """Read the motion of the take with this id. Errors as for `load_info`."""
    path = take_path(folder, take, ".npz")
    motion = read_npz(path, MOTION_SCHEMA)
    check_motion(motion)
    _check_frames(motion, load_info(folder, take))
    return MotionArrays(**motion)


def take_path(folder: Path, take: str, suffix: str) -> Path:
    """Where a take's .json or .npz lies. UserError `damaged` for an id that could lead out of the folder."""
    if not is_identifier(take):
        raise damaged(f"{shown(take)} is not the id of a take")
    return folder / TAKES_FOLDER / f"{take}{suffix}"


def _check_frames(motion: Mapping[str, np.ndarray], info: Info) -> None:
    """Refuse the motion of another take: UserError `damaged`."""
    frames = motion["frame_index"]
    if [int(frames[0]), int(frames[-1])] != info.clip["frames"]:
        raise damaged(f"its motion has frames {frames[0]} to {frames[-1]}, not those of {info.take}")


def _checked(motion: MotionArrays) -> dict[str, np.ndarray]:
    arrays = _arrays(motion)
    check_motion(arrays)
    return arrays


def _arrays(record: Any) -> dict[str, np.ndarray]:
    return {item.name: getattr(record, item.name) for item in fields(record)}
