"""What the contact head reads of a clip: for each pair of body parts how near, how fast and how certain it is, frame by frame."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.body_parts import BODY_PARTS, PART_OF_REGION
from ..contract.skeleton import REGIONS, split_side
from ..fitting.prior import JointPrior
from ..motion import BODY_COUNT, pose_motion
from ..representation.resampling import TimeGrid
from .distances import measure_regions, values_of_regions
from .scene import ContactScene

VERSION = 3
"""Of the features: weights are trained for one version and no other."""
PAIR_CHANNELS = (
    "distance", "distance_025", "distance_010", "above_least", "speed", "depth_difference", "predicted_distance",
)  # fmt: skip
"""Distances of the nearest regions of two parts with all of their depth, a quarter, a tenth of it; how far the second of these is
above its least in the clip; speed across the picture; depth of person 1's part behind person 0's; distance, with a quarter of the
depth, of the joints that the ST-GCN predicts for the parts. Metres, metres a second."""
PART_CHANNELS = ("confidence", "sigma_along", "sigma_across", "outward", "up", "forward")
"""Confidence of the joint; standard deviations, in metres, of its place along the ray from the camera and across it; where it is
in the frame of its own pelvis, outward being away from the body on its own side."""
_DEPTH_WEIGHTS = (1.0, 0.25, 0.1)
"""What the depth counts in the three distances between regions: a camera tells it worst."""
_DEPTH_WEIGHT = 0.25
"""The same in distances between joints."""
_UNKNOWN_ALONG, _UNKNOWN_ACROSS = 0.24, 0.08
"""metres, of joints that no learned prior predicts."""
_PARTS = torch.tensor(PART_OF_REGION)
PART_SIDE = torch.tensor([{"left": 1.0, "right": -1.0}.get(split_side(part)[0], 0.0) for part in BODY_PARTS])
"""For each body part 1 on the left, -1 on the right, 0 in the middle."""


@dataclass(frozen=True)
class ContactFeatures:
    """N frames of the uniform grid, Q = 18 body parts of each person; pairs have person 0's part first."""

    pairs: Float[Tensor, "N Q Q 7"]
    """`PAIR_CHANNELS`"""
    parts: Float[Tensor, "2 N Q 6"]
    """`PART_CHANNELS`"""
    people: Float[Tensor, "2 N 3"]
    """Cosines of the pelvis' heading with the direction to the other's pelvis and with the other's heading; metres between the
    pelvises with a quarter of the depth."""


def contact_features(scene: ContactScene) -> ContactFeatures:
    """Features of a fitted motion."""
    posed = pose_motion(scene.body, scene.motion_incam)
    joints, rotations = posed.joints[:, :, :BODY_COUNT].cpu(), posed.global_rotations[:, :, 0].cpu()
    prior = scene.prior or _unknown(joints)
    grid = TimeGrid.of(scene.timeline.time)
    pairs = _pair_channels(scene, prior)
    return ContactFeatures(
        grid.to_grid(pairs[None])[0],
        grid.to_grid(_part_channels(joints, rotations, scene.confidence, prior)),
        grid.to_grid(_person_channels(joints[:, :, 0], rotations)),
    )


def _unknown(joints: Float[Tensor, "2 T 22 3"]) -> JointPrior:
    ones = np.ones(joints.shape[:3], np.float32)
    return JointPrior(joints.numpy(), _UNKNOWN_ALONG * ones, _UNKNOWN_ACROSS * ones)


def _pair_channels(scene: ContactScene, prior: JointPrior) -> Float[Tensor, "T Q Q 7"]:
    shape = (len(REGIONS), len(REGIONS))
    weights = [np.full(shape, weight, np.float32) for weight in _DEPTH_WEIGHTS]
    measured = measure_regions(scene.motion_incam, scene.body, scene.timeline.time, weights)
    full, quarter, tenth = (_least_of_parts(torch.from_numpy(distance)) for distance in measured.distances)
    speed, depth = (_mean_of_parts(torch.from_numpy(values)) for values in (measured.speed, measured.depth_difference))
    predicted = _of_parts(torch.from_numpy(prior.joints_incam).movedim(-1, 0)).movedim(0, -1)
    between = _depth_discounted(predicted[1][:, None] - predicted[0][:, :, None])
    return torch.stack([full, quarter, tenth, quarter - quarter.amin(0), speed, depth, between], -1).float()


def _part_channels(
    joints: Float[Tensor, "2 T 22 3"],
    rotations: Float[Tensor, "2 T 3 3"],
    confidence: Float[np.ndarray, "2 T 22"],
    prior: JointPrior,
) -> Float[Tensor, "2 T Q 6"]:
    along = prior.sigma_along.copy()
    along[..., 1:] = np.hypot(along[..., 1:], along[..., :1])  # the place of a joint is that of its pelvis as well
    own = (joints - joints[:, :, :1]) @ rotations
    values = [*(torch.from_numpy(value) for value in (confidence, along, prior.sigma_across)), *own.unbind(-1)]
    channels = torch.stack([_of_parts(value) for value in values], -1).float()
    channels[..., PART_CHANNELS.index("outward")] *= PART_SIDE
    return channels


def _person_channels(pelvis: Float[Tensor, "2 T 3"], rotations: Float[Tensor, "2 T 3 3"]) -> Float[Tensor, "2 T 3"]:
    to_other = pelvis.flip(0) - pelvis
    heading = rotations[..., 2]
    facing = (heading * torch.nn.functional.normalize(to_other, dim=-1)).sum(-1)
    return torch.stack([facing, (heading * heading.flip(0)).sum(-1), _depth_discounted(to_other)], -1).float()


def _depth_discounted(vectors_incam: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b"]:
    return (vectors_incam * vectors_incam.new_tensor([1.0, 1.0, _DEPTH_WEIGHT])).norm(dim=-1)


def _of_parts(values: Float[Tensor, "*b 22"]) -> Float[Tensor, "*b Q"]:
    """The mean over each part's regions of values of the body joints that stand for them."""
    of_regions = values_of_regions(values)
    return torch.stack([of_regions[..., index == _PARTS].mean(-1) for index in range(len(BODY_PARTS))], -1)


def _least_of_parts(values: Tensor) -> Tensor:
    """The least value [T,Q,Q] of the pairs of regions [T,R,R] in each pair of parts."""
    by_row = torch.stack([values[:, index == _PARTS].amin(1) for index in range(len(BODY_PARTS))], 1)
    return torch.stack([by_row[:, :, index == _PARTS].amin(2) for index in range(len(BODY_PARTS))], 2)


def _mean_of_parts(values: Tensor) -> Tensor:
    """The mean value [T,Q,Q] of the pairs of regions [T,R,R] in each pair of parts."""
    by_row = torch.stack([values[:, index == _PARTS].mean(1) for index in range(len(BODY_PARTS))], 1)
    return torch.stack([by_row[:, :, index == _PARTS].mean(2) for index in range(len(BODY_PARTS))], 2)
