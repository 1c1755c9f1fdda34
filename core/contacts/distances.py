"""Distances and relative speeds between the skin regions of two people, over time."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..body.model import BodyModel
from ..body.regions import region_points
from ..contract.contact import Contact
from ..contract.skeleton import BODY_JOINTS, REGIONS, split_side
from ..fitting.resolved_contacts import contact_distances
from ..motion import MotionEstimate, PairMotion, elapsed_seconds, pose_motion
from .settings import ContactDetectionSettings

Values = TypeVar("Values", np.ndarray, Tensor)
POINTS_PER_REGION = 16
"""Of the skin, between which all regions' distances are measured, each with each. The contact head learned with so many."""
_FRAMES_PER_CHUNK = 8
"""Frames whose point-to-point distances are held in memory at once."""

_JOINT_OF_REGION = {
    "head": "head", "face": "head", "neck": "neck", "chest": "spine3", "back": "spine3", "belly": "spine1", "hips": "pelvis",
    "shoulder": "shoulder", "upper_arm": "elbow", "elbow": "elbow", "forearm": "wrist", "wrist": "wrist", "palm": "wrist",
    "hand_back": "wrist", "fingers": "wrist", "thigh": "knee", "knee": "knee", "shin": "ankle", "calf": "ankle", "foot": "foot",
}  # fmt: skip
"""The body joint whose confidence stands for a region's, names without side."""


def _joint_of_region(region: str) -> int:
    side, bare = split_side(region)
    joint = _JOINT_OF_REGION[bare]
    return BODY_JOINTS.index(f"{side}_{joint}" if side else joint)


_JOINT_INDICES = [_joint_of_region(region) for region in REGIONS]
_HAND_REGIONS = [
    index for index, region in enumerate(REGIONS) if split_side(region)[1] in ("palm", "hand_back", "fingers", "wrist")
]


def region_distances(
    motion_incam: PairMotion,
    body: BodyModel,
    time: Float[np.ndarray, "T"],
    depth_weight: Float[np.ndarray, "R R"],
) -> tuple[Float[np.ndarray, "T R R"], Float[np.ndarray, "T R R"]]:
    """Distances (metres) and relative speeds (metres per second) between the regions of person 0 and those of person 1.

    The distance of two regions is that of their closest sample points; its component along the line of sight is multiplied by
    the pair's `depth_weight` (0–1). Speeds are those of the regions' centres in the image plane. `time` is in seconds.
    """
    measured = measure_regions(motion_incam, body, time, [depth_weight])
    return measured.distances[0], measured.speed


@dataclass(frozen=True)
class RegionMeasurements:
    """How the regions of person 0 and those of person 1 are to each other in each frame."""

    distances: Float[np.ndarray, "W T R R"]
    """metres, for each of W weights of the line of sight."""
    speed: Float[np.ndarray, "T R R"]
    """metres per second, of the regions' centres relative to each other in the image plane."""
    depth_difference: Float[np.ndarray, "T R R"]
    """metres by which the centre of person 1's region is farther from the camera."""


