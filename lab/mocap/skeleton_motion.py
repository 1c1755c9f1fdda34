"""Skeleton motion: a recorded skeleton's joints over time, which readers of all formats produce and retargeting takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

_MAX_FRAME_RATE = 10_000.0
_MAX_DISTANCE = 1e4
"""metres; no recording is larger."""


@dataclass(frozen=True)
class SkeletonMotion:
    """T frames of J joints in a world in metres, Z up. The floor may be at any height."""

    source: str
    """Unique name, `set/name`."""
    subject: str
    text: tuple[str, ...]
    rate: float
    """Frames per second."""
    names: tuple[str, ...]
    """Names of `skeleton.BODY_JOINTS` for joints with the same meaning. Tips that SMPL-X has no body joint for are `head_top` and
    sided `toe`, `knuckles` (root of the middle finger), `fingertips` and `thumb_tip`; other joints keep the recording's names."""
    parents: tuple[int, ...]
    """-1 for the root; a parent comes before its children."""
    positions: Float[np.ndarray, "T J 3"]
    """Of the joints, metres."""
    rest_positions: Float[np.ndarray, "J 3"] | None = None
    """The recording's own rest pose in SMPL-X's rest axes: Y up, facing +Z, the person's left at +X. Metres."""
    global_rotations: Float[np.ndarray, "T J 3 3"] | None = None
    """Take the rest axes to those of the bone that begins at each joint, in the world."""
    vertical_measured: bool = True
    """Whether Z is the measured vertical, as in marker-based systems, or an estimate, as from a single camera."""

    def __post_init__(self) -> None:
        """Raises ValueError for a motion without frames and for numbers that no recording has."""
        if not (len(self.positions) and 0 < self.rate <= _MAX_FRAME_RATE):
            raise ValueError(f"it has {len(self.positions)} frames at {self.rate} frames per second")
        for values in (self.positions, self.rest_positions, self.global_rotations):
            if values is not None and not (np.abs(values) < _MAX_DISTANCE).all():
                raise ValueError(f"a joint is not within {_MAX_DISTANCE:.0f} m of the origin")


def forward_kinematics(
    offsets: Float[np.ndarray, "*#T J 3"],
    parents: Sequence[int],
    rotations: Float[np.ndarray, "T J 3 3"],
    root: Float[np.ndarray, "*#T 3"],
) -> tuple[Float[np.ndarray, "T J 3"], Float[np.ndarray, "T J 3 3"]]:
    """Positions and global rotations of any skeleton, in the axes of `root`.

    Offsets are from the parent joint, rotations relative to the parent joint, `root` is the position of the root.
    """
    frames, joints = rotations.shape[:2]
    offsets = np.broadcast_to(offsets, (frames, joints, 3))
    positions, global_rotations = np.empty((frames, joints, 3)), np.empty((frames, joints, 3, 3))
    for joint, parent in enumerate(parents):
        if parent < 0:
            positions[:, joint], global_rotations[:, joint] = root, rotations[:, joint]
            continue
        bone = (global_rotations[:, parent] @ offsets[:, joint, :, None])[..., 0]
        positions[:, joint] = positions[:, parent] + bone
        global_rotations[:, joint] = global_rotations[:, parent] @ rotations[:, joint]
    return positions, global_rotations


def rest_pose(offsets: Float[np.ndarray, "J 3"], parents: Sequence[int]) -> Float[np.ndarray, "J 3"]:
    """Joints of a skeleton without any rotation, the root at the origin."""
    identity = np.broadcast_to(np.eye(3), (1, len(offsets), 3, 3))
    return forward_kinematics(offsets, parents, identity, np.zeros(3))[0][0]


def resample(motion: SkeletonMotion, rate: float) -> SkeletonMotion:
    """The motion at another frame rate: by decimation where the rates are multiples, otherwise by cubic splines."""
    step = motion.rate / rate
    frames = len(motion.positions)
    if abs(step - 1) < 1e-3 or frames < 2:
        return replace(motion, rate=rate)
    rotations = motion.global_rotations
    if step > 1 and abs(step - round(step)) < 0.01:
        kept = slice(None, None, round(step))
        return replace(
            motion,
            rate=rate,
            positions=motion.positions[kept],
            global_rotations=None if rotations is None else rotations[kept],
        )
    times = np.arange(frames) / motion.rate
    new_times = np.arange(int(np.floor(times[-1] * rate + 1e-6)) + 1) / rate
    return replace(
        motion,
        rate=rate,
        positions=CubicSpline(times, motion.positions)(new_times).astype(np.float32),
        global_rotations=None if rotations is None else _interpolate_rotations(rotations, times, new_times),
    )


def _interpolate_rotations(
    rotations: Float[np.ndarray, "T J 3 3"], times: Float[np.ndarray, " T"], new_times: Float[np.ndarray, " N"]
) -> Float[np.ndarray, "N J 3 3"]:
    """Cubic splines through quaternions, normalised afterwards."""
    shape = rotations.shape[:2]
    quaternions = Rotation.from_matrix(rotations.reshape(-1, 3, 3)).as_quat().reshape(*shape, 4)
    # q and -q are the same rotation: consecutive quaternions get the same sign, so that the splines do not pass through zero
    flips = np.where((quaternions[1:] * quaternions[:-1]).sum(-1) < 0, -1.0, 1.0)
    quaternions[1:] *= np.cumprod(flips, 0)[..., None]
    interpolated = CubicSpline(times, quaternions)(new_times).reshape(-1, 4)
    return Rotation.from_quat(interpolated).as_matrix().reshape(len(new_times), shape[1], 3, 3).astype(np.float32)
