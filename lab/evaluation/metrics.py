"""The metrics of the field for the joints of two people. Arrays in metres, results in the units that papers print.

P people, T frames, J joints, with the pelvis first; both people are in one frame of reference. Metrics of surfaces (penetration,
contact) are in `surface_metrics.py`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from core.contract.skeleton import JOINT_INDEX

MM = 1000.0
"""Millimetres in a metre."""
_LEFT_HIP, _RIGHT_HIP = JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]


def root_relative(joints: Float[np.ndarray, "*batch J 3"]) -> Float[np.ndarray, "*batch J 3"]:
    """Joints relative to the first one, the pelvis."""
    return joints - joints[..., :1, :]


def mpjpe(predicted: Float[np.ndarray, "*batch 3"], true: Float[np.ndarray, "*batch 3"]) -> float:
    """Mean per-joint position error, mm. For the usual MPJPE, make both root-relative first."""
    return float(np.linalg.norm(predicted - true, axis=-1).mean() * MM)


def procrustes(
    predicted: Float[np.ndarray, "*batch N 3"], true: Float[np.ndarray, "*batch N 3"]
) -> Float[np.ndarray, "*batch N 3"]:
    """Predicted points after the similarity transform that brings them nearest to the true ones (Umeyama, 1991)."""
    mean_p, mean_t = predicted.mean(-2, keepdims=True), true.mean(-2, keepdims=True)
    p, t = predicted - mean_p, true - mean_t
    u, s, vt = np.linalg.svd(np.swapaxes(t, -1, -2) @ p)
    sign = np.ones_like(s)
    sign[..., -1] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * sign[..., None, :]) @ vt
    scale = (s * sign).sum(-1) / np.maximum((p**2).sum((-1, -2)), 1e-12)
    return scale[..., None, None] * (p @ np.swapaxes(rotation, -1, -2)) + mean_t


def pa_mpjpe(predicted: Float[np.ndarray, "*batch J 3"], true: Float[np.ndarray, "*batch J 3"]) -> float:
    """MPJPE after Procrustes alignment of each frame and person, mm."""
    return mpjpe(procrustes(predicted, true), true)


def pair_pa_mpjpe(predicted: Float[np.ndarray, "2 T J 3"], true: Float[np.ndarray, "2 T J 3"]) -> float:
    """MPJPE after one Procrustes alignment of both people together in each frame, mm."""

    def as_one(joints: np.ndarray) -> np.ndarray:
        return np.concatenate([joints[0], joints[1]], 1)

    return pa_mpjpe(as_one(predicted), as_one(true))


def interaction(predicted: Float[np.ndarray, "2 T J 3"], true: Float[np.ndarray, "2 T J 3"]) -> float:
    """Int: mean error of the distances between the joints of one and of the other person, mm (CloseInt)."""

    def distances(joints: np.ndarray) -> np.ndarray:
        return np.linalg.norm(joints[0][:, :, None] - joints[1][:, None], axis=-1)

    return float(np.abs(distances(predicted) - distances(true)).mean() * MM)


def relative_error(predicted: Float[np.ndarray, "2 T J 3"], true: Float[np.ndarray, "2 T J 3"]) -> float:
    """RE: error of person 1's joints after aligning person 0's pelvis and heading, mm. Z is up.

    Our own definition: the formula behind the number of that name in SocialMirror's abstract is not public.
    """

    def relative_to_first(joints: np.ndarray) -> np.ndarray:
        across = joints[0, :, _LEFT_HIP] - joints[0, :, _RIGHT_HIP]
        angle = -np.arctan2(across[:, 1], across[:, 0])
        cos, sin, zero = np.cos(angle), np.sin(angle), np.zeros_like(angle)
        heading = np.stack(
            [np.stack([cos, -sin, zero], -1), np.stack([sin, cos, zero], -1), np.stack([zero, zero, zero + 1], -1)], -2
        )
        return (joints[1] - joints[0, :, :1]) @ np.swapaxes(heading, -1, -2)

    return mpjpe(relative_to_first(predicted), relative_to_first(true))


def acceleration_error(predicted: Float[np.ndarray, "P T J 3"], true: Float[np.ndarray, "P T J 3"]) -> float:
    """Accel: error of the second difference of root-relative joints, mm per frame squared."""
    difference = np.diff(root_relative(predicted) - root_relative(true), n=2, axis=1)
    return float(np.linalg.norm(difference, axis=-1).mean() * MM)


def jitter(joints: Float[np.ndarray, "P T J 3"], frame_rate: float) -> float:
    """Mean third derivative of the joints, m/s³."""
    return float(np.linalg.norm(np.diff(joints, n=3, axis=1), axis=-1).mean() * frame_rate**3)


def foot_slide(feet: Float[np.ndarray, "P T F 3"], foot_contact: Bool[np.ndarray, "P T F"]) -> float:
    """Mean horizontal displacement, mm per frame, of feet that touch the floor in two successive frames. Z is up."""
    both = foot_contact[:, 1:] & foot_contact[:, :-1]
    if not both.any():
        return 0.0
    step = np.linalg.norm(np.diff(feet[..., :2], axis=1), axis=-1)
    return float(step[both].mean() * MM)


def contact_f1(predicted: Bool[np.ndarray, "T R R"], true: Bool[np.ndarray, "T R R"]) -> float:
    """F1 of the pairs of regions, or of body parts, in contact, per frame; 1 where neither has any."""
    hits = float((predicted & true).sum())
    total = float(predicted.sum() + true.sum())
    return 1.0 if total == 0 else 2 * hits / total


def wrong_contacts(predicted: Bool[np.ndarray, "T Q Q"], true: Bool[np.ndarray, "T Q Q"]) -> int:
    """The number of pairs of body parts that are listed as in contact, and of which no frame is truly in contact."""
    return int((predicted.any(0) & ~(predicted & true).any(0)).sum())
