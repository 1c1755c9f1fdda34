"""Reader of CMU recordings as exponential maps in comma-separated values, the usual format of work on motion prediction.

A row is a frame: the root's position in CMU's unit, then an exponential map (radians) for each of 38 joints. Its rotation is for
row vectors; for column vectors it is the inverse. The format has been in use since Martinez, Black and Romero (CVPR 2017); the
files with eight actions of CMU come with Li et al., "Convolutional Sequence to Sequence Model for Human Dynamics" (CVPR 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from core.contract.rotations import Y_UP_TO_Z_UP

from ..skeleton_motion import SkeletonMotion, forward_kinematics, rest_pose
from .text_files import TextFile, text_files, unreadable

_RATE = 120.0
"""Frames per second; the files do not contain it."""
_UNIT = 0.0254 / 0.45
"""Metres per CMU's unit of length."""
_KNOWN_SUBJECTS = {"train__walking__walking_1": "cmu-02"}
"""Files whose subject is also in another set."""
_MAX_FIRST_STEP = 0.25
"""radians that a joint rotates from the first row to the next; beyond it the first row is not a frame but a rest pose."""
_DISTINCT_ANGLE = np.pi / 5
"""radians between the two readings of a root's rotation beyond which the previous frame tells which one is right."""

_JOINTS: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("pelvis", "", (0.0, 0.0, 0.0)),
    ("lhipjoint", "pelvis", (0.0, 0.0, 0.0)),
    ("left_hip", "lhipjoint", (0.0935, -0.1018, 0.0353)),
    ("left_knee", "left_hip", (0.1466, -0.4028, 0.0)),
    ("left_ankle", "left_knee", (0.1407, -0.3865, 0.0)),
    ("left_foot", "left_ankle", (0.0111, -0.0306, 0.1211)),
    ("left_toe", "left_foot", (0.0, 0.0, 0.0628)),
    ("rhipjoint", "pelvis", (0.0, 0.0, 0.0)),
    ("right_hip", "rhipjoint", (-0.0909, -0.1018, 0.0353)),
    ("right_knee", "right_hip", (-0.1465, -0.4024, 0.0)),
    ("right_ankle", "right_knee", (-0.1393, -0.3827, 0.0)),
    ("right_foot", "right_ankle", (-0.013, -0.0357, 0.1204)),
    ("right_toe", "right_foot", (0.0, 0.0, 0.063)),
    ("spine1", "pelvis", (0.0, 0.0, 0.0)),
    ("spine2", "spine1", (0.0011, 0.116, -0.008)),
    ("spine3", "spine2", (0.0006, 0.1165, -0.0033)),
    ("neck", "spine3", (0.0006, 0.1165, -0.0033)),
    ("upperneck", "neck", (0.0004, 0.0885, 0.0084)),
    ("head", "upperneck", (0.0019, 0.0881, -0.0056)),
    ("head_top", "head", (0.0007, 0.0918, -0.003)),
    ("left_collar", "spine3", (0.0006, 0.1165, -0.0033)),
    ("left_shoulder", "left_collar", (0.1999, 0.051, -0.0098)),
    ("left_elbow", "left_shoulder", (0.2746, 0.0, 0.0)),
    ("lwrist", "left_elbow", (0.1894, 0.0, 0.0)),
    ("left_wrist", "lwrist", (0.0947, 0.0, 0.0)),
    ("left_knuckles", "left_wrist", (0.0373, 0.0, 0.0)),
    ("left_fingertips", "left_knuckles", (0.0301, 0.0, 0.0)),
    ("lthumb", "lwrist", (0.0947, 0.0, 0.0)),
    ("left_thumb_tip", "lthumb", (0.0305, 0.0, 0.0305)),
    ("right_collar", "spine3", (0.0006, 0.1165, -0.0033)),
    ("right_shoulder", "right_collar", (-0.1974, 0.0429, -0.0184)),
    ("right_elbow", "right_shoulder", (-0.2837, 0.0, 0.0)),
    ("rwrist", "right_elbow", (-0.1899, 0.0, 0.0)),
    ("right_wrist", "rwrist", (-0.0949, 0.0, 0.0)),
    ("right_knuckles", "right_wrist", (-0.0412, 0.0, 0.0)),
    ("right_fingertips", "right_knuckles", (-0.0332, 0.0, 0.0)),
    ("rthumb", "rwrist", (-0.0949, 0.0, 0.0)),
    ("right_thumb_tip", "rthumb", (-0.0337, 0.0, 0.0337)),
)
"""Name, parent, and offset from the parent in metres, in the order of the rows: the skeleton of CMU's subject 02 for every file.

The conversion to this format omits the thorax and the last third of the forearm. They are added again as in all of CMU's
skeletons: the thorax is as long as the bone below it, the end of the forearm half as long as the rest of it.
"""


