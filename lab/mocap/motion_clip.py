"""Stretches of captures as single motions that a choreographer can use: found, cut, turned, stretched, joined.

World as in `Capture`: metres, Z up, floor at z = 0; 30 frames a second. A heading is where somebody faces, in radians
from +X towards +Y.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch

from core.body.files import load_body
from core.body.model import BodyModel, rest_joints, rest_vertices
from core.body.rotations import axis_angle_to_matrix, slerp
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, mirrored
from core.fitting.soles import sole_vertices

from .capture import Capture

Action = Literal["standing", "walking", "running", "kicking", "punching", "getting_up", "dancing", "other"]
Side = Literal["left", "right"]

RATE = 30.0
"""frames a second of every window and base motion."""
_FACING_OVER = 4
"""Frames before and after over which a heading is averaged: hips sway while walking."""
_MIRRORED_JOINTS = np.array([JOINT_INDEX[mirrored(name)] for name in BODY_JOINTS])
_REFLECTION = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)


@dataclass(frozen=True)
class Window:
    """Frames `start` to `end` (exclusive) of a capture, in which somebody does one kind of thing."""

    capture: Capture
    start: int
    end: int
    action: Action
    speed: float
    """m/s of the pelvis over the floor, mean."""
    heading_change: float
    """radians by which the heading changes from the first frame to the last; positive to the person's left."""
    peak: int | None
    """Frame, counted from `start`, in which a kick or a punch is furthest out, or somebody getting up is up."""
    side: Side | None
    """Which foot kicks or which hand punches."""

    @property
    def frames(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class MotionClip:
    """What one person does, T frames, on the body that it was made for; without fingers."""

    rotations: np.ndarray
    """float32 [T,22,3,3] relative to the parent (the pelvis: to the world)."""
    pelvis: np.ndarray
    """float32 [T,3]"""
    foot_contact: np.ndarray
    """bool [T,2] left and right foot stand still on the floor."""
    source: str
    """`Capture.source`; several, joined by ` + `, where recordings were joined."""
    subject: str
    """`Capture.subject`, likewise."""
    peak: int | None = None
    """`Window.peak`, wherever it has got to."""

    @property
    def frames(self) -> int:
        return len(self.pelvis)


def clip_from_window(window: Window, body: BodyModel, betas: np.ndarray) -> MotionClip:
    """The window on a body of shape betas [16]: places are scaled by how high its pelvis stands, so that feet keep to the
    floor and strides fit the legs."""
    capture, part = window.capture, slice(window.start, window.end)
    scale = standing_height(body, betas) / standing_height(load_body(None), capture.betas)
    angles = np.concatenate([capture.global_orient[part, None], capture.body_pose[part]], 1)
    return MotionClip(
        rotations=axis_angle_to_matrix(torch.from_numpy(angles.astype(np.float32))).numpy(),
        pelvis=(capture.pelvis[part] * scale).astype(np.float32),
        foot_contact=capture.foot_contact[part].copy(),
        source=capture.source,
        subject=capture.subject,
        peak=window.peak,
    )


def standing_height(body: BodyModel, betas: np.ndarray) -> float:
    """metres from the soles to the pelvis joint in the rest pose."""
    shape = torch.as_tensor(np.asarray(betas, np.float32))
    soles = rest_vertices(body.subset(sole_vertices(body).flatten()), shape)
    return float(rest_joints(body, shape)[0, 1] - soles[:, 1].min())


def headings(motion: MotionClip) -> np.ndarray:
    """[T] where the hips face, without jumps of a full turn."""
    left = motion.rotations[:, 0, :2, 0].astype(np.float64)
    return np.unwrap(np.arctan2(left[:, 1], left[:, 0]) - np.pi / 2)


def heading_at(motion: MotionClip, frame: int) -> float:
    """The heading about a frame, averaged over a few."""
    frame = range(motion.frames)[frame]
    return float(headings(motion)[max(frame - _FACING_OVER, 0) : frame + _FACING_OVER + 1].mean())


def place_at(motion: MotionClip, heading: float, at: tuple[float, float], frame: int = 0) -> MotionClip:
    """Turned about the vertical and moved over the floor so that in `frame` (-1: the last) the person faces `heading` with
    the pelvis over `at`."""
    angle = heading - heading_at(motion, frame)
    turn = _about_z(angle)
    rotations = motion.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    pelvis = motion.pelvis @ turn.T
    pelvis[:, :2] += np.asarray(at, np.float32) - pelvis[frame, :2]
    return replace(motion, rotations=rotations, pelvis=pelvis)


def trim(motion: MotionClip, start: int, end: int) -> MotionClip:
    """Frames `start` to `end`, exclusive."""
    part = slice(start, end)
    inside = motion.peak is not None and start <= motion.peak < end
    return replace(
        motion,
        rotations=motion.rotations[part],
        pelvis=motion.pelvis[part],
        foot_contact=motion.foot_contact[part].copy(),
        peak=motion.peak - start if motion.peak is not None and inside else None,
    )


def time_warp(motion: MotionClip, frames: int) -> MotionClip:
    """The same motion in more or fewer frames, evenly slower or faster."""
    peak = None if motion.peak is None else round(motion.peak * (frames - 1) / max(motion.frames - 1, 1))
    return replace(sample_at(motion, np.linspace(0, motion.frames - 1, frames)), peak=peak)


def sample_at(motion: MotionClip, times: np.ndarray) -> MotionClip:
    """The motion as it is at the given times, in frames and parts of frames; without a peak."""
    before = np.minimum(times.astype(int), max(motion.frames - 2, 0))
    after = np.minimum(before + 1, motion.frames - 1)
    share = (times - before).astype(np.float32)
    return replace(
        motion,
        rotations=between(motion.rotations[before], motion.rotations[after], share),
        pelvis=motion.pelvis[before] + share[:, None] * (motion.pelvis[after] - motion.pelvis[before]),
        foot_contact=motion.foot_contact[np.round(times).astype(int)],
        peak=None,
    )


def mirror(motion: MotionClip) -> MotionClip:
    """Left and right exchanged, in the plane x = 0."""
    return replace(
        motion,
        rotations=_REFLECTION @ motion.rotations[:, _MIRRORED_JOINTS] @ _REFLECTION,
        pelvis=motion.pelvis @ _REFLECTION,
        foot_contact=motion.foot_contact[:, ::-1].copy(),
    )


def reverse(motion: MotionClip) -> MotionClip:
    """The last frame first."""
    return replace(
        motion,
        rotations=motion.rotations[::-1].copy(),
        pelvis=motion.pelvis[::-1].copy(),
        foot_contact=motion.foot_contact[::-1].copy(),
        peak=None if motion.peak is None else motion.frames - 1 - motion.peak,
    )


def between(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Rotations [T,J,3,3] on the short way from `first` (share 0) to `second` (share 1); share [T]."""
    fraction = torch.from_numpy(share.astype(np.float32))[:, None]
    return slerp(torch.from_numpy(first), torch.from_numpy(second), fraction).numpy()


def _about_z(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], np.float32)
