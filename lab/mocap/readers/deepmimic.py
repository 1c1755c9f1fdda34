"""Reader of DeepMimic clips (JSON in .txt): joint rotations of a humanoid per frame.

Format and skeleton are those of the humanoid3d character of Peng et al., "DeepMimic" (SIGGRAPH 2018). A frame consists of its
duration in seconds, the root's position, and rotations: quaternions with w first, and angles about Z in radians for the hinges
of knees and elbows. Y up, facing +X.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from core.contract.rotations import Y_UP_TO_Z_UP

from ..skeleton_motion import SkeletonMotion, forward_kinematics, rest_pose
from .text_files import TextFile, text_files, unreadable

_SUBJECT = "deepmimic"
"""The files do not name who was recorded."""
_JOINTS: tuple[tuple[str, str, tuple[float, float, float], int], ...] = (
    ("pelvis", "", (0.0, 0.0, 0.0), 4),
    ("spine3", "pelvis", (0.0, 0.236151, 0.0), 4),
    ("neck", "spine3", (0.0, 0.223894, 0.0), 4),
    ("right_hip", "pelvis", (0.0, 0.0, 0.084887), 4),
    ("right_knee", "right_hip", (0.0, -0.421546, 0.0), 1),
    ("right_ankle", "right_knee", (0.0, -0.40987, 0.0), 4),
    ("right_shoulder", "spine3", (-0.02405, 0.2435, 0.18311), 4),
    ("right_elbow", "right_shoulder", (0.0, -0.274788, 0.0), 1),
    ("left_hip", "pelvis", (0.0, 0.0, -0.084887), 4),
    ("left_knee", "left_hip", (0.0, -0.421546, 0.0), 1),
    ("left_ankle", "left_knee", (0.0, -0.40987, 0.0), 4),
    ("left_shoulder", "spine3", (-0.02405, 0.2435, -0.18311), 4),
    ("left_elbow", "left_shoulder", (0.0, -0.274788, 0.0), 1),
    ("right_wrist", "right_elbow", (0.0, -0.258947, 0.0), 0),
    ("left_wrist", "left_elbow", (0.0, -0.258947, 0.0), 0),
    ("right_foot", "right_ankle", (0.09, -0.0225, 0.0), 0),
    ("left_foot", "left_ankle", (0.09, -0.0225, 0.0), 0),
    ("head_top", "neck", (0.0, 0.28, 0.0), 0),
)
"""Name, parent, offset in metres, and how many numbers of a frame are its rotation. The balls of the feet and the top of the
head are not joints of the character: they are points of its collision shapes."""
_FACING_X_TO_Z = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""Takes Y up, facing +X to Y up, facing +Z."""
_FRAME_NUMBERS = 4 + sum(count for _, _, _, count in _JOINTS)


def read(path: Path) -> list[SkeletonMotion]:
    """All clips in .txt and .json files of a file, a folder or an archive; other texts, such as licences, are skipped.

    UserError `recording-unreadable` for a clip of another character or a damaged one.
    """
    return [_motion(file) for file in text_files(path, ".txt", ".json") if '"Frames"' in file.text]


def _motion(file: TextFile) -> SkeletonMotion:
    try:
        record: dict[str, Any] = json.loads(file.text)
        frames = np.array(record["Frames"], float)
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(str(file.path), f"it is not a DeepMimic clip ({error})") from error
    if frames.ndim != 2 or frames.shape[1] != _FRAME_NUMBERS or not len(frames):
        raise unreadable(str(file.path), f"its frames do not have the {_FRAME_NUMBERS} numbers of the humanoid")
    names = tuple(name for name, _, _, _ in _JOINTS)
    parents = tuple(names.index(parent) if parent else -1 for _, parent, _, _ in _JOINTS)
    offsets = np.array([offset for _, _, offset, _ in _JOINTS])
    positions, global_rotations = forward_kinematics(offsets, parents, _local_rotations(frames), frames[:, 1:4])
    stem = file.path.stem
    return SkeletonMotion(
        source=f"deepmimic/{stem.removeprefix('humanoid3d_')}",
        subject=_SUBJECT,
        text=(stem.removeprefix("humanoid3d_").replace("_", " "),),
        rate=1 / float(np.median(frames[: max(len(frames) - 1, 1), 0])),
        names=names,
        parents=parents,
        positions=(positions @ Y_UP_TO_Z_UP.T).astype(np.float32),
        rest_positions=rest_pose(offsets, parents) @ _FACING_X_TO_Z.T,
        global_rotations=(Y_UP_TO_Z_UP @ global_rotations @ _FACING_X_TO_Z.T).astype(np.float32),
    )


def _local_rotations(frames: Float[np.ndarray, "T N"]) -> Float[np.ndarray, "T J 3 3"]:
    """Relative to the parent joint."""
    rotations = np.broadcast_to(np.eye(3), (len(frames), len(_JOINTS), 3, 3)).copy()
    column = 4
    for joint, (_, _, _, count) in enumerate(_JOINTS):
        numbers = frames[:, column : column + count]
        if count == 4:
            rotations[:, joint] = Rotation.from_quat(numbers[:, [1, 2, 3, 0]]).as_matrix()
        elif count == 1:
            rotations[:, joint] = Rotation.from_euler("z", numbers).as_matrix()
        column += count
    return rotations
