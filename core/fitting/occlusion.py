"""Who is in front, from whose mask shows where the two bodies overlap in the picture."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..perception.detections import Detections

_MIN_VOTES = 2
_WINDOW = 21


def front_person(centres: Tensor, radii: Tensor, K: Tensor, detections: Detections) -> Tensor:
    """[T] from -1 (person 0 is nearer) over 0 (no overlap, or undecided) to 1 (person 1 is nearer).

    centres [2,T,S,3] of both people's spheres in the camera frame, radii [2,S]. Every sphere centre of one person that lies
    inside the other's outline votes, by which of the two masks covers it.
    """
    depth = centres[..., 2].clamp_min(0.1)
    pixels = centres[..., :2] / depth[..., None] * torch.stack([K[0, 0], K[1, 1]]) + K[:2, 2]
    radius = radii[:, None] / depth * K[0, 0]
    masks = torch.from_numpy(detections.masks).to(centres.device)
    votes = centres.new_zeros(len(depth[0]))
    count = centres.new_zeros(len(depth[0]))
    for person in (0, 1):
        other = 1 - person
        apart = (pixels[person][:, :, None] - pixels[other][:, None]).norm(dim=-1)
        overlapped = (apart < radius[other][:, None]).any(2)
        own = _sample(masks[person], pixels[person], detections.image_size)
        others = _sample(masks[other], pixels[person], detections.image_size)
        clear = overlapped & ((own - others).abs() > 0.4)
        sign = torch.where(own > others, -1.0, 1.0) * (1 if person == 0 else -1)
        votes += (sign * clear).sum(1)
        count += clear.sum(1)
    # people do not change places from one frame to the next: neighbouring frames vote too
    votes, count = (_windowed(values) for values in (votes, count))
    share = votes / count.clamp_min(1)
    return torch.where((count >= _MIN_VOTES) & (share.abs() > 0.5), share, torch.zeros_like(share))


def _windowed(values: Tensor) -> Tensor:
    """Mean of values [T] over _WINDOW frames around each."""
    return torch.nn.functional.avg_pool1d(values[None], _WINDOW, 1, _WINDOW // 2, count_include_pad=False)[0]


def _sample(masks: Tensor, pixels: Tensor, image_size: np.ndarray) -> Tensor:
    """Masks uint8 [T,h,w] at pixels [T,S,2] of the full picture -> [T,S] in 0-1, 0 outside."""
    size = torch.as_tensor(image_size, device=pixels.device, dtype=pixels.dtype)
    grid = pixels / size * 2 - 1
    return torch.nn.functional.grid_sample(masks[:, None].float() / 255, grid[:, None], align_corners=False)[:, 0, 0]
