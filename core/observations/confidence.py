"""The confidence of each body joint, from the landmarks around it."""

from __future__ import annotations

import numpy as np

from ..contract.skeleton import BODY_JOINTS, LANDMARK_INDEX, LANDMARKS
from ..perception.detections import Detections

HIDDEN, VISIBLE = 0.3, 0.7
"""Confidences of a joint up to which it counts as hidden, and from which on as visible; it fades between them."""
_TRUNK = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_SHOWN_BY: dict[str, tuple[str, ...]] = {
    "pelvis": ("left_hip", "right_hip"), "spine1": _TRUNK, "spine2": _TRUNK, "spine3": _TRUNK,
    "neck": ("left_shoulder", "right_shoulder", "nose"), "head": ("nose", "left_ear", "right_ear"),
}  # fmt: skip
for _side in ("left", "right"):
    _SHOWN_BY |= {
        f"{_side}_{part}": (f"{_side}_{part}",) for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    }
    _SHOWN_BY |= {f"{_side}_collar": (f"{_side}_shoulder",), f"{_side}_foot": (f"{_side}_foot_index", f"{_side}_heel")}


def landmark_weights() -> np.ndarray:
    """float32 [22,33]: the weights of the landmarks that each joint is observed by; rows sum to one."""
    weights = np.zeros((len(BODY_JOINTS), len(LANDMARKS)), np.float32)
    for row, joint in enumerate(BODY_JOINTS):
        weights[row, [LANDMARK_INDEX[name] for name in _SHOWN_BY[joint]]] = 1 / len(_SHOWN_BY[joint])
    return weights


def joint_confidence(detections: Detections) -> np.ndarray:
    """float32 [P,T,22] in 0-1: 1 for a joint that is seen, 0 for one that is filled in, as in frames without the person."""
    confidence = detections.keypoints[..., 2] * detections.found[..., None]
    columns = [confidence[:, :, [LANDMARK_INDEX[name] for name in _SHOWN_BY[joint]]].mean(-1) for joint in BODY_JOINTS]
    return np.clip(np.stack(columns, -1), 0, 1).astype(np.float32)
