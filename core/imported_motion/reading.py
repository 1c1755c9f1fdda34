"""Reads motion files of other tools. Every array is checked before it is used; pickles are never executed.

- `.npz` in the layout of AMASS (https://amass.is.tue.mpg.de): `poses` [N,156] or [N,165], or [N,66] or [N,72] without hands, or
  `root_orient` and `pose_body`;
  `trans`; `mocap_framerate` or `mocap_frame_rate`. The AMASS export of this product is one.
- `.npz` of the layout below, which a line of Python makes of any tool's result: `global_orient` [N,3], `body_pose` [N,63] or
  [N,21,3], `transl` [N,3], each with an axis of people before it or not, in the camera's axes; optional `frame_rate`. SMPL's 23
  joints do as well, and `global_orient` and `transl` [N,1,3].
- `.pt` of GVHMR (https://github.com/zju3dv/GVHMR, `hmr4d_results.pt`): the person in the camera's axes, at 30 frames per second.
  It is read by torch's reader for tensors alone.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..contract.errors import UserError
from ..contract.fields import shown
from ..contract.limits import MAX_FRAMES, MAX_ROTATION
from ..contract.npz import read_arrays
from .record import ImportedMotion

_AMASS = ("poses", "root_orient", "pose_body", "trans", "mocap_framerate", "mocap_frame_rate")
_PLAIN = ("global_orient", "body_pose", "transl", "frame_rate")
_MAX_BYTES = 512 << 20
_MAX_DISTANCE, _MIN_RATE, _MAX_RATE = 10_000.0, 1.0, 1000.0
_GVHMR_RATE = 30.0
"""GVHMR converts every clip to this rate before it looks at it."""
_POSE_SIZES = (63, 69)
"""Numbers of a body's pose: the joints that SMPL, SMPL+H and SMPL-X share, and SMPL's with its two hands."""
_SIZES_OF_POSES = (66, 72, 156, 165)
_HANDS_OF_POSES = {156: slice(66, 156), 165: slice(75, 165)}
_PICKLES = (".pkl", ".pickle", ".joblib", ".p")
_TO_NPZ = (
    "Load it in the tool that wrote it and save its arrays: np.savez('person.npz', global_orient=..., body_pose=..., transl=...) "
    "with axis-angles [N,3] and [N,63] and metres [N,3] in the camera's axes; then choose person.npz."
)


def read_imported_pair(files: Sequence[Path]) -> tuple[ImportedMotion, ImportedMotion]:
    """The motion of two people from one file that holds both, or from two that hold one each.

    UserError `initial-unreadable`, `initial-pickle` or `initial-people` (not two people).
    """
    people = [person for file in files for person in _read(file)]
    if len(people) != 2:
        raise UserError(
            "initial-people",
            f"The files hold the motion of {len(people)} {'person' if len(people) == 1 else 'people'}, not of two.",
            "Choose one file that holds both people, or a file for each.",
        )
    return people[0], people[1]


def _read(file: Path) -> list[ImportedMotion]:
    suffix = file.suffix.lower()
    if suffix in _PICKLES:
        raise UserError(
            "initial-pickle", f"{file.name} is a pickle, which may run any program when it is opened.", _TO_NPZ
        )
    if suffix not in (".npz", ".pt"):
        raise _unreadable(file, "it is neither an npz nor a pt file")
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise _unreadable(file, f"it has more than {_MAX_BYTES >> 20} MB")
        return _read_gvhmr(file) if suffix == ".pt" else _read_npz(file)
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from error


def _read_npz(file: Path) -> list[ImportedMotion]:
    try:
        with file.open("rb") as stream:
            arrays = read_arrays(stream, only=(*_AMASS, *_PLAIN), limit=_MAX_BYTES)
    except ValueError as error:
        raise _unreadable(file, str(error)) from error
    if "global_orient" in arrays:
        return _plain(file, arrays)
    if "trans" in arrays and ("poses" in arrays or {"root_orient", "pose_body"} <= arrays.keys()):
        return [_amass(file, arrays)]
    raise _unreadable(file, "it has neither `global_orient` nor AMASS's `poses` and `trans`")


def _plain(file: Path, arrays: Mapping[str, np.ndarray]) -> list[ImportedMotion]:
    orient, pose, transl = (_array(file, arrays, name) for name in ("global_orient", "body_pose", "transl"))
    axes = 2 if pose.shape[-1:] in {(size,) for size in _POSE_SIZES} else 3  # of one person's pose
    if pose.ndim == axes:
        orient, pose, transl = orient[None], pose[None], transl[None]
    elif pose.ndim != axes + 1 or min(orient.ndim, transl.ndim) < 3:
        raise _unlike(file, orient, pose, transl)
    if len(pose) != len(orient) or len(transl) != len(orient):
        raise _unreadable(file, "its arrays are not of the same people")
    rate = _rate(file, arrays["frame_rate"]) if "frame_rate" in arrays else None
    return [_checked(file, "camera", rate, orient[i], pose[i], transl[i]) for i in range(len(orient))]


def _amass(file: Path, arrays: Mapping[str, np.ndarray]) -> ImportedMotion:
    rate_name = "mocap_framerate" if "mocap_framerate" in arrays else "mocap_frame_rate"
    rate = _rate(file, _array(file, arrays, rate_name))
    transl = _array(file, arrays, "trans")
    if "poses" not in arrays:
        return _checked(
            file, "world", rate, _array(file, arrays, "root_orient"), _array(file, arrays, "pose_body"), transl
        )
    poses = _array(file, arrays, "poses")
    if poses.ndim != 2 or poses.shape[1] not in _SIZES_OF_POSES:
        raise _unreadable(file, f"`poses` has the shape {poses.shape}")
    motion = _checked(file, "world", rate, poses[:, :3], poses[:, 3:66], transl)
    hands = _HANDS_OF_POSES.get(poses.shape[1])
    if hands is None:
        return motion
    left, right = poses[:, hands].reshape(len(poses), 2, 15, 3).transpose(1, 0, 2, 3)
    return ImportedMotion(**{**vars(motion), "left_hand_pose": left, "right_hand_pose": right})


def _read_gvhmr(file: Path) -> list[ImportedMotion]:
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MAX_BYTES:
                raise _unreadable(file, f"unpacked it has more than {_MAX_BYTES >> 20} MB")
        stored: Any = torch.load(file, map_location="cpu", weights_only=True)
        incam = stored["smpl_params_incam"]
        arrays = {name: np.asarray(incam[name], np.float64) for name in ("global_orient", "body_pose", "transl")}
    except (zipfile.BadZipFile, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise _unreadable(file, "it holds something else than tensors, or is damaged") from error
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(file, "it has no `smpl_params_incam` of GVHMR") from error
    return [_checked(file, "camera", _GVHMR_RATE, arrays["global_orient"], arrays["body_pose"], arrays["transl"])]


def _checked(
    file: Path, frame_of_reference: Any, rate: float | None, orient: np.ndarray, pose: np.ndarray, transl: np.ndarray
) -> ImportedMotion:
    frames = len(orient) if orient.ndim else 0
    if not 1 <= frames <= MAX_FRAMES:
        raise _unreadable(file, f"it has {frames} frames")
    one = (frames, 3), (frames, 1, 3)
    joints = *((frames, size) for size in _POSE_SIZES), *((frames, size // 3, 3) for size in _POSE_SIZES)
    if orient.shape not in one or transl.shape not in one or pose.shape not in joints:
        raise _unlike(file, orient, pose, transl)
    orient, transl = orient.reshape(frames, 3), transl.reshape(frames, 3)
    body_pose = pose.reshape(frames, -1, 3)[:, :21]  # SMPL's two hand joints come last
    for name, array, largest in (
        ("pose", orient, MAX_ROTATION),
        ("pose", body_pose, MAX_ROTATION),
        ("transl", transl, _MAX_DISTANCE),
    ):
        if not np.isfinite(array).all() or np.abs(array).max() > largest:
            raise _unreadable(file, f"its {name} is not finite or larger than {largest:g}")
    return ImportedMotion(orient, body_pose, transl, frame_of_reference, rate, file.name)


def _are_matrices(array: np.ndarray) -> bool:
    return array.ndim >= 4 and array.shape[-2:] == (3, 3)


def _unlike(file: Path, orient: np.ndarray, pose: np.ndarray, transl: np.ndarray) -> UserError:
    if _are_matrices(pose) or _are_matrices(orient):
        return _unreadable(file, "its rotations are matrices, not axis-angles")
    return _unreadable(file, f"its arrays have the shapes {orient.shape}, {pose.shape} and {transl.shape}")


def _array(file: Path, arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in arrays or arrays[name].dtype.kind not in "fiu":
        raise _unreadable(file, f"it has no numbers `{name}`")
    return arrays[name].astype(np.float64)


def _rate(file: Path, value: np.ndarray) -> float:
    if value.size != 1 or value.dtype.kind not in "fiu" or not _MIN_RATE <= float(value.reshape(())) <= _MAX_RATE:
        raise _unreadable(file, f"its frame rate is {shown(value.tolist())}")
    return float(value.reshape(()))


def _unreadable(file: Path, reason: str) -> UserError:
    return UserError(
        "initial-unreadable",
        f"The motion {file.name} cannot be read: {reason}.",
        "Choose an npz of AMASS, a pt of GVHMR, or an npz with global_orient, body_pose and transl.",
    )
