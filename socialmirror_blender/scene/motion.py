"""Motion and camera of a reconstruction, resampled to the frames of the scene that get keyframes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...core.contract.reconstruction import PEOPLE, MotionArrays
from .rotations import axis_angle_to_quaternion
from .timeline import Timeline, frames_to_key, interpolate, interpolate_rotations


@dataclass(frozen=True)
class PersonMotion:
    """One person at T times, in the conventions of SMPL-X."""

    rotations: np.ndarray
    """[T,55,4] quaternions relative to the parent joint; for the pelvis from the rest pose to the world."""
    pelvis_inworld: np.ndarray
    """[T,3] metres."""
    confidence: np.ndarray
    """[T,22] in 0-1."""


@dataclass(frozen=True)
class SceneMotion:
    """A take at the S scene frames that get keyframes."""

    frames: np.ndarray
    """int [S]"""
    people: tuple[PersonMotion, ...]
    K: np.ndarray
    """[S,3,3] camera intrinsics, pixels."""
    T_cw: np.ndarray
    """[S,4,4] from the world to the camera (x right, y down, z forward)."""


def motion_at_scene_frames(motion: MotionArrays, timeline: Timeline) -> SceneMotion:
    frames, seconds = frames_to_key(timeline, motion.time)
    people = [resample_motion(person_motion(motion, person), motion.time, seconds) for person in range(PEOPLE)]
    return SceneMotion(
        frames, tuple(people), *resample_camera(motion.camera_K, motion.camera_world, motion.time, seconds)
    )


def person_motion(motion: MotionArrays, person: int) -> PersonMotion:
    """The motion of one person of a reconstruction. The eyes do not move, since no landmark observes them."""
    frames = len(motion.frame_index)
    axis_angles = np.concatenate(
        [
            motion.global_orient[person, :, None],
            motion.body_pose[person],
            motion.jaw_pose[person, :, None],
            np.zeros((frames, 2, 3)),
            motion.left_hand_pose[person],
            motion.right_hand_pose[person],
        ],
        axis=1,
    )
    return PersonMotion(
        axis_angle_to_quaternion(axis_angles), motion.pelvis[person].astype(np.float64), motion.confidence[person]
    )


def resample_motion(motion: PersonMotion, seconds: np.ndarray, at: np.ndarray) -> PersonMotion:
    """A motion with time stamps `seconds` [T] at other times [S]."""
    if np.array_equal(at, seconds):
        return motion
    return PersonMotion(
        interpolate_rotations(motion.rotations, seconds, at),
        interpolate(motion.pelvis_inworld, seconds, at),
        interpolate(motion.confidence, seconds, at),
    )


def resample_camera(
    K: np.ndarray, T_cw: np.ndarray, seconds: np.ndarray, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics [T,3,3] and extrinsics [T,4,4] with time stamps `seconds` [T] at other times [S]."""
    if np.array_equal(at, seconds):
        return K, T_cw
    T_cw = T_cw.astype(np.float64)
    result = interpolate(T_cw, seconds, at)
    left, _, right = np.linalg.svd(result[:, :3, :3])
    # interpolated is the camera's position in the world, since the translation of T_cw depends on the rotation
    positions_inworld = -np.einsum("tba,tb->ta", T_cw[:, :3, :3], T_cw[:, :3, 3])
    result[:, :3, :3] = left @ right
    result[:, :3, 3] = -np.einsum("tab,tb->ta", result[:, :3, :3], interpolate(positions_inworld, seconds, at))
    return interpolate(K.astype(np.float64), seconds, at), result
