"""A motion in which contacts are looked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..body.model import BodyModel
from ..fitting.prior import JointPrior
from ..motion import PairMotion, Timeline


@dataclass(frozen=True)
class ContactScene:
    """A motion of a clip in which contacts are looked for, and how certain it is."""

    motion_incam: PairMotion
    """The fit to the observations."""
    timeline: Timeline
    confidence: Float[np.ndarray, "2 T 22"]
    """Of the body joints, 0-1."""
    prior: JointPrior | None
    """Of the ST-GCN; None where it did not run, or has not yet."""
    body: BodyModel