def measure_regions(
    motion_incam: PairMotion,
    body: BodyModel,
    time: Float[np.ndarray, "T"],
    depth_weights: Sequence[Float[np.ndarray, "R R"]],
) -> RegionMeasurements:
    """Distances for each of several weights of the line of sight, see `region_distances`, and what else is known of the pairs."""
    device = body.device
    vertices, region = region_points(body, POINTS_PER_REGION)
    members = _padded_members(region).to(device)
    # d² = across² + (weight · along)² = all² - (1 - weight²) along²
    discounts = [(1 - torch.as_tensor(weight, device=device).square())[:, None, :, None] for weight in depth_weights]
    skin_incam = pose_motion(body, motion_incam).skin(body.subset(vertices))
    distances: list[list[Tensor]] = [[] for _ in discounts]
    for chunk in skin_incam.split(_FRAMES_PER_CHUNK, 1):
        first, second = chunk[0][:, members], chunk[1][:, members]
        frames, regions, points = first.shape[:3]
        centre = (first.mean((1, 2)) + second.mean((1, 2))) / 2
        line_of_sight = torch.nn.functional.normalize(centre, dim=-1)[..., None]
        first, second = ((each.flatten(1, 2) - centre[:, None]) for each in (first, second))
        squared = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist").square_()
        along = (first @ line_of_sight - (second @ line_of_sight).mT).square_()
        by_region = (frames, regions, points, regions, points)
        squared, along = squared.view(by_region), along.view(by_region)
        for found, discount in zip(distances, discounts):
            found.append(squared.addcmul(along, discount, value=-1).amin((2, 4)).clamp_min(0).sqrt())
    centres = skin_incam[:, :, members].mean(3)
    depth = centres[..., 2]
    return RegionMeasurements(
        torch.stack([torch.cat(found) for found in distances]).cpu().numpy(),
        _relative_speeds(centres, time).cpu().numpy(),
        (depth[1][:, None] - depth[0][:, :, None]).cpu().numpy(),
    )


def depth_discounted_distances(
    motion_incam: PairMotion,
    body: BodyModel,
    time: Float[np.ndarray, "T"],
) -> Float[np.ndarray, "T R R"]:
    """Distances in metres as in `region_distances`, with the depth weights of `ContactDetectionSettings`."""
    return region_distances(motion_incam, body, time, depth_weights(ContactDetectionSettings()))[0]


def depth_weights(settings: ContactDetectionSettings) -> Float[np.ndarray, "R R"]:
    """The weight of the line of sight for each pair of regions, in 0–1."""
    weights = np.full((len(REGIONS), len(REGIONS)), settings.depth_weight, np.float32)
    weights[np.ix_(_HAND_REGIONS, _HAND_REGIONS)] = settings.hand_depth_weight
    return weights


def values_of_regions(values: Values) -> Values:
    """Values [..., 22] of the body joints, such as their confidence, for the regions [..., R] that they stand for."""
    return values[..., _JOINT_INDICES]


def region_pair_confidence(confidence: Float[np.ndarray, "2 T 22"]) -> Float[np.ndarray, "T R R"]:
    """Confidence that both regions of a pair are visible, in 0–1, from the confidence of the body joints."""
    of_regions = values_of_regions(confidence)
    return of_regions[0][:, :, None] * of_regions[1][:, None]


def measure_contacts(
    contacts: Sequence[Contact], estimate: MotionEstimate, body: BodyModel, frame_index: Int[np.ndarray, "T"]
) -> list[Contact]:
    """The contacts with `distance` set to the mean gap between their regions in this motion, in metres.

    Rejected contacts are measured too. The distance is None for a contact outside the clip's frames `frame_index`.
    """
    distances = contact_distances(contacts, estimate, body, frame_index)
    return [
        contact.measured(None if distance is None else round(distance, 4))
        for contact, distance in zip(contacts, distances)
    ]


def _padded_members(region: Int[Tensor, " N"]) -> Int[Tensor, "R K"]:
    """Positions of each region's points; rows that are too short repeat their first point."""
    rows = [(region == index).nonzero()[:, 0] for index in range(len(REGIONS))]
    width = max(len(row) for row in rows)
    return torch.stack([torch.cat([row, row[:1].expand(width - len(row))]) for row in rows])


def _relative_speeds(centres_incam: Float[Tensor, "2 T R 3"], time: Float[np.ndarray, "T"]) -> Float[Tensor, "T R R"]:
    """Speeds of the regions of the two people relative to each other, parallel to the image plane."""
    seconds = elapsed_seconds(time).to(centres_incam)
    if len(seconds) < 2:
        return centres_incam.new_zeros(len(seconds), centres_incam.shape[2], centres_incam.shape[2])
    velocity = torch.gradient(centres_incam[..., :2], spacing=(seconds,), dim=1)[0]
    return (velocity[0][:, :, None] - velocity[1][:, None]).norm(dim=-1)
