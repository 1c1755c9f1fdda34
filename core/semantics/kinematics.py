"""Where two bodies are, which way they turn, and how they hold themselves: the numbers that words for motion rest on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from ..body.model import BodyModel
from ..contract.contact import Contact
from ..contract.skeleton import BODY_JOINTS, GROUND, JOINT_INDEX, REGIONS
from ..motion import PairMotion, pose_motion

_STEADY = 0.25
"""seconds over which places and headings are averaged before they are differentiated."""
_SOLE = 0.06
"""metres from an ankle's joint or toes' joint to the ground under it, about."""


@dataclass(frozen=True)
class PairKinematics:
    """Two people, T frames; metres, radians, seconds; world frame (Z up, floor at z = 0)."""

    time: np.ndarray
    """[T]"""
    joints: np.ndarray
    """float64 [2,T,22,3]"""
    position: np.ndarray
    """[2,T,2] of the pelvis over the floor, steadied."""
    heading: np.ndarray
    """[2,T] direction of the trunk's front about Z from +X, unwrapped, steadied."""
    trunk_lean: np.ndarray
    """[2,T] angle of the trunk from upright."""
    relative_height: np.ndarray
    """[2,T] of the pelvis, as a share of its height when the legs are straight."""
    foot_height: np.ndarray
    """[2,T,2] metres of the left and right foot over where they are when they stand."""

    @property
    def time_step(self) -> float:
        """seconds from frame to frame."""
        return float(np.median(np.diff(self.time))) if len(self.time) > 1 else 1 / 30

    def joint(self, who: int, name: str) -> np.ndarray:
        """[T,3]"""
        return self.joints[who, :, JOINT_INDEX[name]]

    def frame_count(self, seconds: float) -> int:
        """frames in so many seconds, at least one."""
        return max(1, round(seconds / self.time_step))

    def speed(self, points: np.ndarray) -> np.ndarray:
        """points [T,...,D] -> metres a second [T,...]"""
        return np.linalg.norm(self.derivative(points), axis=-1)

    def derivative(self, values: np.ndarray) -> np.ndarray:
        """values [T,...] -> a second [T,...]"""
        return np.gradient(values, self.time, axis=0) if len(self.time) > 1 else np.zeros_like(values)

    @property
    def distance(self) -> np.ndarray:
        """[T] metres between the two pelvises over the floor."""
        return np.linalg.norm(self.position[1] - self.position[0], axis=-1)

    def bearing(self, who: int) -> np.ndarray:
        """[T] where the other is as seen from `who`: 0 before, positive on the left, ±pi behind."""
        across = self.position[1 - who] - self.position[who]
        return wrap_angle(np.arctan2(across[:, 1], across[:, 0]) - self.heading[who])


def compute_kinematics(motion: PairMotion, body: BodyModel, time: np.ndarray) -> PairKinematics:
    """Forward kinematics without skin. `time` [T] in seconds."""
    with torch.inference_mode():
        posed = pose_motion(body, motion)
        joints = posed.joints[:, :, : len(BODY_JOINTS)].double().cpu().numpy()
        rest = posed.rest[:, 0].double().cpu().numpy()
    time = np.asarray(time, np.float64)
    step = float(np.median(np.diff(time))) if len(time) > 1 else 1 / 30
    width = max(1, round(_STEADY / step))

    def at(name: str) -> np.ndarray:
        return joints[:, :, JOINT_INDEX[name]]

    left = at("left_hip") - at("right_hip") + at("left_shoulder") - at("right_shoulder")
    front = _steady(np.stack([left[..., 1], -left[..., 0]], -1), width)
    up = at("neck") - at("pelvis")
    feet = [JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"]]
    ankles = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
    standing = rest[:, JOINT_INDEX["pelvis"], 1] - rest[:, feet, 1].min(1) + _SOLE / 2
    ankle = rest[:, ankles, 1] - rest[:, feet, 1] + _SOLE / 2
    return PairKinematics(
        time=time,
        joints=joints,
        position=_steady(joints[:, :, 0, :2], width),
        heading=np.unwrap(np.arctan2(front[..., 1], front[..., 0]), axis=1),
        trunk_lean=np.arccos(np.clip(up[..., 2] / np.maximum(np.linalg.norm(up, axis=-1), 1e-6), -1, 1)),
        relative_height=joints[:, :, 0, 2] / standing[:, None],
        foot_height=joints[:, :, ankles, 2] - ankle[:, None],
    )


def contact_matrix(contacts: Iterable[Contact], frame_index: np.ndarray) -> np.ndarray:
    """bool [R,R,T]: which region of person 0 touches which of person 1. Rejected contacts and the ground are left out."""
    table = np.zeros((len(REGIONS), len(REGIONS), len(frame_index)), bool)
    for contact in contacts:
        if contact.person_b == GROUND or contact.person_a == contact.person_b or not contact.active():
            continue
        regions = REGIONS.index(contact.region_a), REGIONS.index(contact.region_b)
        mine, other = regions if contact.person_a == 0 else regions[::-1]
        table[mine, other] |= (frame_index >= contact.frame_start) & (frame_index <= contact.frame_end)
    return table


def find_runs(mask: np.ndarray, bridge: int = 0, shortest: int = 1) -> list[slice]:
    """Stretches of True in mask [T], gaps of up to `bridge` frames closed, those shorter than `shortest` left out."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    found: list[slice] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist()):
        if found and start - found[-1].stop <= bridge:
            found[-1] = slice(found[-1].start, stop)
        else:
            found.append(slice(start, stop))
    return [run for run in found if run.stop - run.start >= shortest]


def wrap_angle(angle: np.ndarray) -> np.ndarray:
    """The same angles within ±pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def _steady(values: np.ndarray, width: int) -> np.ndarray:
    """Running mean of values [P,T,...] over `width` frames, shorter at the ends."""
    total = np.cumsum(np.concatenate([np.zeros_like(values[:, :1]), values], 1), 1)
    middle, half = np.arange(values.shape[1]), width // 2
    first, last = np.maximum(middle - half, 0), np.minimum(middle + half + 1, len(middle))
    counts = (last - first).reshape(1, -1, *[1] * (values.ndim - 2))
    return (total[:, last] - total[:, first]) / counts
