"""A recorded skeleton in motion, whatever file it came from: what readers make and retargeting takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

Y_UP_TO_Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Takes Y up, Z forward into the world: Z up, the same X."""


@dataclass(frozen=True)
class SkeletonMotion:
    """T frames of J joints. World: metres, Z up, the floor wherever the recording has it."""

    source: str
    """`set/name`, unique."""
    subject: str
    text: tuple[str, ...]
    rate: float
    """frames a second."""
    names: tuple[str, ...]
    """`skeleton.BODY_JOINTS` where a joint means the same; `EXTRA_JOINTS`; others are the recording's own."""
    parents: tuple[int, ...]
    """-1 for the root; a parent comes before its children."""
    positions: np.ndarray
    """float32 [T,J,3]"""
    rest_positions: np.ndarray | None = None
    """float [J,3] the recording's own rest pose, in the body's rest axes: Y up, facing +Z, the person's left at +X."""
    global_rotations: np.ndarray | None = None
    """float32 [T,J,3,3] what takes the rest pose's axes to the world, for the part of the body that begins at each joint."""
    vertical_measured: bool = True
    """Whether Z is the room's vertical, as marker systems know it, or a guess, as from one camera."""

    def index(self, name: str) -> int | None:
        return self.names.index(name) if name in self.names else None


EXTRA_JOINTS = (
    "head_top",
    *(f"{side}_{part}" for side in ("left", "right") for part in ("toe", "knuckles", "fingertips", "thumb_tip")),
)
"""Points that SMPL-X has no body joint for: the tips of head and toes, the middle finger's first joint and its tip."""


def forward_kinematics(
    offsets: np.ndarray, parents: Sequence[int], turns: np.ndarray, root: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Forward kinematics of any skeleton.

    offsets [J,3] or [T,J,3] from the parent, turns [T,J,3,3] relative to the parent, root [T,3]. Returns positions
    [T,J,3] and world rotations [T,J,3,3], in the axes of `root`.
    """
    frames, joints = turns.shape[:2]
    offsets = np.broadcast_to(offsets, (frames, joints, 3))
    places, world = np.empty((frames, joints, 3)), np.empty((frames, joints, 3, 3))
    for joint, parent in enumerate(parents):
        if parent < 0:
            places[:, joint], world[:, joint] = root, turns[:, joint]
            continue
        places[:, joint] = places[:, parent] + (world[:, parent] @ offsets[:, joint, :, None])[..., 0]
        world[:, joint] = world[:, parent] @ turns[:, joint]
    return places, world


def resample(motion: SkeletonMotion, rate: float) -> SkeletonMotion:
    """The same motion at another rate: frames picked where the rates allow, else cubic curves through them."""
    step = motion.rate / rate
    frames = len(motion.positions)
    if abs(step - 1) < 1e-3 or frames < 2:
        return replace(motion, rate=rate)
    if step > 1 and abs(step - round(step)) < 0.01:
        picked = slice(None, None, round(step))
        turns = None if motion.global_rotations is None else motion.global_rotations[picked]
        return replace(motion, rate=rate, positions=motion.positions[picked], global_rotations=turns)
    times = np.arange(frames) / motion.rate
    at = np.arange(int(np.floor(times[-1] * rate + 1e-6)) + 1) / rate
    turns = None if motion.global_rotations is None else _turns_at(motion.global_rotations, times, at)
    positions = CubicSpline(times, motion.positions)(at).astype(np.float32)
    return replace(motion, rate=rate, positions=positions, global_rotations=turns)


def _turns_at(turns: np.ndarray, times: np.ndarray, at: np.ndarray) -> np.ndarray:
    shape = turns.shape[:2]
    quaternions = Rotation.from_matrix(turns.reshape(-1, 3, 3)).as_quat().reshape(*shape, 4)
    # the same side of the sphere all along, so that the curves do not pass through zero
    flips = np.where((quaternions[1:] * quaternions[:-1]).sum(-1) < 0, -1.0, 1.0)
    quaternions[1:] *= np.cumprod(flips, 0)[..., None]
    curve = CubicSpline(times, quaternions)(at)
    return Rotation.from_quat(curve.reshape(-1, 4)).as_matrix().reshape(len(at), shape[1], 3, 3).astype(np.float32)
