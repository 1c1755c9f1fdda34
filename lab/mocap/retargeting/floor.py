"""The floor of a retargeted motion: its height and slope from standing feet, and bodies kept above it."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from core.body.collision import collision_spheres
from core.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between_vectors
from core.contract.skeleton import BODY_JOINTS, PARENTS

from .filters import gaussian_smooth, smooth_peaks
from .legs import BALL, SIDES, Legs
from .skeletons import GlobalRotations, TargetSkeleton

_MIN_STANDING_FRAMES = 10
"""Frames of standing that are needed to correct a recording's feet or to estimate its floor from them."""
_MAX_FOOT_CORRECTION = math.radians(25)
_MAX_SLOPE = 0.03
"""metres per metre that a recording's floor may slope because of its calibration."""


def soles_face_floor(rotations: GlobalRotations) -> Bool[Tensor, "T 2"]:
    """Whether each foot is within 45 degrees of level."""
    return torch.stack([rotations[f"{side}_ankle"][:, 2, 1] > math.cos(math.radians(45)) for side in SIDES], 1)


def level_feet_on_average(rotations: GlobalRotations, is_still: Bool[Tensor, "T 2"]) -> None:
    """Rotate each foot relative to its shank by a constant, in place, so that its median orientation while standing is level."""
    faces_floor = soles_face_floor(rotations)
    for index, side in enumerate(SIDES):
        stands = is_still[:, index] & faces_floor[:, index]
        if stands.sum() < _MIN_STANDING_FRAMES:
            continue
        up_in_foot = rotations[f"{side}_ankle"][stands][:, 2].median(0).values
        correction = matrix_to_axis_angle(rotation_between_vectors(up_in_foot.new_tensor([0.0, 1.0, 0.0]), up_in_foot))
        correction = correction * (_MAX_FOOT_CORRECTION / correction.norm().clamp_min(1e-9)).clamp_max(1)
        for part in ("ankle", "foot"):
            rotations[f"{side}_{part}"] = rotations[f"{side}_{part}"] @ axis_angle_to_matrix(correction)


def flatten_feet(rotations: GlobalRotations, foot_contact: Bool[Tensor, "T 2"]) -> None:
    """Make feet in contact level and straighten their toes, in place, with a smooth transition of a few frames."""
    flatness = gaussian_smooth(foot_contact.double(), 1.5)
    for index, side in enumerate(SIDES):
        fraction = flatness[:, index, None]
        ankle, toes = rotations[f"{side}_ankle"], rotations[f"{side}_foot"]
        toe_bend = matrix_to_axis_angle(ankle.mT @ toes)
        up = ankle[..., 1]
        levelling = matrix_to_axis_angle(rotation_between_vectors(up, up.new_tensor([0.0, 0.0, 1.0])))
        rotations[f"{side}_ankle"] = axis_angle_to_matrix(levelling * fraction) @ ankle
        rotations[f"{side}_foot"] = rotations[f"{side}_ankle"] @ axis_angle_to_matrix(toe_bend * (1 - fraction))


def floor_offset(
    legs: Legs, rotations: GlobalRotations, pelvis: Float[Tensor, "T 3"], is_still: Bool[Tensor, "T 2"]
) -> Float[Tensor, "T 3"]:
    """Vertical vector to the floor below the body: the lowest plane that feet stood on, level but for errors of calibration."""
    heights = legs.sole_heights(rotations, pelvis)
    standing = is_still & soles_face_floor(rotations)
    if standing.sum() < _MIN_STANDING_FRAMES:
        height = torch.full_like(pelvis[:, 0], float(np.quantile(heights.amin(1).numpy(), 0.02)))
    else:
        positions = legs.joints(rotations, pelvis)[:, :, BALL, :2][standing].numpy()
        plane_heights = _lowest_plane(positions, heights[standing].numpy(), pelvis[:, :2].numpy())
        height = torch.from_numpy(plane_heights)
    return _vertical(height)


def _lowest_plane(
    positions: Float[np.ndarray, "N 2"], heights: Float[np.ndarray, " N"], queries: Float[np.ndarray, "T 2"]
) -> Float[np.ndarray, " T"]:
    """Heights at the queries of a plane through the lower ones of N points, by iteratively reweighted least squares."""
    middle = positions.mean(0)
    rows = np.c_[np.ones(len(positions)), positions - middle]
    low = np.quantile(heights, 0.08)
    plane = np.array([np.median(heights[np.abs(heights - low) < 0.03]), 0.0, 0.0])
    for _ in range(8):
        weight = 1 / (1 + ((heights - rows @ plane) / 0.015) ** 2) ** 2
        # a prior of no slope, which feet that stood far apart outweigh
        prior = np.diag([0.0, 1.0, 1.0]) * 0.1 * weight.sum()
        plane = np.linalg.solve((rows * weight[:, None]).T @ rows + prior, rows.T @ (weight * heights))
        plane[1:] *= min(1.0, _MAX_SLOPE / max(float(np.linalg.norm(plane[1:])), 1e-9))
    return plane[0] + (queries - middle) @ plane[1:]


def lift_above_floor(
    rotations: GlobalRotations, pelvis: Float[Tensor, "T 3"], target: TargetSkeleton
) -> Float[Tensor, "T 3"]:
    """Vertical vector by which the body is raised so that its collision spheres, feet excepted, are above z = 0."""
    positions = {"pelvis": pelvis}
    for name, parent_index in zip(BODY_JOINTS[1:], PARENTS[1 : len(BODY_JOINTS)]):
        parent = BODY_JOINTS[parent_index]
        positions[name] = positions[parent] + rotations[parent] @ target.bone(parent, name)
    spheres = collision_spheres(target.body)
    lowest = torch.full_like(pelvis[:, 0], math.inf)
    for joint, offset, radius in zip(spheres.joint.tolist(), spheres.offset.double(), spheres.radius.double()):
        if joint < len(BODY_JOINTS) and not BODY_JOINTS[joint].endswith(("ankle", "foot")):
            name = BODY_JOINTS[joint]
            lowest = torch.minimum(lowest, positions[name][:, 2] + rotations[name][:, 2] @ offset - radius)
    return _vertical(smooth_peaks((-lowest).clamp_min(0), 5, 1.5))


def _vertical(height: Float[Tensor, " T"]) -> Float[Tensor, "T 3"]:
    return height[:, None] * height.new_tensor([0.0, 0.0, 1.0])
