"""Joints of SMPL and of worlds with Y up, as ours. No model file is needed: the data sets ship joints."""

from __future__ import annotations

import numpy as np

from core.contract.skeleton import BODY_JOINTS, JOINTS

SMPL_JOINTS: tuple[str, ...] = (*BODY_JOINTS, "left_hand", "right_hand")
"""SMPL's 24 joints in model order (Loper et al., 2015): the first 22 are SMPL-X's body joints, by name and in order.

By place they are not the same to the millimetre: each model regresses its joints from its own skin. Hi4D, 3DPW and Harmony4D
are annotated in SMPL, so a few millimetres of every error are the two models' difference.
"""

Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
"""Takes points of a world with Y up to ours with Z up: a quarter turn about X."""


def from_smpl(joints: np.ndarray) -> np.ndarray:
    """SMPL's joints [...,24 or more,3], in model order -> ours, float32 [...,55,3], NaN for face and fingers."""
    ours = np.full((*joints.shape[:-2], len(JOINTS), 3), np.nan, np.float32)
    for index, name in enumerate(SMPL_JOINTS):
        if name in BODY_JOINTS:
            ours[..., JOINTS.index(name), :] = joints[..., index, :]
    return ours


def upright(points: np.ndarray) -> np.ndarray:
    """Points [...,3] of a world with Y up, in ours."""
    return points @ Z_UP.T.astype(points.dtype)


def upright_camera(world: np.ndarray) -> np.ndarray:
    """[4,4] world -> camera of a world with Y up: the same camera, for points after `upright`."""
    turned = world.astype(np.float64).copy()
    turned[:3, :3] = turned[:3, :3] @ Z_UP.T
    return turned
