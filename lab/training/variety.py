"""The 2D stage in other worlds: its errors as fitted to rendered people, made larger or smaller, skewed and more frequent.

The fitted model knows clips in which both people were found; real film has other bodies, clothes and light, frames in which
somebody disappears behind the other, and people in plain view whom the networks see better than rendered ones. Whoever learns
from one model of errors alone trusts, or mistrusts, it too far.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..evaluation.detection_noise.model import OWN_SKELETON, DetectionNoise

_SPREAD = 0.55
"""Standard deviation of the logarithm of errors' sizes."""
_SKEW = 0.012
"""Heights of a person by which each group of landmarks may lie elsewhere than the body says, standard deviation."""
_METRIC_SKEW = 0.02
"""metres, of metric landmarks."""
_STATURE = 0.04
"""Standard deviation of the logarithm of how tall metric landmarks make people."""
_BEHIND_OTHER = 1.2
"""Most, of the logarithm, by which people and limbs go astray more often than was fitted; half of it, more seldom."""


def varied(noise: DetectionNoise, rng: np.random.Generator) -> DetectionNoise:
    """Another 2D stage, drawn around the fitted one."""

    def factor(spread: float = _SPREAD) -> float:
        return float(np.exp(rng.normal(0, spread)))

    groups, states = noise.error_middle.shape[2], noise.world_error.shape[0]
    skew = _SKEW * rng.normal(size=(groups, 2))
    metric_skew = _METRIC_SKEW * rng.normal(size=(groups, 3, 1))
    astray, limbs = (float(np.exp(rng.uniform(-_BEHIND_OTHER / 2, _BEHIND_OTHER))) for _ in range(2))
    return replace(
        noise,
        whose_start=_likelier(noise.whose_start, astray),
        whose=_likelier_steps(noise.whose, astray),
        limb_start=_likelier(noise.limb_start, limbs),
        limb=_likelier_steps(noise.limb, limbs),
        error=noise.error * factor(),
        error_middle=noise.error_middle + skew,
        world_error=noise.world_error * factor() + np.broadcast_to(metric_skew, (states, *metric_skew.shape)),
        world_turn=noise.world_turn * factor(),
        world_size=noise.world_size * factor(_STATURE),
        drawn_size=noise.drawn_size * factor(_STATURE / 2),
    )


def _likelier(shares: np.ndarray, factor: float) -> np.ndarray:
    """Shares [...,S] of states, those beside the first `factor` times as likely, against it, as before."""
    weights = np.full(shares.shape[-1], factor)
    weights[OWN_SKELETON] = 1.0
    made = shares * weights
    return made / made.sum(-1, keepdims=True)


def _likelier_steps(steps: np.ndarray, factor: float) -> np.ndarray:
    """Chances [...,S,S] of a step: into going astray more likely, and out of it less."""
    return _likelier(steps, np.sqrt(factor))
