"""Where a learned model predicts both people's joints, for a fit to weigh against the observations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..records import Record


@dataclass(frozen=True)
class JointPrior(Record):
    """A Gaussian for every joint: P = 2 people, T frames, metres."""

    joints_incam: Float[np.ndarray, "P T 22 3"]
    sigma: Float[np.ndarray, "P T 22"]
    """Standard deviation along each axis; the pelvis' of its place, every other joint's relative to the own pelvis."""
