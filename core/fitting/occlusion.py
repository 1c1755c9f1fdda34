"""Which of the two people is in front, from whose mask covers the places where both bodies overlap in the picture."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..observations.observe import Observations
from ..projection import project

_LEAST_VOTES = 2
"""Mean number of votes in the frames around, below which nobody is in front."""
_REACH_SECONDS = 0.33
"""Before and after a frame, for which votes are averaged: people do not change places from one frame to the next."""
_CLEAR_DIFFERENCE = 0.4
"""Difference between the two masks at a place from which on the place votes."""


def front_person(
    centres_incam: Float[Tensor, "2 T S 3"], radii: Float[Tensor, "2 S"], observations: Observations
) -> Float[Tensor, " T"]:
    """From -1 (person 0 is nearer to the camera) over 0 (no overlap, or undecided) to 1 (person 1 is nearer).

    Every collision sphere of one person whose centre lies inside the other person's outline votes, by which of the two masks
    covers it.
    """
    K, masks, image_size = observations.K, observations.masks, observations.image_size
    pixels, depth = project(centres_incam, K)
    radius = radii[:, None] / depth * K[0, 0]
    votes = centres_incam.new_zeros(len(depth[0]))
    count = centres_incam.new_zeros(len(depth[0]))
    for person in (0, 1):
        other = 1 - person
        distance = (pixels[person][:, :, None] - pixels[other][:, None]).norm(dim=-1)
        overlapped = (distance < radius[other][:, None]).any(2)
        own = _sample(masks[person], pixels[person], image_size)
        others = _sample(masks[other], pixels[person], image_size)
        clear = overlapped & ((own - others).abs() > _CLEAR_DIFFERENCE)
        sign = torch.where(own > others, -1.0, 1.0) * (1 if person == 0 else -1)
        votes += (sign * clear).sum(1)
        count += clear.sum(1)
    reach = round(_REACH_SECONDS / observations.timeline.time_step)
    votes, count = (_windowed_mean(values, reach) for values in (votes, count))
    mean_vote = votes / count.clamp_min(1)
    return torch.where((count >= _LEAST_VOTES) & (mean_vote.abs() > 0.5), mean_vote, torch.zeros_like(mean_vote))


def _windowed_mean(values: Tensor, reach: int) -> Tensor:
    """Mean of values [T] over each frame and up to `reach` before and after it."""
    return torch.nn.functional.avg_pool1d(values[None], 2 * reach + 1, 1, reach, count_include_pad=False)[0]


def _sample(masks: Tensor, pixels: Tensor, image_size: np.ndarray) -> Tensor:
    """Masks uint8 [T,h,w] at pixels [T,S,2] of the full picture -> [T,S] in 0-1, 0 outside."""
    size = torch.as_tensor(image_size, device=pixels.device, dtype=pixels.dtype)
    grid = pixels / size * 2 - 1
    return torch.nn.functional.grid_sample(masks[:, None].float() / 255, grid[:, None], align_corners=False)[:, 0, 0]
