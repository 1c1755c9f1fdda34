"""Bounds the probability of a contact by where two body parts are seen: no depth brings together what is apart in the picture."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..body.model import BodyModel
from ..body.regions import region_points
from ..contract.body_parts import BODY_PARTS, PART_OF_REGION
from ..motion import PairMotion, pose_motion
from .distances import POINTS_PER_REGION, values_of_regions
from .settings import LateralBoundSettings

_LEAST_DEPTH = 0.05
"""metres in front of the camera."""
_FRAMES_PER_CHUNK = 32
_SETTINGS = LateralBoundSettings()


def possible(
    motion_incam: PairMotion, confidence: Float[np.ndarray, "2 T 22"], body: BodyModel
) -> Float[np.ndarray, "T Q Q"]:
    """The factor in 0-1 by which the probability of each pair of body parts is reduced; 1 for pairs that meet in the picture.

    `motion_incam` lies over the keypoints, `confidence` (0-1) is that of the body joints. It is the likelihood of the gap between
    the two parts across the picture, relative to none, of parts that touch and whose places in the picture have Gaussian errors.
    """
    of_regions = values_of_regions(confidence).clip(0, 1)
    certainty = np.stack([of_regions[..., index == PART_OF_REGION].mean(-1) for index in range(len(BODY_PARTS))], -1)
    variance = np.square(_SETTINGS.sigma_seen + (_SETTINGS.sigma_unseen - _SETTINGS.sigma_seen) * (1 - certainty))
    variance = variance[0][:, :, None] + variance[1][:, None]
    excess = np.maximum(lateral_gaps(motion_incam, body) - _SETTINGS.free_gap, 0)
    return np.exp(-np.square(excess) / (2 * variance)).astype(np.float32)


@torch.no_grad()
def lateral_gaps(motion_incam: PairMotion, body: BodyModel) -> Float[np.ndarray, "T Q Q"]:
    """metres between the skins of each part of person 0 and each of person 1 across the picture, at the nearer one's depth.

    Each part may be at any depth along its rays from the camera: nothing but a nearer camera makes this less.
    """
    vertices, region = region_points(body, POINTS_PER_REGION)
    part = torch.tensor(PART_OF_REGION, device=region.device)[region]
    members = [(part == index).nonzero()[:, 0].to(body.device) for index in range(len(BODY_PARTS))]
    skin = pose_motion(body, motion_incam).skin(body.subset(vertices))
    found = [_gaps(chunk, members) for chunk in skin.split(_FRAMES_PER_CHUNK, 1)]
    return torch.cat(found).cpu().numpy()


def _gaps(skin_incam: Float[Tensor, "2 F N 3"], members: list[Tensor]) -> Float[Tensor, "F Q Q"]:
    depth = skin_incam[..., 2].clamp_min(_LEAST_DEPTH)
    rays = skin_incam[..., :2] / depth[..., None]
    apart = torch.cdist(rays[0], rays[1], compute_mode="donot_use_mm_for_euclid_dist")
    apart = torch.stack([apart[:, each].amin(1) for each in members], 1)
    apart = torch.stack([apart[:, :, each].amin(2) for each in members], 2)
    of_parts = torch.stack([depth[:, :, each].mean(-1) for each in members], -1)
    return apart * torch.minimum(of_parts[0][:, :, None], of_parts[1][:, None])
