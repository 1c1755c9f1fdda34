"""Fitted clips with people nearer or farther than the fit has them, as a single camera errs most; to train the contact head."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

from .contact_examples import FittedClip


@dataclass(frozen=True)
class DepthShifts:
    """How far people are moved along their rays, in metres; all are standard deviations."""

    constant: float = 0.08
    """Of each person, over the whole clip ..."""
    drift: float = 0.04
    """... and changing over it, within about `drift_seconds`."""
    drift_seconds: float = 0.5
    prior: float = 0.024
    """Of what the ST-GCN predicts for the person, beyond where the person goes."""


_SHIFTS = DepthShifts()


def moved_along_rays(clip: FittedClip, rng: Generator) -> FittedClip:
    """The clip with each person moved along the ray from the camera to the pelvis. What truly touches stays.

    In the picture hardly anything changes; between the two people, what the head has to see through does.
    """
    scene = clip.scene
    motion, prior = scene.motion_incam, scene.prior
    rays = motion.pelvis / np.linalg.norm(motion.pelvis, axis=-1, keepdims=True)
    metres = np.stack([_shift(scene.timeline.time, rng) for _ in motion.pelvis])[..., None]
    pelvis = motion.pelvis + metres * rays
    if prior is not None:
        beyond = rng.normal(0, _SHIFTS.prior, len(metres))[:, None, None]
        joints = prior.joints_incam + ((metres + beyond) * rays)[:, :, None]
        prior = replace(prior, joints_incam=joints.astype(np.float32))
    moved = replace(motion, pelvis=pelvis.astype(np.float32))
    return replace(clip, scene=replace(scene, motion_incam=moved, prior=prior))


def _shift(time: Float[np.ndarray, " T"], rng: Generator) -> Float[np.ndarray, " T"]:
    moments = np.arange(time[0], time[-1] + _SHIFTS.drift_seconds, _SHIFTS.drift_seconds)
    drift = np.interp(time, moments, rng.normal(0, _SHIFTS.drift, len(moments)))
    return rng.normal(0, _SHIFTS.constant) + drift
