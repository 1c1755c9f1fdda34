"""Motion clips: one person's motion on one body, and the operations that place, trim, mirror, reverse and time-warp it.

The world is that of `Capture`: metres, Z up, floor at z = 0, `FRAME_RATE` frames per second. A heading is the direction that the
hips face, in radians from +X towards +Y.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float

from core.body.model import BodyModel, rest_joints, rest_vertices
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX, mirrored
from core.fitting.soles import sole_vertices

from .array_rotations import rotation_about_z, slerp

_HEADING_WINDOW = 4
"""Frames before and after over which a heading is averaged, because the hips sway during a walk."""
_MIRRORED_JOINTS = np.array([JOINT_INDEX[mirrored(name)] for name in BODY_JOINTS])
_REFLECTION = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)


@dataclass(frozen=True)
class MotionClip:
    """T frames of one person on the body that the clip was made for, without fingers."""

    rotations: Float[np.ndarray, "T 22 3 3"]
    """Relative to the parent joint; the pelvis' relative to the world."""
    pelvis: Float[np.ndarray, "T 3"]
    """Position of the pelvis joint, metres."""
    foot_contact: Bool[np.ndarray, "T 2"]
    """Whether the left and the right foot stand on the floor."""
    source: str
    """`Capture.source`; joined by ` + ` where the clip was made of several recordings."""
    subject: str
    """`Capture.subject`, joined likewise."""
    peak: int | None = None
    """Frame of `Window.peak` in this clip."""

    @property
    def frames(self) -> int:
        return len(self.pelvis)


def standing_height(body: BodyModel, betas: Float[np.ndarray, "16"]) -> float:
    """Height of the pelvis joint above the soles in the rest pose, metres."""
    shape = torch.as_tensor(np.asarray(betas, np.float32))
    soles = rest_vertices(body.subset(sole_vertices(body).flatten()), shape)
    return float(rest_joints(body, shape)[0, 1] - soles[:, 1].min())


def headings(motion: MotionClip) -> Float[np.ndarray, " T"]:
    """The heading in every frame, unwrapped."""
    left = motion.rotations[:, 0, :2, 0].astype(np.float64)
    return np.unwrap(np.arctan2(left[:, 1], left[:, 0]) - np.pi / 2)


def heading_at(motion: MotionClip, frame: int) -> float:
    """The heading averaged over a few frames around one; negative frames count from the end."""
    frame = range(motion.frames)[frame]
    return float(headings(motion)[max(frame - _HEADING_WINDOW, 0) : frame + _HEADING_WINDOW + 1].mean())


def place_at(motion: MotionClip, heading: float, position: tuple[float, float], frame: int = 0) -> MotionClip:
    """The clip rotated about the vertical and translated along the floor, so that in `frame` the person has the given heading
    and the pelvis is above `position`. Negative frames count from the end."""
    rotation = rotation_about_z(np.array(heading - heading_at(motion, frame))).astype(np.float32)
    rotations = motion.rotations.copy()
    rotations[:, 0] = rotation @ rotations[:, 0]
    pelvis = motion.pelvis @ rotation.T
    pelvis[:, :2] += np.asarray(position, np.float32) - pelvis[frame, :2]
    return replace(motion, rotations=rotations, pelvis=pelvis)


def trim(motion: MotionClip, start: int, end: int) -> MotionClip:
    """Frames `start` to `end` (exclusive)."""
    part = slice(start, end)
    has_peak = motion.peak is not None and start <= motion.peak < end
    return replace(
        motion,
        rotations=motion.rotations[part],
        pelvis=motion.pelvis[part],
        foot_contact=motion.foot_contact[part].copy(),
        peak=motion.peak - start if motion.peak is not None and has_peak else None,
    )


def time_warp(motion: MotionClip, frames: int) -> MotionClip:
    """The clip stretched or compressed evenly to a number of frames."""
    peak = None if motion.peak is None else round(motion.peak * (frames - 1) / max(motion.frames - 1, 1))
    return replace(sample_at(motion, np.linspace(0, motion.frames - 1, frames)), peak=peak)


def sample_at(motion: MotionClip, times: Float[np.ndarray, " N"]) -> MotionClip:
    """The clip interpolated at times in fractional frames. The peak is lost."""
    before = np.minimum(times.astype(int), max(motion.frames - 2, 0))
    after = np.minimum(before + 1, motion.frames - 1)
    fraction = (times - before).astype(np.float32)
    return replace(
        motion,
        rotations=slerp(motion.rotations[before], motion.rotations[after], fraction[:, None]),
        pelvis=motion.pelvis[before] + fraction[:, None] * (motion.pelvis[after] - motion.pelvis[before]),
        foot_contact=motion.foot_contact[np.round(times).astype(int)],
        peak=None,
    )


def mirror(motion: MotionClip) -> MotionClip:
    """The clip reflected in the plane x = 0: left and right limbs are exchanged."""
    return replace(
        motion,
        rotations=_REFLECTION @ motion.rotations[:, _MIRRORED_JOINTS] @ _REFLECTION,
        pelvis=motion.pelvis @ _REFLECTION,
        foot_contact=motion.foot_contact[:, ::-1].copy(),
    )


def reverse(motion: MotionClip) -> MotionClip:
    """The clip played backwards."""
    return replace(
        motion,
        rotations=motion.rotations[::-1].copy(),
        pelvis=motion.pelvis[::-1].copy(),
        foot_contact=motion.foot_contact[::-1].copy(),
        peak=None if motion.peak is None else motion.frames - 1 - motion.peak,
    )
