"""Recordings whose vertical is off, as those from one camera are: put upright by the balance of people who stand still."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from ..skeleton_motion import SkeletonMotion

_SEGMENTS = (
    (0.200, ("hip", "knee")),
    (0.122, ("knee", "ankle")),
    (0.578, ("hip", "shoulder")),
    (0.100, ("elbow", "elbow")),
)
"""Shares of the body's mass, and between which joints of both sides they lie (Winter, "Biomechanics", 2009, table 4.1)."""
_SLOW = 0.15
"""metres a second of the centre of mass below which a body is in balance."""
_ENOUGH = 2.0
"""seconds of standing that say where the vertical is."""
_SURE, _MOST = math.radians(2.5), math.radians(12)
"""Tilts below the first are within what standing tells; none is corrected by more than the second."""


def align_vertical(motion: SkeletonMotion, still: np.ndarray) -> SkeletonMotion:
    """The motion turned so that its centre of mass stays over its feet while both stand still.

    still bool [T,2,2]: ankles and balls of the left and right foot. As it is where its vertical
    was measured or nobody stands still for long.
    """
    if motion.vertical_measured or "left_foot" not in motion.names or len(motion.positions) < 3:
        return motion
    mass = np.asarray(sum(share * (_middle(motion, a) + _middle(motion, b)) / 2 for share, (a, b) in _SEGMENTS))
    feet = (_middle(motion, "ankle") + _middle(motion, "foot")) / 2
    speed = np.linalg.norm(np.gradient(mass, axis=0), axis=1) * motion.rate
    arm = mass - feet
    stands = still.all((1, 2)) & (speed < _SLOW) & (arm[:, 2] > 0.6 * np.quantile(arm[:, 2], 0.9))
    if stands.sum() < _ENOUGH * motion.rate:
        return motion
    leaning = np.median(arm[stands], 0)
    axis = np.array([leaning[1], -leaning[0], 0.0])
    tilt = math.atan2(float(np.linalg.norm(axis)), float(leaning[2]))
    if tilt < _SURE:
        return motion
    turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * min(tilt, _MOST)).as_matrix().astype(np.float32)
    turns = None if motion.global_rotations is None else turn @ motion.global_rotations
    return replace(motion, positions=motion.positions @ turn.T, global_rotations=turns)


def _middle(motion: SkeletonMotion, part: str) -> np.ndarray:
    """[T,3] between the two sides."""
    sides = [motion.positions[:, motion.names.index(f"{side}_{part}")].astype(float) for side in ("left", "right")]
    return (sides[0] + sides[1]) / 2
