"""Clips for physically simulated characters as DeepMimic gives them (JSON in .txt): a humanoid's joint turns a frame.

Format and skeleton: Peng et al., "DeepMimic" (SIGGRAPH 2018), its humanoid3d character. A frame is its duration in seconds,
the root's place, and turns: quaternions, w first, but angles in radians about Z for the hinges of knees and elbows. Y up,
facing +X.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from ..skeleton_motion import SkeletonMotion, forward_kinematics
from .text_files import TextFile, text_files, unreadable

_SUBJECT = "deepmimic"
"""The files do not say who was recorded: all count as one."""
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
"""Name, parent, offset in metres, and how many numbers of a frame turn it. The balls of the feet and the top of the head,
which are no joints of the character, lie in its boxes and its ball."""
_FACING = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""Takes Y up, facing +X to Y up, facing +Z."""
_TO_WORLD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
_FRAME_NUMBERS = 4 + sum(count for _, _, _, count in _JOINTS)


def read(path: Path) -> list[SkeletonMotion]:
    """All .txt of a file, a folder or an archive that hold such clips; others (a licence) are passed over.

    UserError `recording-unreadable` for a clip of another character or one that is damaged.
    """
    return [_motion(file) for file in text_files(path, ".txt", ".json") if '"Frames"' in file.text]


def _motion(file: TextFile) -> SkeletonMotion:
    try:
        record: dict[str, Any] = json.loads(file.text)
        frames = np.array(record["Frames"], float)
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(str(file.path), f"it is no DeepMimic clip ({error})") from error
    if frames.ndim != 2 or frames.shape[1] != _FRAME_NUMBERS or not len(frames):
        raise unreadable(str(file.path), f"its frames have not the {_FRAME_NUMBERS} numbers of the humanoid")
    names = tuple(name for name, _, _, _ in _JOINTS)
    parents = tuple(names.index(parent) if parent else -1 for _, parent, _, _ in _JOINTS)
    offsets = np.array([offset for _, _, offset, _ in _JOINTS])
    places, world = forward_kinematics(offsets, parents, _turns(frames), frames[:, 1:4])
    rest, _ = forward_kinematics(offsets, parents, np.broadcast_to(np.eye(3), (1, len(names), 3, 3)), np.zeros(3))
    stem = file.path.stem
    return SkeletonMotion(
        source=f"deepmimic/{stem.removeprefix('humanoid3d_')}",
        subject=_SUBJECT,
        text=(stem.removeprefix("humanoid3d_").replace("_", " "),),
        rate=1 / float(np.median(frames[: max(len(frames) - 1, 1), 0])),
        names=names,
        parents=parents,
        positions=(places @ _TO_WORLD.T).astype(np.float32),
        rest_positions=rest[0] @ _FACING.T,
        global_rotations=(_TO_WORLD @ world @ _FACING.T).astype(np.float32),
    )


def _turns(frames: np.ndarray) -> np.ndarray:
    """[T,J,3,3] relative to the parent."""
    turns = np.broadcast_to(np.eye(3), (len(frames), len(_JOINTS), 3, 3)).copy()
    column = 4
    for joint, (_, _, _, count) in enumerate(_JOINTS):
        numbers = frames[:, column : column + count]
        if count == 4:
            turns[:, joint] = Rotation.from_quat(numbers[:, [1, 2, 3, 0]]).as_matrix()
        elif count == 1:
            turns[:, joint] = Rotation.from_euler("z", numbers).as_matrix()
        column += count
    return turns
