"""Regression of the detector's 33 landmarks from a body's joints and a few vertices, as a linear landmark regressor.

The detector was trained on annotations by people: its shoulders, hips and ankles are not SMPL-X's joints. The weights of the
regressor were therefore learned on rendered people (`python -m lab train-landmarks`). Each row sums to one, so that landmarks
are equivariant to translation and do not depend on the frame.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..contract.files import read_npz
from ..contract.skeleton import JOINTS, LANDMARKS
from ..motion import Posed
from ..shipped import HINT, check_shipped, damaged
from .model import BodyModel
from .rotations import orthonormal_frame

LANDMARK_WEIGHTS = Path(__file__).parent / "data" / "landmarks.npz"
_MAX_BYTES = 16 << 20
_WRIST, _INDEX, _MIDDLE, _PINKY = 0, 5, 9, 17
"""MediaPipe's landmarks of a hand: the wrist and the knuckles of three fingers."""


@dataclass(frozen=True)
class LandmarkRegressor:
    """The landmark regressor of one mesh: N of its vertices, and weights of joints and vertices."""

    vertices: Int[Tensor, " N"]
    """Vertices that the landmarks depend on."""
    weights: Float[Tensor, "33 55+N"]
    """Weights of the joints, then of the vertices; rows sum to one."""

    @classmethod
    @lru_cache(maxsize=4)
    def for_body(cls, body: BodyModel) -> LandmarkRegressor:
        """The learned regressor for any body in SMPL-X's layout, on the body's device.

        The file stores its skin points as offsets from joints in the rest pose instead of vertex numbers, so that they can be
        found on another mesh as well: as the nearest vertex that the same joint dominates.
        """
        learned = read_landmark_weights(LANDMARK_WEIGHTS)
        vertices = nearest_vertices(body, learned.joint, learned.offset)
        return cls(vertices, torch.from_numpy(learned.weights).to(body.v_template))


def regress_landmarks(
    regressor: LandmarkRegressor, joints: Float[Tensor, "*batch 55 3"], points: Float[Tensor, "*batch N 3"]
) -> Float[Tensor, "*batch 33 3"]:
    """Landmarks of a posed body, in the frame of its joints; `points` are its vertices `regressor.vertices`."""
    return regressor.weights @ torch.cat([joints, points], -2)


def posed_landmarks(posed: Posed, body: BodyModel) -> Float[Tensor, "P T 33 3"]:
    """The detector's landmarks on posed bodies, in the frame of reference of the pose."""
    regressor = LandmarkRegressor.for_body(body)
    return regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))


def palm_frame(
    wrist: Float[Tensor, "*batch 3"],
    index: Float[Tensor, "*batch 3"],
    middle: Float[Tensor, "*batch 3"],
    pinky: Float[Tensor, "*batch 3"],
) -> Float[Tensor, "*batch 3 3"]:
    """The frame of a palm from the wrist and the knuckles of three fingers: x along the hand, y towards the index finger."""
    # where no hand was detected all points are equal: the offset keeps the normalisation differentiable
    return orthonormal_frame(middle - wrist + 1e-6, index - pinky + 1e-6)


def palm_of_hand(hand: Float[Tensor, "*batch 21 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The `palm_frame` of MediaPipe's 21 landmarks of a hand."""
    return palm_frame(*(hand[..., landmark, :] for landmark in (_WRIST, _INDEX, _MIDDLE, _PINKY)))


def nearest_vertices(
    body: BodyModel, joint: Int[np.ndarray, " N"], offset: Float[np.ndarray, "N 3"]
) -> Int[Tensor, " N"]:
    """The vertices nearest to points given as offsets (metres) from joints, on the mean shape in the rest pose.

    Only vertices whose largest skinning weight is the joint's are candidates, or all vertices where the joint has none.
    """
    template = body.v_template.double().cpu()
    points = body.J_template.double().cpu()[torch.from_numpy(joint)] + torch.from_numpy(offset).double()
    dominant_joint = body.lbs_weights.argmax(1).cpu()
    distance = torch.cdist(points, template)
    candidates = dominant_joint[None, :] == torch.from_numpy(joint)[:, None]
    excluded = candidates.any(1, keepdim=True) & ~candidates
    return distance.masked_fill(excluded, torch.inf).argmin(1).to(body.device)


class LearnedWeights(NamedTuple):
    """What the landmarks are regressed from: the 55 joints and N points of the skin."""

    joint: Int[np.ndarray, " N"]
    offset: Float[np.ndarray, "N 3"]
    """From the joint to the skin point on the mean shape in the rest pose, metres."""
    weights: Float[np.ndarray, "33 55+N"]


def read_landmark_weights(path: Path) -> LearnedWeights:
    """The regressor's weights as they are shipped. UserError `file-unreadable` or `file-damaged`."""
    check_shipped(path)
    arrays = read_npz(path, limit=_MAX_BYTES, hint=HINT)
    missing = {"joint", "offset", "weights"} - arrays.keys()
    if missing:
        raise damaged(path, f"it has no {', '.join(sorted(missing))}")
    joint, offset, weights = arrays["joint"], arrays["offset"], arrays["weights"]
    if weights.shape != (len(LANDMARKS), len(JOINTS) + len(joint)) or offset.shape != (len(joint), 3):
        raise damaged(path, "its arrays are not those of this version")
    return LearnedWeights(joint.astype(np.int64), offset, weights.astype(np.float32))
