"""The animator's correction of the clip's camera: how it looks and stands, while people stay where the picture shows them.

The pair moves with the camera as one rigid thing, so contacts and the projection stay what they are and only the floor changes; a
longer lens moves the pair away by as much as keeps its size in the picture. Pure functions on arrays.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ...core.contract.reconstruction import MotionArrays, Reconstruction
from .rotations import (
    axis_angle_to_quaternion,
    matrix_to_quaternion,
    quaternion_to_axis_angle,
    quaternion_to_matrix,
    rigid_transform,
)

_SAME_CAMERA = 1e-4
"""Radians, metres and factors up to which two cameras are the same."""


@dataclass(frozen=True)
class CameraCorrection:
    """Differences to the camera of a take."""

    pitch: float = 0.0
    """Radians; positive looks further down."""
    roll: float = 0.0
    """Radians; positive turns the camera clockwise as seen from behind it."""
    height: float = 0.0
    """Metres over the floor."""
    focal: float = 1.0
    """Factor of the focal length."""

    @property
    def changes(self) -> bool:
        """Whether it corrects anything."""
        return self != CameraCorrection()


@dataclass(frozen=True)
class CameraStance:
    """How a camera stands over the floor and what it sees."""

    pitch: float
    roll: float
    """Radians, with the signs of `CameraCorrection`."""
    height: float
    """Metres over the floor."""
    fov: float
    """Horizontal field of view, radians."""


def stance(motion: MotionArrays, width: int) -> CameraStance:
    """The camera of a motion, in its middle frame if it turns. `width` of the picture in px."""
    T_wc = _inverse(_camera_world(motion))
    pitch, roll, _ = _angles(T_wc[:3, :3])
    fov = 2 * math.atan2(width / 2, float(motion.camera_K[0, 0, 0]))
    return CameraStance(pitch, roll, float(T_wc[2, 3]), fov)


def correction_between(motion: MotionArrays, own: CameraStance, wanted: CameraStance) -> CameraCorrection:
    """What lets the camera of a motion, with its `own` stance, stand as another one does."""
    focal = math.tan(own.fov / 2) / math.tan(wanted.fov / 2)
    correction = CameraCorrection(
        wanted.pitch - own.pitch,
        math.remainder(wanted.roll - own.roll, math.tau),
        wanted.height - own.height - _lift(motion, focal, own.pitch),
        focal,
    )
    differences = (correction.pitch, correction.roll, correction.height, correction.focal - 1)
    return correction if max(map(abs, differences)) > _SAME_CAMERA else CameraCorrection()


def corrected(reconstruction: Reconstruction, correction: CameraCorrection) -> Reconstruction:
    """A take as it is with the corrected camera."""
    if not correction.changes:
        return reconstruction
    return replace(reconstruction, motion=corrected_motion(reconstruction.motion, correction))


def corrected_motion(motion: MotionArrays, correction: CameraCorrection) -> MotionArrays:
    """A motion and its camera in the world of the corrected camera, which has the same heading and stands over the same point.

    The projection stays the same; after a change of the focal length it does at the mean depth of the pair.
    """
    moved, pushed = _world_change(motion, correction), _pushed_away(motion, correction.focal)
    T_cw = motion.camera_world.astype(np.float64)
    rotation, translation = moved[:3, :3], moved[:3, 3]
    orient = quaternion_to_matrix(axis_angle_to_quaternion(motion.global_orient.astype(np.float64)))
    K = motion.camera_K.astype(np.float64)
    K[:, :2, :2] *= correction.focal
    return replace(
        motion,
        global_orient=quaternion_to_axis_angle(matrix_to_quaternion(rotation @ orient)).astype(np.float32),
        pelvis=(motion.pelvis @ rotation.T + translation).astype(np.float32),
        joints=(motion.joints @ rotation.T + translation).astype(np.float32),
        camera_K=K.astype(np.float32),
        camera_world=(pushed @ T_cw @ _inverse(moved)).astype(np.float32),
    )


def _world_change(motion: MotionArrays, correction: CameraCorrection) -> np.ndarray:
    """[4,4] from the world of a motion to that of the corrected camera."""
    T_cw = _camera_world(motion)
    T_wc = _inverse(T_cw)
    pushed = _pushed_away(motion, correction.focal)
    pitch, roll, heading = _angles(T_wc[:3, :3])
    stands = rigid_transform(_rotation(pitch + correction.pitch, roll + correction.roll, heading), T_wc[:3, 3])
    stands[2, 3] = T_wc[2, 3] + correction.height + _lift(motion, correction.focal, pitch)
    return stands @ pushed @ T_cw


def _pushed_away(motion: MotionArrays, focal: float) -> np.ndarray:
    """[4,4] in the camera's frame: how a longer lens moves the pair away."""
    pushed = np.eye(4)
    pushed[2, 3] = (focal - 1) * _mean_depth(motion)
    return pushed


def _lift(motion: MotionArrays, focal: float, pitch: float) -> float:
    """Metres by which the camera rises with a longer lens: who is pushed away along its axis stays on the floor."""
    return float(_pushed_away(motion, focal)[2, 3]) * math.sin(pitch)


def _camera_world(motion: MotionArrays) -> np.ndarray:
    """float64 [4,4], world -> camera of the middle frame, in which a camera that turns looks as Reconstruct says it does."""
    return motion.camera_world[(len(motion.camera_world) - 1) // 2].astype(np.float64)


def _inverse(T: np.ndarray) -> np.ndarray:
    """Of a rigid transform [4,4]."""
    rotation = T[:3, :3].T
    return rigid_transform(rotation, -rotation @ T[:3, 3])


def _mean_depth(motion: MotionArrays) -> float:
    T_cw = _camera_world(motion)
    return float((motion.pelvis @ T_cw[2, :3] + T_cw[2, 3]).mean())


def _angles(R_wc: np.ndarray) -> tuple[float, float, float]:
    """Pitch, roll and heading of a camera from the rotation [3,3] that takes it to the world."""
    right, _, forward = R_wc.T
    pitch = math.asin(float(np.clip(-forward[2], -1, 1)))
    heading = math.atan2(float(forward[0]), float(forward[1]))
    level_right, level_down, _ = _rotation(pitch, 0.0, heading).T
    return pitch, math.atan2(float(right @ level_down), float(right @ level_right)), heading


def _rotation(pitch: float, roll: float, heading: float) -> np.ndarray:
    """[3,3] from the camera (x right, y down, z forward) to the world. Heading 0 looks along +Y, and 90 degrees along +X."""
    forward = np.array([math.sin(heading) * math.cos(pitch), math.cos(heading) * math.cos(pitch), -math.sin(pitch)])
    right = np.array([math.cos(heading), -math.sin(heading), 0.0])
    down = np.cross(forward, right)
    turned = math.cos(roll) * right + math.sin(roll) * down
    return np.stack([turned, np.cross(forward, turned), forward], 1)
