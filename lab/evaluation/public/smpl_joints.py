"""SMPL's joints, and worlds with Y up, in our conventions. No model file is needed, because the datasets contain joints."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from core.contract.rotations import Y_UP_TO_Z_UP
from core.contract.skeleton import BODY_JOINTS, JOINTS

SMPL_JOINTS: tuple[str, ...] = (*BODY_JOINTS, "left_hand", "right_hand")
"""SMPL's 24 joints in model order (Loper et al., 2015). The first 22 have the names and the order of SMPL-X's body joints.

Their positions differ by millimetres, because each model regresses its joints from its own skin. Hi4D, 3DPW and Harmony4D are
annotated in SMPL, so a few millimetres of every error are the difference between the models.
"""


def from_smpl(joints: Float[np.ndarray, "*batch J 3"]) -> Float[np.ndarray, "*batch 55 3"]:
    """Our joints, float32, from SMPL's 24 or more in model order; NaN for face and fingers."""
    ours = np.full((*joints.shape[:-2], len(JOINTS), 3), np.nan, np.float32)
    for index, name in enumerate(SMPL_JOINTS):
        if name in BODY_JOINTS:
            ours[..., JOINTS.index(name), :] = joints[..., index, :]
    return ours


def points_z_up(points: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """Points of a world with Y up in the same world with Z up."""
    return points @ Y_UP_TO_Z_UP.T.astype(points.dtype)


def camera_z_up(T_cw: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """World -> camera, float64, for the points of `points_z_up`, from that for a world with Y up."""
    rotated = T_cw.astype(np.float64).copy()
    rotated[:3, :3] = rotated[:3, :3] @ Y_UP_TO_Z_UP.T
    return rotated
