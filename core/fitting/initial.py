"""The initial motion: each person posed from the metric landmarks, placed before the camera, both on one floor."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.landmarks import LandmarkRegressor, posed_landmarks
from ..body.model import BodyModel
from ..body.rotations import matrix_to_rotation_6d, rotation_6d_to_matrix
from ..contract.errors import UserError
from ..contract.skeleton import LANDMARK_INDEX
from ..motion import BODY_COUNT, Camera, MotionEstimate, motion_from_rotations, pose
from ..observations.observe import Observations
from ..observations.over_time import interpolated, smooth_over_time
from ..reporting import Reporter
from ..transforms import inverse_transform_points
from .camera import extrinsics, floor_from_extrinsics
from .fingers import curl_rotations
from .floor import estimate_floor
from .lifting import rotations_from_landmarks, translation_from_keypoints
from .rest_landmarks import rest_landmarks, rest_palms
from .soles import lowest_points, posed_soles
from .trunks import trunk_directions, usual_direction
from .unseen_legs import stand_where_unseen

_STANDING_SPEED = 0.35
"""metres a second across the view below which a foot counts as standing."""
_LEAST_FRAMES = 3
_POSE_SECONDS, _FEET_SECONDS, _DIRECTION_SECONDS, _DEPTH_SECONDS = 0.04, 0.06, 0.03, 0.25
"""Standard deviations over which poses, places of feet in the picture, directions to people, and their depths are averaged."""
_NEAR_FLOOR, _NEAR_FLOOR_WIDTH = 0.12, 0.03
"""metres over a person's lowest stand at which half of a foot's contact is left, and over which it goes (a logistic function)."""
_HEIGHT_TOLERANCE = 0.1
"""metres from the mean height at which a sole's weight in it has fallen to a quarter."""
_LEAST_SUPPORT, _LEAST_RELATIVE_SUPPORT = 2.0, 0.35
"""Sum of landmark confidences, and its ratio to the person's median, below which a frame does not place the person."""


def estimate_initial_motion(
    observations: Observations, body: BodyModel, *, reporter: Reporter, camera: Camera | None = None
) -> MotionEstimate:
    """Pose and place both people from the observations alone, over the floor of a camera that is known or estimated from them.

    The height of a known camera is taken for people of the mean size: later they may grow and stand farther away.
    Raises UserError `nobody` where a person was found in too few frames to go on.
    """
    if bool((observations.found.sum(1) < min(_LEAST_FRAMES, len(observations.time))).any()):
        raise UserError(
            "nobody",
            "One of the two people is in view for less than three frames of this range.",
            "Choose a range of frames in which both are seen.",
        )
    seconds = observations.seconds
    rotations = torch.cat([_pose_from_landmarks(observations, body, seconds), curl_rotations(observations)], 2)
    betas = rotations.new_zeros(len(observations.found), 16)
    up = _up_incam(rotations, betas, body, camera)
    rotations = stand_where_unseen(rotations, up, observations, seconds)
    pelvis = pelvis_over_keypoints(rotations, betas, observations, body, seconds)
    reporter.progress(0.5)
    estimate = on_common_floor(rotations, pelvis, betas, observations, body, camera, up_incam=up)
    reporter.progress(1.0)
    return estimate


def on_common_floor(
    rotations: Float[Tensor, "P T 55 3 3"],
    pelvis: Float[Tensor, "P T 3"],
    betas: Float[Tensor, "P 16"],
    observations: Observations,
    body: BodyModel,
    camera: Camera | None = None,
    *,
    up_incam: Float[Tensor, " 3"] | None = None,
) -> MotionEstimate:
    """Two people before the camera, over the floor that their standing feet share, level under a given camera.

    Without a camera, what the feet leave open of the floor's tilt is that of `up_incam`, a unit vector; by default, of the
    direction along which trunks usually point.
    """
    seconds = observations.seconds
    posed = pose(body, rotations, pelvis, betas)
    soles = posed_soles(posed, body)
    still = _still_feet(observations, pelvis[..., 2], seconds)
    if camera is None:
        up = usual_direction(trunk_directions(posed)) if up_incam is None else up_incam
        stood = lowest_points(soles, up).flatten(0, 2)
        T_cw = extrinsics(*estimate_floor(stood, still.reshape(-1) + 1e-4, up))
    else:
        T_cw = _over_the_floor(torch.as_tensor(camera.T_cw).to(soles), soles, still)
    heights = inverse_transform_points(T_cw, soles)[..., 2]
    # above each person's own lowest stand: the floor that they share is left to the fit
    lowest = heights.amin(-1)
    stand = lowest.flatten(1).quantile(0.1, dim=1)[:, None, None]
    near_floor = torch.sigmoid((_NEAR_FLOOR - (lowest - stand)) / _NEAR_FLOOR_WIDTH)
    return MotionEstimate(
        motion_from_rotations(rotations, pelvis, betas),
        Camera(observations.K.double().cpu().numpy(), T_cw.double().cpu().numpy()),
        (still * near_floor).cpu().numpy(),
    )


