"""Reads and writes a reconstruction's folder: all of its files are replaced together, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..files import put_json, put_npz, read_json, read_npz, replacing
from .records import PEOPLE, BodyArrays, Info, MotionArrays, Reconstruction, damaged

MOTION_FILE = "reconstruction.npz"
INFO_FILE = "reconstruction.json"
BODY_FILE = "body.npz"
TAKES_FOLDER = "takes"

_P, _T = -2, -1  # stand for the number of people and of frames
_MOTION_SHAPES: dict[str, tuple[int, ...]] = {
    "frame_index": (_T,), "time": (_T,), "body_pose": (_P, _T, 21, 3), "global_orient": (_P, _T, 3),
    "pelvis": (_P, _T, 3), "left_hand_pose": (_P, _T, 15, 3), "right_hand_pose": (_P, _T, 15, 3),
    "jaw_pose": (_P, _T, 3), "betas": (_P, 16), "joints": (_P, _T, 55, 3), "keypoints": (_P, _T, 33, 3),
    "confidence": (_P, _T, 22), "camera_K": (_T, 3, 3), "camera_world": (_T, 4, 4), "rest_joints": (_P, 55, 3),
}  # fmt: skip
_MOTION_TYPES = {"frame_index": np.int32, "time": np.float64}
"""All others are float32."""


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
    # Leaving the stack renames the temporary files in reverse order: the json comes last, because it says which takes exist.
    with ExitStack() as stack:

        def temporary(path: Path) -> Path:
            return stack.enter_context(replacing(path))

        info_file = temporary(folder / INFO_FILE)
        put_npz(temporary(folder / MOTION_FILE), motion)
        put_npz(temporary(folder / BODY_FILE), _arrays(reconstruction.body))
        put_json(info_file, info.to_json())
        for take_motion, take_info in takes:
            path = folder / TAKES_FOLDER / take_info.take
            put_json(temporary(path.with_suffix(".json")), take_info.to_json())
            put_npz(temporary(path.with_suffix(".npz")), take_motion)
        if before_commit is not None:
            before_commit()


def load(folder: Path) -> Reconstruction:
    """Read the active take. Raises the UserError `no-reconstruction`, `file-unreadable`, `damaged` or `schema-too-new`."""
    info = load_info(folder)
    motion = read_npz(folder / MOTION_FILE)
    check_motion(motion)
    body = read_npz(folder / BODY_FILE)
    missing = {item.name for item in fields(BodyArrays)} - set(body)
    if missing:
        raise damaged(f"{BODY_FILE} lacks {', '.join(sorted(missing))}")
    return Reconstruction(
        MotionArrays(**{item.name: motion[item.name] for item in fields(MotionArrays)}),
        BodyArrays(**{item.name: body[item.name] for item in fields(BodyArrays)}),
        info,
    )


def load_info(folder: Path, take: str | None = None) -> Info:
    """Read the record of the active take, or of the take with this id.

    Raises the UserError `no-reconstruction`, `file-unreadable`, `damaged` or `schema-too-new`.
    """
    path = folder / INFO_FILE if take is None else folder / TAKES_FOLDER / f"{take}.json"
    if not path.exists():
        raise UserError(
            "no-reconstruction",
            f"{folder} holds no reconstruction.",
            "Choose the folder of a finished reconstruction.",
        )
    return Info.from_json(read_json(path))


def check_motion(arrays: dict[str, np.ndarray]) -> None:
    """Check names, shapes, types and finiteness of a motion's arrays; the UserError `damaged` names the first wrong array."""
    missing = set(_MOTION_SHAPES) - set(arrays)
    if missing:
        raise damaged(f"{', '.join(sorted(missing))} missing")
    sizes = {_P: PEOPLE, _T: len(arrays["frame_index"])}
    for name, shape in _MOTION_SHAPES.items():
        expected = tuple(sizes.get(size, size) for size in shape)
        if arrays[name].shape != expected:
            raise damaged(f"{name} has shape {arrays[name].shape}, not {expected}")
        dtype = _MOTION_TYPES.get(name, np.float32)
        if arrays[name].dtype != dtype:
            raise damaged(f"{name} is {arrays[name].dtype}, not {np.dtype(dtype)}")
        if not np.isfinite(arrays[name]).all():
            raise damaged(f"{name} has values that are not finite")


def _checked(motion: MotionArrays) -> dict[str, np.ndarray]:
    arrays = _arrays(motion)
    check_motion(arrays)
    return arrays


def _arrays(record: Any) -> dict[str, np.ndarray]:
    return {item.name: getattr(record, item.name) for item in fields(record)}
