"""Kinematic features of a capture, from which actions are recognised: speeds, heights, reaches of hands and feet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from core.body.files import load_body
from core.contract.skeleton import JOINT_INDEX

from .array_rotations import axis_angle_to_matrix
from .capture import FRAME_RATE, Capture
from .foot_contact import pose_skeleton
from .motion_clip import standing_height

_SIDES = ("left", "right")
_HEADING_SIGMA = 5.0
"""Frames over which the heading is smoothed."""
_SPEED_WINDOW = 15
"""Frames over which the pelvis' position is averaged before its speed is taken: half a second."""


@dataclass(frozen=True)
class MotionFeatures:
    """Features of T frames. Arrays [T,2] are of the left and the right side."""

    speed: Float[np.ndarray, " T"]
    """Horizontal speed of the pelvis, metres per second, averaged over half a second."""
    height: Float[np.ndarray, " T"]
    """Height of the pelvis as a fraction of its height when standing."""
    tilt: Float[np.ndarray, " T"]
    """Angle of the trunk from the vertical, radians."""
    heading: Float[np.ndarray, " T"]
    """Radians, smoothed and unwrapped."""
    sole_height: Float[np.ndarray, " T"]
    """Height of the lowest sole above the floor, metres."""
    ankle_height: Float[np.ndarray, "T 2"]
    """Height of the ankles above their height when standing, metres."""
    foot_speed: Float[np.ndarray, "T 2"]
    """Speed of the ankles relative to the pelvis, metres per second."""
    foot_reach: Float[np.ndarray, "T 2"]
    """Distance from hip to ankle as a fraction of the leg's length."""
    foot_forward: Float[np.ndarray, "T 2"]
    """Horizontal distance of the ankles in front of the hips, along the heading, metres."""
    foot_distance: Float[np.ndarray, "T 2"]
    """Horizontal distance of the ankles from the hips in any direction, metres."""
    hand_speed: Float[np.ndarray, "T 2"]
    """Speed of the wrists relative to the chest, metres per second."""
    hand_reach: Float[np.ndarray, "T 2"]
    """Distance from shoulder to wrist as a fraction of the arm's length."""
    hand_forward: Float[np.ndarray, "T 2"]
    """Horizontal distance of the wrists in front of the shoulders, along the heading, metres."""
    hand_height: Float[np.ndarray, "T 2"]
    """Height of the wrists above the shoulders, metres."""
    rotations: Float[np.ndarray, "T 22 3 3"]
    """Relative to the parent joint."""
    pelvis: Float[np.ndarray, "T 3"]
    """Position of the pelvis joint, metres."""


def motion_features(capture: Capture) -> MotionFeatures:
    """The features of a capture, cached."""
    return _cached_features(_ByIdentity(capture))


@dataclass(frozen=True, eq=False)
class _ByIdentity:
    """A capture as a key of a cache: arrays have no hash, so captures are compared as objects."""

    capture: Capture

    def __hash__(self) -> int:
        return id(self.capture)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and other.capture is self.capture


@lru_cache(maxsize=4096)
def _cached_features(key: _ByIdentity) -> MotionFeatures:
    capture, body = key.capture, load_body(None)
    angles = np.concatenate([capture.global_orient[:, None], capture.body_pose], 1).astype(np.float32)
    rotations = axis_angle_to_matrix(angles)
    posed = pose_skeleton(rotations, capture.pelvis, body, capture.betas)

    def joint(name: str) -> np.ndarray:
        return posed.joints[:, JOINT_INDEX[name]]

    def both_sides(name: str) -> np.ndarray:
        return posed.joints[:, [JOINT_INDEX[f"{side}_{name}"] for side in _SIDES]]

    ankles, wrists, shoulders, hips = map(both_sides, ("ankle", "wrist", "shoulder", "hip"))
    leg_length = _chain_length(hips, both_sides("knee"), ankles)
    arm_length = _chain_length(shoulders, both_sides("elbow"), wrists)
    left = rotations[:, 0, :2, 0]
    unwrapped = np.unwrap(np.arctan2(left[:, 1], left[:, 0]) - np.pi / 2)
    heading = gaussian_filter1d(unwrapped, _HEADING_SIGMA, mode="nearest")
    forward = np.stack([np.cos(heading), np.sin(heading)], -1)
    trunk = joint("neck") - joint("pelvis")
    rest = body.J_template.numpy()
    standing = standing_height(body, capture.betas)
    standing_ankle = standing - (rest[0, 1] - rest[JOINT_INDEX["left_ankle"], 1])
    return MotionFeatures(
        speed=_speed(uniform_filter1d(capture.pelvis[:, :2], _SPEED_WINDOW, axis=0)),
        height=capture.pelvis[:, 2] / standing,
        tilt=np.arctan2(np.linalg.norm(trunk[:, :2], axis=1), trunk[:, 2]),
        heading=heading,
        sole_height=posed.soles[..., 2].min((1, 2)),
        ankle_height=ankles[..., 2] - standing_ankle,
        foot_speed=_speed(ankles - joint("pelvis")[:, None]),
        foot_reach=np.linalg.norm(ankles - hips, axis=-1) / leg_length,
        foot_forward=((ankles - hips)[..., :2] * forward[:, None]).sum(-1),
        foot_distance=np.linalg.norm((ankles - hips)[..., :2], axis=-1),
        hand_speed=_speed(wrists - joint("spine3")[:, None]),
        hand_reach=np.linalg.norm(wrists - shoulders, axis=-1) / arm_length,
        hand_forward=((wrists - shoulders)[..., :2] * forward[:, None]).sum(-1),
        hand_height=(wrists - shoulders)[..., 2],
        rotations=rotations,
        pelvis=capture.pelvis,
    )


def _chain_length(*positions: Float[np.ndarray, "T 2 3"]) -> Float[np.ndarray, "T 2"]:
    """Length of a chain of joints, metres."""
    return np.linalg.norm(np.diff(np.stack(positions), axis=0), axis=-1).sum(0)


def _speed(positions: Float[np.ndarray, "T *joints D"]) -> Float[np.ndarray, "T *joints"]:
    """Metres per second."""
    return np.linalg.norm(np.gradient(positions, axis=0), axis=-1) * FRAME_RATE
