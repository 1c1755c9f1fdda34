"""Where models predict both people's joints and how sure they are, for a fit to weigh against the observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from torch import Tensor

from ..motion import MotionEstimate
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


@dataclass(frozen=True)
class InitialMotion(MotionEstimate):
    """A motion to start with from a model that says how sure it is."""

    prior: JointPrior | None
    """None where the motion was estimated from the observations after all."""


def prior_of(initial: MotionEstimate) -> JointPrior | None:
    """How sure an initial motion is of its joints; None where nobody knows."""
    return initial.prior if isinstance(initial, InitialMotion) else None


def fused(first: JointPrior, second: JointPrior) -> JointPrior:
    """Both priors as one: the product of their Gaussians, along and across the first one's rays.

    Pelvises are fused where they are, every other joint about its own pelvis.
    """
    rays = first.joints_incam / np.linalg.norm(first.joints_incam, axis=-1, keepdims=True)
    difference = second.joints_incam - first.joints_incam
    difference = np.concatenate([difference[:, :, :1], difference[:, :, 1:] - difference[:, :, :1]], 2)
    along = (difference * rays).sum(-1, keepdims=True) * rays
    share_along, sigma_along = _weighed(first.sigma_along, second.sigma_along)
    share_across, sigma_across = _weighed(first.sigma_across, second.sigma_across)
    moved = share_along[..., None] * along + share_across[..., None] * (difference - along)
    moved[:, :, 1:] += moved[:, :, :1]
    return JointPrior((first.joints_incam + moved).astype(np.float32), sigma_along, sigma_across)


def _weighed(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the mean of two Gaussians' product lies on the way to the second one, and its sigma."""
    precision = first**-2.0 + second**-2.0
    return second**-2.0 / precision, (precision**-0.5).astype(np.float32)


def mean_sigma(along: Array, across: Array) -> Array:
    """Root mean square over the three axes of a sigma along a ray and one across it; arrays or tensors of any shape."""
    return ((along**2 + 2 * across**2) / 3) ** 0.5