@dataclass(frozen=True)
class ExpmapSkeleton:
    """Joints in the order of a file's exponential maps. Rest axes: Y up, facing +Z."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "J 3"]
    """From the parent joint, metres."""


def cmu_skeleton() -> ExpmapSkeleton:
    """The one skeleton of all files, see `_JOINTS`."""
    names = tuple(name for name, _, _ in _JOINTS)
    parents = tuple(names.index(parent) if parent else -1 for _, parent, _ in _JOINTS)
    return ExpmapSkeleton(names, parents, np.array([offset for _, _, offset in _JOINTS]))


def read(path: Path, skeleton: ExpmapSkeleton | None = None) -> list[SkeletonMotion]:
    """All .txt and .csv files of a file, a folder or an archive.

    The text of a file `train__walking__walking_1` is `walking`. Its subject is its own unless it is known.
    UserError `recording-unreadable`.
    """
    skeleton = skeleton or cmu_skeleton()
    return [_motion(file, skeleton) for file in text_files(path, ".txt", ".csv")]


def _motion(file: TextFile, skeleton: ExpmapSkeleton) -> SkeletonMotion:
    width = 3 + 3 * len(skeleton.names)
    rows = [line.split(",") for line in file.text.splitlines() if line.strip()]
    if not rows or any(len(row) != width for row in rows):
        raise unreadable(str(file.path), f"its rows do not have the {width} numbers of {len(skeleton.names)} joints")
    try:
        values = np.array(rows, float)
    except ValueError as error:
        raise unreadable(str(file.path), str(error)) from error
    values = _drop_rest_pose(values)
    maps = values[:, 3:].reshape(-1, 3)
    rotations = Rotation.from_rotvec(-maps).as_matrix().reshape(len(values), -1, 3, 3)
    rotations[:, 0] = _correct_root(values[:, 3:6])
    positions, global_rotations = forward_kinematics(
        skeleton.offsets, skeleton.parents, rotations, values[:, :3] * _UNIT
    )
    stem = file.path.stem
    return SkeletonMotion(
        source=f"cmu-expmap/{stem}",
        subject=_KNOWN_SUBJECTS.get(stem, f"cmu-expmap-{stem}"),
        text=_text(stem),
        rate=_RATE,
        names=skeleton.names,
        parents=skeleton.parents,
        positions=(positions @ Y_UP_TO_Z_UP.T).astype(np.float32),
        rest_positions=rest_pose(skeleton.offsets, skeleton.parents),
        global_rotations=(Y_UP_TO_Z_UP @ global_rotations).astype(np.float32),
    )


def _correct_root(maps: Float[np.ndarray, "T 3"]) -> Float[np.ndarray, "T 3 3"]:
    """The root's rotations as they were recorded.

    The files were made from CMU's Euler angles in the order X, Y, Z, but for the root they were taken in the order Y, X, Z:
    compared with `02_01`, from which a file was made, the root is off by up to 0.8 degrees, and exact after this correction. A
    rotation has two readings, which head left or right. In the first frame the angle about Y is within 90 degrees. After that the
    reading stays the same, except that where both are far apart the one nearer to the previous frame is right.
    """
    about_y, about_x, about_z = Rotation.from_rotvec(-maps).as_euler("yxz").T
    near = Rotation.from_euler("xyz", np.stack([about_x, about_y, about_z], 1))
    far = Rotation.from_euler("xyz", np.stack([-about_x, -about_y, about_z], 1))
    readings = np.stack([near.as_matrix(), far.as_matrix()])
    is_distinct = (near.inv() * far).magnitude() > _DISTINCT_ANGLE
    chosen = int(abs(about_y[0]) > np.pi / 2)
    rotations = [readings[chosen, 0]]
    for frame in range(1, len(maps)):
        if is_distinct[frame]:
            chosen = int(np.abs(readings[:, frame] - rotations[-1]).sum((1, 2)).argmin())
        rotations.append(readings[chosen, frame])
    return np.stack(rotations)


def _drop_rest_pose(values: Float[np.ndarray, "T C"]) -> Float[np.ndarray, "N C"]:
    """The rows without the first one where it is a rest pose."""
    if len(values) < 3:
        return values
    steps = np.abs(np.diff(values[:3, 3:], axis=0)).reshape(2, -1, 3).sum(-1).max(-1)
    return values[1:] if steps[0] > _MAX_FIRST_STEP + steps[1] else values


def _text(stem: str) -> tuple[str, ...]:
    parts = stem.split("__")
    action = parts[1] if len(parts) == 3 else stem.rstrip("_0123456789")
    words = action.removesuffix("_extra").replace("_", " ").strip()
    return (words,) if words else ()
