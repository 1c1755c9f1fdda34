"""Headings, positions, heights and lean of two people over time: the measurements that descriptions are derived from."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.runs import frames_in
from ..contract.skeleton import BODY_JOINTS, GROUND, JOINT_INDEX, REGIONS
from ..motion import PairMotion, median_time_step, pose_motion

_SMOOTHING_WINDOW = 0.25
"""Seconds over which positions and headings are averaged before they are differentiated."""
_FOOT_JOINT_HEIGHT = 0.03
"""Approximate height of the foot joint, at the ball of the foot, above the sole in metres."""


@dataclass(frozen=True)
class PairKinematics:
    """Measurements of two people over T frames, in the world frame (metres, Z up, floor at z = 0)."""

    time: Float[np.ndarray, "T"]
    """Seconds."""
    joints: Float[np.ndarray, "2 T 22 3"]
    position: Float[np.ndarray, "2 T 2"]
    """Of the pelvis on the floor plane, smoothed."""
    heading: Float[np.ndarray, "2 T"]
    """Direction that the trunk faces, as the angle about Z from +X, unwrapped and smoothed, radians."""
    trunk_lean: Float[np.ndarray, "2 T"]
    """Angle between the trunk and the vertical, radians."""
    relative_height: Float[np.ndarray, "2 T"]
    """Height of the pelvis relative to its height when standing with straight legs."""
    foot_height: Float[np.ndarray, "2 T 2"]
    """Height of the left and the right ankle above where it is when the foot stands on the floor, metres."""

    @property
    def time_step(self) -> float:
        """Median time between frames, seconds."""
        return median_time_step(self.time)

    @property
    def distance(self) -> Float[np.ndarray, "T"]:
        """Distance between the two pelvises on the floor plane, metres."""
        return np.linalg.norm(self.position[1] - self.position[0], axis=-1)

    def joint(self, person: int, name: str) -> Float[np.ndarray, "T 3"]:
        return self.joints[person, :, JOINT_INDEX[name]]

    def bearing(self, person: int) -> Float[np.ndarray, "T"]:
        """Direction of the other person relative to the heading: 0 ahead, positive to the left, ±pi behind; radians."""
        to_other = self.position[1 - person] - self.position[person]
        return wrap_angle(np.arctan2(to_other[:, 1], to_other[:, 0]) - self.heading[person])

    def frame_count(self, seconds: float) -> int:
        """Number of frames in a duration, at least one."""
        return frames_in(seconds, self.time_step)

    def derivative(self, values: Float[np.ndarray, "T *values"]) -> Float[np.ndarray, "T *values"]:
        """Time derivative, per second."""
        return np.gradient(values, self.time, axis=0) if len(self.time) > 1 else np.zeros_like(values)

    def speed(self, points: Float[np.ndarray, "T *batch D"]) -> Float[np.ndarray, "T *batch"]:
        """Metres per second."""
        return np.linalg.norm(self.derivative(points), axis=-1)


def compute_kinematics(motion: PairMotion, body: BodyModel, time: Float[np.ndarray, "T"]) -> PairKinematics:
    """Measure a motion. `time` is in seconds; the skin is not needed."""
    with torch.inference_mode():
        posed = pose_motion(body, motion)
        joints = posed.joints[:, :, : len(BODY_JOINTS)].double().cpu().numpy()
        rest = posed.rest[:, 0].double().cpu().numpy()
    time = np.asarray(time, np.float64)
    half_width = max(1, round(_SMOOTHING_WINDOW / median_time_step(time))) // 2

    def joint(name: str) -> np.ndarray:
        return joints[:, :, JOINT_INDEX[name]]

    leftwards = joint("left_hip") - joint("right_hip") + joint("left_shoulder") - joint("right_shoulder")
    forwards = running_mean(np.stack([leftwards[..., 1], -leftwards[..., 0]], -1), half_width, axis=1)
    trunk = joint("neck") - joint("pelvis")
    feet = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    standing_height = rest[:, JOINT_INDEX["pelvis"], 1] - rest[:, feet, 1].min(1) + _FOOT_JOINT_HEIGHT
    ankle_height = rest[:, ankles, 1] - rest[:, feet, 1] + _FOOT_JOINT_HEIGHT
    return PairKinematics(
        time=time,
        joints=joints,
        position=running_mean(joints[:, :, 0, :2], half_width, axis=1),
        heading=np.unwrap(np.arctan2(forwards[..., 1], forwards[..., 0]), axis=1),
        trunk_lean=np.arccos(np.clip(trunk[..., 2] / np.maximum(np.linalg.norm(trunk, axis=-1), 1e-6), -1, 1)),
        relative_height=joints[:, :, 0, 2] / standing_height[:, None],
        foot_height=joints[:, :, ankles, 2] - ankle_height[:, None],
    )


def contact_matrix(contacts: Iterable[Contact], frame_index: Int[np.ndarray, "T"]) -> Bool[np.ndarray, "R R T"]:
    """Whether a region of person 0 is in contact with a region of person 1. Rejected and ground contacts are left out."""
    matrix = np.zeros((len(REGIONS), len(REGIONS), len(frame_index)), bool)
    for contact in contacts:
        if contact.person_b == GROUND or contact.person_a == contact.person_b or not contact.active():
            continue
        regions = REGIONS.index(contact.region_a), REGIONS.index(contact.region_b)
        first, second = regions if contact.person_a == 0 else regions[::-1]
        matrix[first, second] |= (frame_index >= contact.frame_start) & (frame_index <= contact.frame_end)
    return matrix


def wrap_angle(angle: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The same angles within ±pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def running_mean(values: Float[np.ndarray, "*values"], half_width: int, axis: int = 0) -> Float[np.ndarray, "*values"]:
    """Mean over up to `half_width` frames before and after each along the axis of time, cut off at the ends of the clip."""
    total = np.cumsum(np.insert(values, 0, 0, axis), axis, dtype=np.float64)
    frames = np.arange(values.shape[axis])
    first, last = np.maximum(frames - half_width, 0), np.minimum(frames + half_width + 1, len(frames))
    counts = (last - first).reshape(-1, *[1] * (values.ndim - axis - 1))
    return (total.take(last, axis) - total.take(first, axis)) / counts
