"""Whom the shape space is fitted to: a random population of adults."""

from __future__ import annotations

from typing import Any

import numpy as np

from .source import Source

AVERAGE = {
    "age": 0.78, "gender": 0.5, "height": 0.4, "muscle": 0.45, "weight": 0.5, "proportions": 0.5, "cupsize": 0.3,
}  # fmt: skip
"""Anny's phenotypes (0-1) of the person on whom weights and landmarks are defined."""

PROPORTIONS = {
    "lowerlegs-height-incr": -0.35, "upperlegs-height-incr": -0.15, "neck-scale-vert-incr": 0.15,
    "torso-scale-vert-incr": 0.2, "measure-lowerarm-length-incr": 0.2, "measure-neck-height-incr": 0.3,
}  # fmt: skip
"""Means of local changes (-1 to 1) that bring the average body's bones near to those of SMPL-X's."""

_VARIATION: dict[tuple[str, ...], float] = {
    ("measure-upperarm-length-incr",): 0.35,
    ("measure-lowerarm-length-incr",): 0.35,
    ("upperlegs-height-incr",): 0.35,
    ("lowerlegs-height-incr",): 0.35,
    ("torso-scale-vert-incr",): 0.25,
    ("torso-scale-horiz-incr",): 0.2,
    ("torso-scale-depth-incr",): 0.2,
    ("hip-scale-horiz-incr",): 0.25,
    ("hip-scale-depth-incr",): 0.2,
    ("measure-shoulder-dist-incr",): 0.25,
    ("torso-vshape-incr",): 0.25,
    ("stomach-pregnant-incr",): 0.12,
    ("buttocks-volume-incr",): 0.25,
    ("neck-scale-vert-incr",): 0.25,
    ("neck-scale-horiz-incr",): 0.2,
    ("measure-neck-height-incr",): 0.2,
    ("head-scale-vert-incr",): 0.2,
    ("head-scale-horiz-incr",): 0.2,
    ("head-scale-depth-incr",): 0.2,
    ("l-hand-scale-incr", "r-hand-scale-incr"): 0.25,
    ("l-foot-scale-incr", "r-foot-scale-incr"): 0.25,
    ("l-upperarm-fat-incr", "r-upperarm-fat-incr"): 0.2,
    ("l-upperleg-fat-incr", "r-upperleg-fat-incr"): 0.2,
    ("l-lowerleg-muscle-incr", "r-lowerleg-muscle-incr"): 0.2,
    ("chin-width-incr",): 0.25,
    ("chin-height-incr",): 0.2,
    ("nose-scale-vert-incr",): 0.25,
    ("nose-scale-horiz-incr",): 0.25,
    ("nose-scale-depth-incr",): 0.25,
    ("mouth-scale-horiz-incr",): 0.25,
}
"""Standard deviation of local changes, those named together by the same amount on both sides."""
_SEED = 0


def sample_people(source: Source, count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Phenotypes and local changes [N] of adults of 18 to 70 years, heights by age as Anny calibrated them."""
    import torch
    from anny.shape_distribution import SimpleShapeDistribution  # pyright: ignore[reportMissingImports]

    torch.manual_seed(_SEED)
    random = np.random.default_rng(_SEED)
    youngest, oldest = torch.tensor([18.0, 70.0], dtype=torch.float64)
    ages = torch.distributions.Uniform(youngest, oldest)
    _, drawn = SimpleShapeDistribution(source.model, morphological_age_distribution=ages).sample(count)
    phenotypes: dict[str, Any] = {name: value.numpy() for name, value in drawn.items()}
    # most people are clearly a woman or a man; the draw is uniform in between
    gender = 2 * phenotypes["gender"] - 1
    phenotypes["gender"] = 0.5 + np.sign(gender) * np.sqrt(np.abs(gender)) / 2
    phenotypes["cupsize"] = random.uniform(0.05, 0.55, count)
    phenotypes["firmness"] = random.uniform(0.3, 0.8, count)
    for name, mean, deviation in (("proportions", 0.5, 0.18), ("muscle", 0.45, 0.18), ("weight", 0.52, 0.26)):
        phenotypes[name] = np.clip(random.normal(mean, deviation, count), 0, 1)
    ancestry = random.dirichlet([1, 1, 1], count)
    phenotypes |= dict(zip(("african", "asian", "caucasian"), ancestry.T))
    changes: dict[str, Any] = {}
    for names, deviation in _VARIATION.items():
        value = np.clip(random.normal(PROPORTIONS.get(names[0], 0.0), deviation, count), -1, 1)
        changes |= dict.fromkeys(names, value)
    return phenotypes, changes
