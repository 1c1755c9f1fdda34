"""What the contact head reads of a clip: for each pair of body parts how near, how fast and how certain it is, frame by frame."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..body.model import BodyModel
from ..contract.body_parts import BODY_PARTS, PART_OF_REGION
from ..contract.skeleton import REGIONS
from ..motion import PairMotion, Timeline
from ..representation.resampling import TimeGrid
from .distances import measure_regions, values_of_regions

VERSION = 1
"""Of the features: weights are trained for one version and no other."""
PAIR_CHANNELS = ("distance", "distance_025", "distance_010", "speed", "depth_difference")
"""Distances of the nearest regions of two parts with all of their depth, a quarter, a tenth of it; metres, metres a second."""
PART_CHANNELS = ("confidence", "sigma")
_DEPTH_WEIGHTS = (1.0, 0.25, 0.1)
UNKNOWN_SIGMA = 0.15
"""metres, of joints that no learned prior predicts."""
_PARTS = torch.tensor(PART_OF_REGION)


@dataclass(frozen=True)
class ContactFeatures:
    """N frames of the uniform grid, Q = 18 body parts of each person; pairs have person 0's part first."""

    pairs: Float[Tensor, "N Q Q 5"]
    """`PAIR_CHANNELS`"""
    parts: Float[Tensor, "2 N Q 2"]
    """`PART_CHANNELS`"""


def contact_features(
    motion_incam: PairMotion,
    timeline: Timeline,
    confidence: Float[np.ndarray, "2 T 22"],
    sigma: Float[np.ndarray, "2 T 22"] | None,
    body: BodyModel,
) -> ContactFeatures:
    """Features of a fitted motion. `confidence` (0–1) and `sigma` (metres, of a learned prior) are those of the body joints."""
    shape = (len(REGIONS), len(REGIONS))
    weights = [np.full(shape, weight, np.float32) for weight in _DEPTH_WEIGHTS]
    measured = measure_regions(motion_incam, body, timeline.time, weights)
    sigma = np.full_like(confidence, UNKNOWN_SIGMA) if sigma is None else sigma
    distances = [_least_of_parts(torch.from_numpy(distance)) for distance in measured.distances]
    others = [_mean_of_parts(torch.from_numpy(values)) for values in (measured.speed, measured.depth_difference)]
    parts = torch.from_numpy(np.stack([values_of_regions(confidence), values_of_regions(sigma)], -1)).float()
    parts = torch.stack([parts[:, :, index == _PARTS].mean(2) for index in range(len(BODY_PARTS))], 2)
    grid = TimeGrid.of(timeline.time)
    pairs = torch.stack([*distances, *others], -1).float()
    return ContactFeatures(grid.to_grid(pairs[None])[0], grid.to_grid(parts))


def touching_parts(touching: Bool[np.ndarray, "T R R"]) -> Bool[np.ndarray, "T Q Q"]:
    """Which pairs of body parts touch where pairs of regions do."""
    return _least_of_parts(torch.from_numpy(~touching)).logical_not().numpy()


def _least_of_parts(values: Tensor) -> Tensor:
    """The least value [T,Q,Q] of the pairs of regions [T,R,R] in each pair of parts."""
    by_row = torch.stack([values[:, index == _PARTS].amin(1) for index in range(len(BODY_PARTS))], 1)
    return torch.stack([by_row[:, :, index == _PARTS].amin(2) for index in range(len(BODY_PARTS))], 2)


def _mean_of_parts(values: Tensor) -> Tensor:
    """The mean value [T,Q,Q] of the pairs of regions [T,R,R] in each pair of parts."""
    by_row = torch.stack([values[:, index == _PARTS].mean(1) for index in range(len(BODY_PARTS))], 1)
    return torch.stack([by_row[:, :, index == _PARTS].mean(2) for index in range(len(BODY_PARTS))], 2)
