"""Variations of the 2D stage's noise model for training: errors larger or smaller, biased, and more frequent.

The fitted model describes rendered clips in which both people were found. Real film has other bodies, clothes and light, frames
in which somebody disappears behind the other, and people in plain view whom the networks see better than rendered ones. A model
that is trained with one noise model alone trusts the 2D stage too much, or too little.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from ..evaluation.detection_noise.noise_model import DetectionNoise
from ..evaluation.detection_noise.states import OWN_SKELETON


@dataclass(frozen=True)
class NoiseAugmentation:
    """How far drawn noise models differ from the fitted one. Standard deviations unless said otherwise."""

    log_scale: float = 0.55
    """Of the logarithm of the errors' scale."""
    landmark_bias: float = 0.012
    """Heights of a person, of a constant offset of each group of landmarks."""
    metric_bias: float = 0.02
    """metres, of a constant offset of each group of metric landmarks."""
    log_stature: float = 0.04
    """Of the logarithm of the height that metric landmarks give people."""
    log_confusion: float = 1.2
    """Largest logarithm of how much more often people and limbs are confused; half of that less often."""


def augment_noise(noise: DetectionNoise, rng: np.random.Generator) -> DetectionNoise:
    """Draw a noise model around the fitted one."""
    amount = NoiseAugmentation()

    def factor(log_sigma: float = amount.log_scale) -> float:
        return float(np.exp(rng.normal(0, log_sigma)))

    groups, states = noise.error_bias.shape[2], noise.metric_error.shape[0]
    bias = amount.landmark_bias * rng.normal(size=(groups, 2))
    metric_bias = amount.metric_bias * rng.normal(size=(groups, 3, 1))
    most = amount.log_confusion
    people, limbs = (float(np.exp(rng.uniform(-most / 2, most))) for _ in range(2))
    return replace(
        noise,
        skeleton_initial=_scale_failures(noise.skeleton_initial, people),
        skeleton_transitions=_scale_failures(noise.skeleton_transitions, np.sqrt(people)),
        limb_initial=_scale_failures(noise.limb_initial, limbs),
        limb_transitions=_scale_failures(noise.limb_transitions, np.sqrt(limbs)),
        error_radius=noise.error_radius * factor(),
        error_bias=noise.error_bias + bias,
        metric_error=noise.metric_error * factor() + np.broadcast_to(metric_bias, (states, *metric_bias.shape)),
        metric_depth_slope=noise.metric_depth_slope * factor(),
        metric_height=noise.metric_height * factor(amount.log_stature),
        skeleton_scale=noise.skeleton_scale * factor(amount.log_stature / 2),
    )


def _scale_failures(probabilities: Float[np.ndarray, "*b S"], factor: float) -> Float[np.ndarray, "*b S"]:
    """Probabilities of states (or of transitions into them) with failures `factor` times as likely against the own state."""
    weights = np.full(probabilities.shape[-1], factor)
    weights[OWN_SKELETON] = 1.0
    scaled = probabilities * weights
    return scaled / scaled.sum(-1, keepdims=True)
