"""What all parts of one simulated clip share, and the random processes of that clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr

from core.motion import Camera

from ..occlusion.projection import ProjectedClip
from .conditions import NoiseConditions, condition_bins
from .noise_model import DetectionNoise
from .random_processes import (
    mix_processes,
    sample_gaussian_processes,
    sample_landmark_processes,
    sample_markov_chains,
)
from .states import NOT_FOUND, OWN_LIMB, OWN_SKELETON


@dataclass(frozen=True)
class ClipContext:
    """The true clip, the noise model, and where random numbers come from."""

    projected: ProjectedClip
    camera: Camera
    conditions: NoiseConditions
    noise: DetectionNoise
    frame_seconds: float
    rng: np.random.Generator

    def chains(self, initial: np.ndarray, transitions: np.ndarray, bins: np.ndarray) -> Int[np.ndarray, "n T"]:
        """States of n Markov chains, see `sample_markov_chains`."""
        return sample_markov_chains(initial, transitions, bins, self.frame_seconds, self.rng)

    def quantiles(self, shape: tuple[int, ...], weights: np.ndarray) -> np.ndarray:
        """Probabilities [P,T,...] from processes mixed by `weights`; `shape` is (T, P, ...)."""
        mixed = mix_processes(sample_gaussian_processes(shape, self.frame_seconds, self.rng), weights)
        return ndtr(mixed).swapaxes(0, 1)

    def landmark_processes(self, axes: int, weights: np.ndarray, correlation: np.ndarray) -> np.ndarray:
        """Standard processes [2,T,33,axes]."""
        frames = self.projected.landmarks_px.shape[1]
        return sample_landmark_processes(frames, axes, weights, correlation, self.frame_seconds, self.rng)


@dataclass(frozen=True)
class SkeletonKinds:
    """Which skeletons and limbs the detector gives to whom, and what errors all landmarks of a person share."""

    skeleton: Int[np.ndarray, "P T"]
    limb: Int[np.ndarray, "P T 4"]
    condition_bin: Int[np.ndarray, "P T"]
    person_quantile: Float[np.ndarray, "P T 4"]
    """Probabilities of metric height, the two depth slopes, and the scale in the image (`DetectionNoise.person_weights`)."""

    @property
    def is_found(self) -> np.ndarray:
        """bool [P,T]"""
        return self.skeleton != NOT_FOUND


def sample_kinds(context: ClipContext) -> SkeletonKinds:
    """Sample which failures happen when."""
    noise, conditions = context.noise, context.conditions
    skeleton = context.chains(noise.skeleton_initial, noise.skeleton_transitions, conditions.closeness_bin)
    people, frames, limbs = conditions.limb_bin.shape
    bins = conditions.limb_bin.swapaxes(1, 2).reshape(people * limbs, frames)
    limb = context.chains(noise.limb_initial, noise.limb_transitions, bins)
    limb = limb.reshape(people, limbs, frames).swapaxes(1, 2)
    limb = np.where((skeleton == OWN_SKELETON)[..., None], limb, OWN_LIMB)
    person = context.quantiles((frames, 2, 4), noise.person_weights)
    return SkeletonKinds(skeleton, limb, condition_bins(conditions.closeness_bin, skeleton), person)
