"""Conversion of the SMPL family's parameters to captures.

Pose carries over between bodies of the family, shape (betas) does not: every capture is on our mean body. The recorded body's
pelvis joint is at `trans` plus its position in the rest pose, which only the licensed model files tell. Both that position and
the size of the recorded body are therefore estimated from the feet.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from core.body.files import load_body
from core.contract.npz import read_arrays as read_npz_arrays

from ..array_rotations import axis_angle_to_matrix, matrix_to_axis_angle, slerp
from ..capture import FRAME_RATE, Capture
from ..foot_contact import detect_foot_contact, pose_skeleton
from .text_files import unreadable

_MEAN_SHAPE = np.zeros(16, np.float32)
_SCALE_RANGE = (0.8, 1.25)
"""Smallest and largest ratio of our mean body's size to the recorded one's."""
_MAX_BYTES = 1 << 30
"""Size of the largest recording that is read, unpacked."""
_MAX_FRAME_RATE = 10_000.0
_MAX_VALUE = 1e4
"""No metre or radian of a recording is larger."""
_MIN_DISTANCE = 0.5
"""metres that standing feet must carry the pelvis before the recorded body's size is estimated."""


@dataclass(frozen=True)
class SmplParameters:
    """One person, T frames, in the recording's own world, Z up, metres."""

    source: str
    subject: str
    text: tuple[str, ...]
    rate: float
    global_orient: Float[np.ndarray, "T 3"]
    body_pose: Float[np.ndarray, "T 21 3"]
    trans: Float[np.ndarray, "T 3"]
    """Position of the pelvis joint, but for a constant."""


def to_capture(person: SmplParameters) -> Capture:
    """The motion on our mean body: on the floor, the path scaled by the ratio of leg lengths."""
    return _put_on_floor(_scale_path(_convert(person)))


def read_arrays(path: Path, names: Collection[str]) -> dict[str, np.ndarray]:
    """The named arrays that an npz has. Others are never loaded, because they may be pickled objects.

    UserError `recording-unreadable` where the file is damaged or a named array is not one of real numbers.
    """
    try:
        with path.open("rb") as stream:
            arrays = read_npz_arrays(stream, only=names, limit=_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise unreadable(path, str(error)) from error
    wrong = [name for name, array in arrays.items() if array.dtype.kind not in "fiu"]
    if wrong:
        raise unreadable(path, f"`{wrong[0]}` does not hold real numbers")
    return arrays


def as_frames(path: Path, name: str, values: np.ndarray, width: int) -> Float[np.ndarray, "T width"]:
    """An array [T,...] reshaped to [T,width], float64. UserError `recording-unreadable` for other shapes and numbers that are not
    finite."""
    if values.ndim < 2 or values.shape[0] == 0 or values[0].size < width:
        raise unreadable(path, f"`{name}` has the shape {values.shape}, not [T,{width}]")
    flat = values.reshape(len(values), -1)[:, :width].astype(np.float64)
    if not (np.abs(flat) < _MAX_VALUE).all():
        raise unreadable(path, f"`{name}` holds numbers that are not finite or far too large")
    return flat


def frame_rate(path: Path, values: np.ndarray | None) -> float:
    """Frames per second from an array with one number. UserError `recording-unreadable`."""
    if values is None or values.size != 1 or not 0 < float(values.flat[0]) <= _MAX_FRAME_RATE:
        raise unreadable(path, "its frame rate is missing (`mocap_framerate` or `mocap_frame_rate`)")
    return float(values.flat[0])


def resample_poses(
    angles: Float[np.ndarray, "T J 3"], positions: Float[np.ndarray, "T 3"], rate: float
) -> tuple[Float[np.ndarray, "N J 3"], Float[np.ndarray, "N 3"]]:
    """Axis-angles and positions at FRAME_RATE instead of `rate` frames per second: by slerp and linear interpolation."""
    if len(angles) < 2 or abs(rate - FRAME_RATE) < 0.01:
        return angles, positions
    times = np.arange(int((len(angles) - 1) * FRAME_RATE / rate + 1e-6) + 1) * rate / FRAME_RATE
    before = np.minimum(times.astype(int), len(angles) - 2)
    fraction = (times - before)[:, None]
    start, end = axis_angle_to_matrix(angles[before]), axis_angle_to_matrix(angles[before + 1])
    new_angles = matrix_to_axis_angle(slerp(start, end, fraction))
    return new_angles, positions[before] * (1 - fraction) + positions[before + 1] * fraction


def _convert(person: SmplParameters) -> Capture:
    """A capture at FRAME_RATE, whose floor is at any height."""
    orient = Rotation.from_rotvec(person.global_orient).as_rotvec()  # by no more than half a turn
    angles = np.concatenate([orient[:, None], person.body_pose.reshape(-1, 21, 3)], 1)
    angles, pelvis = resample_poses(angles, person.trans, person.rate)
    return Capture(
        source=person.source,
        subject=person.subject,
        text=person.text,
        rate=FRAME_RATE,
        global_orient=angles[:, 0].astype(np.float32),
        body_pose=angles[:, 1:].astype(np.float32),
        pelvis=pelvis.astype(np.float32),
        betas=_MEAN_SHAPE,
        foot_contact=np.zeros((len(pelvis), 2), bool),
    )


def _scale_path(capture: Capture) -> Capture:
    """The path scaled so that feet which stand still in the recording stand still on our body.

    While a foot stands, the pelvis moves by as much as the foot moves backwards relative to it. The scale is the least-squares
    ratio of both over all frames.
    """
    soles = _soles(replace(capture, pelvis=np.zeros_like(capture.pelvis)))
    if len(soles) < 3:
        return capture
    pelvis_step = np.diff(capture.pelvis[:, :2], axis=0)
    foot_step = -np.diff(soles.mean(2)[..., :2], axis=0)
    lower_foot = soles[:-1, ..., 2].min(2).argmin(1)
    foot_step = foot_step[np.arange(len(pelvis_step)), lower_foot]
    # only where the lower foot moves as the pelvis does: this excludes flight and turning on the spot
    distance = np.linalg.norm(pelvis_step, axis=1)
    stands = (np.linalg.norm(foot_step - pelvis_step, axis=1) < 0.35 * distance) & (distance > 0.3 / FRAME_RATE)
    if distance[stands].sum() < _MIN_DISTANCE:
        return capture
    scale = float((foot_step[stands] * pelvis_step[stands]).sum() / (pelvis_step[stands] ** 2).sum())
    return replace(capture, pelvis=capture.pelvis * np.float32(np.clip(scale, *_SCALE_RANGE)))


def _put_on_floor(capture: Capture) -> Capture:
    """The capture translated vertically so that the usual height of the lowest sole is 0, with its foot contact."""
    soles = _soles(capture)
    floor = float(np.percentile(soles[..., 2].min((1, 2)), 20))
    soles[..., 2] -= floor
    pelvis = capture.pelvis - np.array([0, 0, floor], np.float32)
    return replace(capture, pelvis=pelvis, foot_contact=detect_foot_contact(soles, FRAME_RATE))


def _soles(capture: Capture) -> Float[np.ndarray, "T 2 S 3"]:
    rotations = axis_angle_to_matrix(np.concatenate([capture.global_orient[:, None], capture.body_pose], 1))
    return pose_skeleton(rotations, capture.pelvis, load_body(None), capture.betas).soles
