"""Where a learned model predicts both people's joints, for a fit to weigh against the observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ..records import Record

Array = TypeVar("Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class JointPrior(Record):
    """A Gaussian about every joint, symmetric about the ray from the camera through it: P = 2 people, T frames, metres."""

    joints_incam: Float[np.ndarray, "P T 22 3"]
    sigma_along: Float[np.ndarray, "P T 22"]
    """Standard deviation along the ray from the camera: of the pelvis' place, of every other joint relative to its own pelvis."""
    sigma_across: Float[np.ndarray, "P T 22"]
    """The same along each axis across the ray."""

    @property
    def sigma(self) -> Float[np.ndarray, "P T 22"]:
        """Root mean square over the three axes."""
        return mean_sigma(self.sigma_along, self.sigma_across)


def mean_sigma(along: Array, across: Array) -> Array:
    """Root mean square over the three axes of a sigma along a ray and one across it; arrays or tensors of any shape."""
    return ((along**2 + 2 * across**2) / 3) ** 0.5
