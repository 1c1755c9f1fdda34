"""The initial motion: each person posed from the metric landmarks, placed before the camera, both on one floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.landmarks import LandmarkRegressor, regress_landmarks
from ..body.model import BodyModel
from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..contract.errors import UserError
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from ..motion import BODY_COUNT, Camera, PairMotion, motion_from_rotations, pose
from ..observations.observe import Observations, interpolated, observe, smooth_over_time
from ..perception.detections import Detections
from ..reporting import Reporter
from . import fingers
from .camera import extrinsics, intrinsics
from .floor import estimate_floor
from .lifting import rotations_from_landmarks, translation_from_keypoints
from .rest import rest_landmarks, rest_palms
from .soles import sole_vertices

_PLANTED_SPEED = 0.35
"""metres a second across the view below which a foot counts as standing."""
_MIN_FOUND = 3
_LEAST_SUPPORT, _LEAST_SHARE = 2.0, 0.35
"""Sum of landmark confidences, and share of what is usual for a person, below which a frame does not say where they are."""


@dataclass(frozen=True)
class InitialMotion:
    """P = 2 people, T frames."""

    motion: PairMotion
    camera: Camera
    foot_contact: np.ndarray
    """float32 [P,T,2] in 0-1, how surely the left and right foot stand on the floor."""


def estimate_initial_motion(
    detections: Detections, body: BodyModel, *, fov: float | None, reporter: Reporter
) -> InitialMotion:
    """Pose and place both people from the 2D stage alone.

    `fov`: the camera's horizontal field of view in degrees, None where it is not known. Raises UserError `nobody` where a
    person was found in too few frames to go on.
    """
    if (detections.found.sum(1) < min(_MIN_FOUND, len(detections.time))).any():
        raise UserError(
            "nobody",
            "One of the two people is in view for less than three frames of this range.",
            "Choose a range of frames in which both are seen.",
        )
    device = body.device
    regressor = LandmarkRegressor.for_body(body)
    width, height = (int(size) for size in detections.image_size)
    K = torch.from_numpy(intrinsics(width, height, fov)).float().to(device)
    observations = observe(detections, K)

    rotations = _pose_from_landmarks(observations, body, regressor)
    curls = fingers.curl_rotations(detections, device)
    full = torch.cat([rotations, curls], 2)
    betas = torch.zeros(len(detections.found), 16, device=device)
    pelvis = _pelvis_in_camera(full, betas, observations, body, regressor, K)
    reporter.progress(0.5)

    posed = pose(body, full, pelvis, betas)
    soles = posed.skin(body.subset(sole_vertices(body).flatten())).unflatten(2, (2, -1))
    standing = _standing(observations, pelvis[..., 2], K)
    up = posed.global_rotations[:, :, JOINT_INDEX["pelvis"]] @ torch.tensor([0.0, 1.0, 0.0], device=device)
    chest_up = posed.global_rotations[:, :, JOINT_INDEX["spine3"]] @ torch.tensor([0.0, 1.0, 0.0], device=device)
    pitch, roll, camera_height = _floor(soles, standing, up + chest_up)
    world = extrinsics(pitch, roll, camera_height)

    to_world = world[:3, :3].T
    full[:, :, 0] = to_world @ full[:, :, 0]
    pelvis_world = (pelvis - world[:3, 3]) @ world[:3, :3]
    heights = (soles - world[:3, 3]) @ world[:3, 2]
    # by each person's own lowest stand: their common floor is the fit's to find
    lowest = heights.amin(-1)
    stand = lowest.flatten(1).quantile(0.1, dim=1)[:, None, None]
    near_floor = torch.sigmoid((0.12 - (lowest - stand)) / 0.03)
    reporter.progress(1.0)
    return InitialMotion(
        motion_from_rotations(full, pelvis_world, betas),
        Camera(K.double().cpu().numpy(), world.double().cpu().numpy()),
        (standing * near_floor).cpu().numpy(),
    )


def _pose_from_landmarks(observations: Observations, body: BodyModel, regressor: LandmarkRegressor) -> Tensor:
    """Relative rotations [P,T,22,3,3]; the pelvis' in camera axes."""
    hand_turns = observations.hand_frames @ rest_palms(body).mT
    rest = rest_landmarks(body, regressor)
    rotations = rotations_from_landmarks(observations.landmarks, rest, hand_turns, observations.hand_weight)
    six = matrix_to_rotation_6d(rotations).flatten(2)
    steady = smooth_over_time(six, torch.ones_like(six), observations.time, 0.04)
    return rotation_6d_to_matrix(steady.unflatten(2, (BODY_COUNT, 6)))


