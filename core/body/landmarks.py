"""The detector's 33 landmarks as linear functions of a body's joints and a few points of its skin.

The detector learned from people's annotations: its shoulders, hips and ankles are not SMPL-X's joints. What it means by
them was learned on rendered people (`python -m lab train-landmarks`); every row of the weights sums to one, so landmarks
move with the body and do not care where the world's origin is.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..contract.files import read_npz
from ..contract.skeleton import JOINTS, LANDMARKS
from .model import BodyModel

LANDMARK_WEIGHTS = Path(__file__).parent / "data" / "landmarks.npz"


@dataclass(frozen=True)
class LandmarkRegressor:
    """For one mesh: N of its vertices and how joints and they make landmarks."""

    vertices: Tensor
    """int64 [N]"""
    weights: Tensor
    """[33,55+N]: of the joints, then of the vertices; rows sum to one."""

    @classmethod
    def for_body(cls, body: BodyModel) -> LandmarkRegressor:
        """The learned regressor on any body in SMPL-X's layout, on the body's device.

        The file names its skin points by place (an offset from a joint in the rest pose), not by vertex number, so
        they are found again on another mesh: the nearest vertex that the same joint moves.
        """
        joint, offset, weights = _learned(LANDMARK_WEIGHTS)
        return cls(nearest_vertices(body, joint, offset), torch.from_numpy(weights).to(body.v_template))


def regress_landmarks(regressor: LandmarkRegressor, joints: Tensor, points: Tensor) -> Tensor:
    """Landmarks [...,33,3] of joints [...,55,3] and the skin at `regressor.vertices`, points [...,N,3]; same frame."""
    return regressor.weights @ torch.cat([joints, points], -2)


def nearest_vertices(body: BodyModel, joint: np.ndarray, offset: np.ndarray) -> Tensor:
    """The vertices [N] of a body next to places given as offsets [N,3] (metres) from joints [N] of its mean rest pose.

    A vertex counts where the joint moves it most; where no such vertex exists, all do.
    """
    template = body.v_template.double().cpu()
    place = body.J_template.double().cpu()[torch.from_numpy(joint)] + torch.from_numpy(offset).double()
    strongest = body.lbs_weights.argmax(1).cpu()
    distance = torch.cdist(place, template)
    moved = strongest[None, :] == torch.from_numpy(joint)[:, None]
    foreign = moved.any(1, keepdim=True) & ~moved
    return distance.masked_fill(foreign, torch.inf).argmin(1).to(body.device)


@lru_cache(maxsize=1)
def _learned(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Joint [N] and offset [N,3] of each skin point, and the weights [33,55+N]."""
    arrays = read_npz(path)
    joint, offset, weights = arrays["joint"], arrays["offset"], arrays["weights"]
    if weights.shape != (len(LANDMARKS), len(JOINTS) + len(joint)) or offset.shape != (len(joint), 3):
        raise ValueError(f"{path} does not fit this version")
    return joint.astype(np.int64), offset, weights.astype(np.float32)
