"""Synthetic captures of people who stand, walk, kick, punch and get up, and measurements of motion clips."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from core.body.files import load_body
from core.contract.skeleton import JOINT_INDEX
from lab.mocap.array_rotations import axis_angle_to_matrix
from lab.mocap.capture import FRAME_RATE, Capture
from lab.mocap.foot_contact import detect_foot_contact, pose_skeleton
from lab.mocap.motion_clip import MotionClip
from lab.mocap.windows import Action, Window, clip_from_window

MEAN_SHAPE = np.zeros(16, np.float32)
LEG_LENGTH = 0.86
"""metres from hip to ankle."""
WALKING_SPEED = LEG_LENGTH * 2 * np.radians(24) / 16 * 30
"""metres per second, approximately: two swings of a leg per cycle of 32 frames."""


def make_capture(
    name: str, joint_rotations: dict[str, np.ndarray], path: np.ndarray, text: tuple[str, ...] = ()
) -> Capture:
    """A capture of an upright person who faces +X.

    `joint_rotations` are axis-angles [T,3] of some joints, `path` [T,2] is the pelvis' position along the floor. The lowest sole
    is always on the floor.
    """
    frames = len(path)
    pose = np.zeros((frames, 22, 3), np.float32)
    # +90 degrees about X (upright, facing -Y), then +90 about Z: a third of a turn about the diagonal
    pose[:, 0] = 2 * np.pi / 3 / np.sqrt(3)
    for side, sign in (("left", -1), ("right", 1)):
        pose[:, JOINT_INDEX[f"{side}_shoulder"], 2] = sign * np.radians(75)
    for joint, rotation in joint_rotations.items():
        pose[:, JOINT_INDEX[joint]] = rotation
    rotations = axis_angle_to_matrix(pose)
    pelvis = np.concatenate([path, np.zeros((frames, 1))], 1).astype(np.float32)
    pelvis[:, 2] -= pose_skeleton(rotations, pelvis, load_body(None), MEAN_SHAPE).soles[..., 2].min((1, 2))
    foot_contact = detect_foot_contact(pose_skeleton(rotations, pelvis, load_body(None), MEAN_SHAPE).soles, FRAME_RATE)
    return Capture(name, f"who-{name}", text, FRAME_RATE, pose[:, 0], pose[:, 1:], pelvis, MEAN_SHAPE, foot_contact)


def about_axis(axis: int, angle: np.ndarray) -> np.ndarray:
    """Axis-angles [T,3] of rotations about one axis."""
    vectors = np.zeros((len(angle), 3), np.float32)
    vectors[:, axis] = angle
    return vectors


@lru_cache
def standing(frames: int = 120) -> Capture:
    t = np.arange(frames)
    return make_capture("standing", {"spine2": about_axis(1, 0.05 * np.sin(t / 15))}, np.zeros((frames, 2)))


@lru_cache
def walking(frames: int = 100) -> Capture:
    """A walk at a constant speed with 32 frames per cycle: the supporting leg is straight, the other bends its knee and swings
    forwards; soles stay level."""
    joint_rotations, advance = {}, np.zeros(frames)
    for side, start in (("left", 0.0), ("right", 0.5)):
        phase = (np.arange(frames) / 32 + start) % 1
        supports = phase < 0.5
        swing = np.radians(24) * np.where(supports, 1 - 4 * phase, 4 * phase - 3)
        knee = 0.9 * np.where(supports, 0, np.sin(np.pi * (2 * phase - 1)))
        joint_rotations |= {
            f"{side}_hip": about_axis(0, -swing),
            f"{side}_knee": about_axis(0, knee),
            f"{side}_ankle": about_axis(0, swing - knee),
        }
        back = np.clip(-np.diff(LEG_LENGTH * np.sin(swing), prepend=LEG_LENGTH * np.sin(swing[:1])), 0, None)
        advance = np.maximum(advance, np.where(supports, back, 0))
    advance[advance == 0] = WALKING_SPEED / 30  # while the support changes from one foot to the other
    return make_capture("walking", joint_rotations, np.stack([np.cumsum(advance), np.zeros(frames)], 1))


def bump(frames: int, peak: int, width: float) -> np.ndarray:
    """A Gaussian over time with the value 1 in frame `peak`."""
    return np.exp(-0.5 * ((np.arange(frames) - peak) / width) ** 2)


@lru_cache
def kicking() -> Capture:
    lift = bump(90, 50, 4)
    joint_rotations = {
        "right_hip": about_axis(0, -1.3 * lift),
        "right_knee": about_axis(0, 0.3 * bump(90, 44, 3)),
    }
    return make_capture("kicking", joint_rotations, np.zeros((90, 2)))


@lru_cache
def punching() -> Capture:
    """The left arm moves from the side to straight ahead and back."""
    extension = bump(90, 40, 5)
    down = np.stack([np.zeros(90), np.zeros(90), np.full(90, -np.radians(75))], 1)
    ahead = np.stack([np.zeros(90), np.full(90, -np.radians(85)), np.zeros(90)], 1)
    rotation = down + extension[:, None] * (ahead - down)
    return make_capture("punching", {"left_shoulder": rotation}, np.zeros((90, 2)))


@lru_cache
def getting_up() -> Capture:
    """Somebody rises from a deep squat of one second."""
    bend = 1 / (1 + np.exp((np.arange(110) - 55) / 5))
    joint_rotations = {}
    for side in ("left", "right"):
        joint_rotations[f"{side}_hip"] = about_axis(0, -2.5 * bend)
        joint_rotations[f"{side}_knee"] = about_axis(0, 2.75 * bend)
    return make_capture("getting_up", joint_rotations, np.zeros((110, 2)))


def all_captures() -> list[Capture]:
    return [standing(), walking(), kicking(), punching(), getting_up()]


def whole_window(capture: Capture, action: Action = "other", peak: int | None = None) -> Window:
    return Window(capture, 0, len(capture.pelvis), action, 0.0, 0.0, peak, None)


def whole_clip(capture: Capture, betas: np.ndarray = MEAN_SHAPE) -> MotionClip:
    return clip_from_window(whole_window(capture), load_body(None), betas)


def soles(motion: MotionClip, betas: np.ndarray = MEAN_SHAPE) -> np.ndarray:
    """[T,2,S,3]"""
    return pose_skeleton(motion.rotations, motion.pelvis, load_body(None), betas).soles


def foot_slide(motion: MotionClip, betas: np.ndarray = MEAN_SHAPE) -> float:
    """Largest distance that a point of a sole moves between two frames of foot contact, metres."""
    step = np.linalg.norm(np.diff(soles(motion, betas), axis=0), axis=-1).max(-1)
    return float(step[motion.foot_contact[1:] & motion.foot_contact[:-1]].max())