def _pelvis_in_camera(
    rotations: Tensor,
    betas: Tensor,
    observations: Observations,
    body: BodyModel,
    regressor: LandmarkRegressor,
    K: Tensor,
) -> Tensor:
    """[P,T,3]: where each posed body must be to project onto what was seen; gaps and jumps in depth bridged."""
    posed = pose(body, rotations, rotations.new_zeros(*rotations.shape[:2], 3), betas)
    points = regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))
    shift, support = translation_from_keypoints(points, observations.pixels, observations.weight + 1e-4, K)
    usual = support.median(1, keepdim=True).values
    seen = support > (_LEAST_SHARE * usual).clamp_min(_LEAST_SUPPORT)
    log_depth = interpolated(shift[..., 2:].clamp_min(0.2).log(), seen, observations.time)
    direction = interpolated(shift[..., :2] / shift[..., 2:].clamp_min(0.2), seen, observations.time)
    support = (support / 10).clamp(1e-2, 1)[..., None]
    depth = smooth_over_time(log_depth, support, observations.time, 0.25).exp()
    direction = smooth_over_time(direction, support.square().expand_as(direction), observations.time, 0.03)
    return torch.cat([direction * depth, depth], -1)


def _standing(observations: Observations, depth: Tensor, K: Tensor) -> Tensor:
    """[P,T,2]: how surely each foot stands still, from the speed of its landmarks across the view."""
    parts = [
        [LANDMARK_INDEX[f"{side}_{part}"] for part in ("ankle", "heel", "foot_index")] for side in ("left", "right")
    ]
    pixels, weight = observations.pixels[:, :, parts], observations.weight[:, :, parts]
    flat = pixels.flatten(2)
    steady = smooth_over_time(flat, weight.flatten(2).repeat_interleave(2, -1) + 1e-3, observations.time, 0.06)
    steady = steady.unflatten(2, (2, 3, 2)) * (depth / K[0, 0])[..., None, None, None]
    if len(observations.time) < 3:
        return weight.mean(-1)
    step = (observations.time[2:] - observations.time[:-2]).clamp_min(1e-3)
    speed = (steady[:, 2:] - steady[:, :-2]).norm(dim=-1) / step[:, None, None]
    speed = torch.cat([speed[:, :1], speed, speed[:, -1:]], 1)
    slow = torch.sigmoid((_PLANTED_SPEED - speed) / (0.25 * _PLANTED_SPEED))
    return (slow * weight).sum(-1) / weight.sum(-1).clamp_min(1e-3) * weight.amax(-1)


def _floor(soles: Tensor, standing: Tensor, up: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    # people bend and lean: the more a frame's trunk agrees with the legs' direction, the more it says about the vertical
    mean_up = torch.nn.functional.normalize(
        torch.nn.functional.normalize(up, dim=-1).flatten(0, 1).median(0).values, dim=0
    )
    lowest = (soles * -mean_up).sum(-1).argmax(-1)
    points = soles.gather(3, lowest[..., None, None].expand(*lowest.shape, 1, 3))[..., 0, :]
    return estimate_floor(points.reshape(-1, 3), standing.reshape(-1) + 1e-4, mean_up)
