"""What a learned model expects of both people's joints, for a fit to weigh against what was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class JointPrior:
    """P = 2 people, T frames, camera frame (x right, y down, z forward), metres."""

    joints: np.ndarray
    """float32 [P,T,22,3]"""
    sigma: np.ndarray
    """float32 [P,T,22], how far off each joint is expected to be along an axis."""

    def frames(self, chosen: np.ndarray) -> JointPrior:
        return JointPrior(self.joints[:, chosen], self.sigma[:, chosen])