def _pose_from_landmarks(observations: Observations, body: BodyModel, seconds: Tensor) -> Float[Tensor, "P T 22 3 3"]:
    """Rotations relative to the parent; the pelvis' into the camera frame."""
    hands_incam = observations.palm_frames_incam @ rest_palms(body).mT
    rest = rest_landmarks(body, LandmarkRegressor.for_body(body))
    rotations = rotations_from_landmarks(observations.landmarks_incam, rest, hands_incam, observations.palm_confidence)
    six = matrix_to_rotation_6d(rotations).flatten(2)
    smoothed = smooth_over_time(six, torch.ones_like(six), seconds, _POSE_SECONDS)
    return rotation_6d_to_matrix(smoothed.unflatten(2, (BODY_COUNT, 6)))


def _up_incam(
    rotations: Float[Tensor, "P T 55 3 3"], betas: Float[Tensor, "P 16"], body: BodyModel, camera: Camera | None
) -> Float[Tensor, " 3"]:
    """The floor's normal in the camera's frame, that along which trunks usually point where the camera is not known."""
    if camera is not None:
        return torch.as_tensor(camera.T_cw[:3, 2]).to(rotations)
    return usual_direction(trunk_directions(pose(body, rotations, rotations.new_zeros(*rotations.shape[:2], 3), betas)))


def pelvis_over_keypoints(
    rotations: Float[Tensor, "P T 55 3 3"],
    betas: Float[Tensor, "P 16"],
    observations: Observations,
    body: BodyModel,
    seconds: Float[Tensor, " T"],
) -> Float[Tensor, "P T 3"]:
    """metres in the camera's frame: where each posed body projects onto its keypoints; gaps and jumps in depth are bridged."""
    posed = pose(body, rotations, rotations.new_zeros(*rotations.shape[:2], 3), betas)
    points = posed_landmarks(posed, body)
    weight = observations.confidence + 1e-4
    translation, support = translation_from_keypoints(points, observations.keypoints, weight, observations.K)
    usual = support.median(1, keepdim=True).values
    known = support > (_LEAST_RELATIVE_SUPPORT * usual).clamp_min(_LEAST_SUPPORT)
    log_depth = interpolated(translation[..., 2:].clamp_min(0.2).log(), known, seconds)
    direction = interpolated(translation[..., :2] / translation[..., 2:].clamp_min(0.2), known, seconds)
    support = (support / 10).clamp(1e-2, 1)[..., None]
    depth = smooth_over_time(log_depth, support, seconds, _DEPTH_SECONDS).exp()
    direction = smooth_over_time(direction, support.square().expand_as(direction), seconds, _DIRECTION_SECONDS)
    return torch.cat([direction * depth, depth], -1)


def _still_feet(
    observations: Observations, depth: Float[Tensor, "P T"], seconds: Float[Tensor, " T"]
) -> Float[Tensor, "P T 2"]:
    """In 0-1, how surely each foot stands still, from the speed of its landmarks across the view."""
    parts = [
        [LANDMARK_INDEX[f"{side}_{part}"] for part in ("ankle", "heel", "foot_index")] for side in ("left", "right")
    ]
    pixels, weight = observations.keypoints[:, :, parts], observations.confidence[:, :, parts]
    flat = pixels.flatten(2)
    certainty = weight.flatten(2).repeat_interleave(2, -1) + 1e-3
    smoothed = smooth_over_time(flat, certainty, seconds, _FEET_SECONDS)
    metres = smoothed.unflatten(2, (2, 3, 2)) * (depth / observations.K[0, 0])[..., None, None, None]
    if len(seconds) < 3:
        return weight.mean(-1)
    step = (seconds[2:] - seconds[:-2]).clamp_min(1e-3)
    speed = (metres[:, 2:] - metres[:, :-2]).norm(dim=-1) / step[:, None, None]
    speed = torch.cat([speed[:, :1], speed, speed[:, -1:]], 1)
    slow = torch.sigmoid((_STANDING_SPEED - speed) / (0.25 * _STANDING_SPEED))
    return (slow * weight).sum(-1) / weight.sum(-1).clamp_min(1e-3) * weight.amax(-1)


def _over_the_floor(
    T_cw: Float[Tensor, "4 4"], soles: Float[Tensor, "P T 2 S 3"], still: Float[Tensor, "P T 2"]
) -> Float[Tensor, "4 4"]:
    """The camera at the robust mean height over the soles of standing feet, with its own rotation."""
    below = (soles @ -T_cw[:3, 2]).amax(-1)
    weight = still + 1e-4
    height = (weight * below).sum() / weight.sum()
    for _ in range(5):
        robust = weight / (1 + ((below - height) / _HEIGHT_TOLERANCE) ** 2) ** 2
        height = (robust * below).sum() / robust.sum()
    pitch, roll, _ = floor_from_extrinsics(T_cw)
    return extrinsics(pitch, roll, height)
