"""Baselines: single frames, interpolated or filtered landmarks, and people fitted separately.

They read the same detections as our method. Metric landmarks are relative to the line of sight to the person, so they are rotated
into the camera's axes first (`line_of_sight_rotation`): otherwise a person at the picture's edge would seem to look aside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.interpolate import Akima1DInterpolator
from torch import Tensor

from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import BodyModel
from core.contract.skeleton import JOINT_INDEX, JOINTS, LANDMARK_INDEX
from core.fitting.camera import extrinsics, floor_from_extrinsics, intrinsics
from core.fitting.fit import CONTACT_FIT, FIRST_FIT, FitSchedule, FittedMotion, Phase
from core.fitting.floor import estimate_floor
from core.fitting.lifting import rotations_from_landmarks
from core.fitting.rest_landmarks import rest_landmarks
from core.fitting.soles import sole_vertices
from core.fitting.targets import FitTargets
from core.fitting.windows import fit_clip
from core.motion import Camera, PairMotion, motion_from_rotations, pose
from core.observations.line_of_sight import line_of_sight_rotation
from core.perception.detections import Detections
from core.reporting import Reporter
from core.scores import CONFIDENT
from core.transforms import inverse_transform_points, inverse_transform_rotations

from .initial_estimate import estimate_initial

_FILLED = 0.5
"""Confidence of interpolated landmarks; placing people depends only on its ratio to that of the others."""
_TRUNK = [LANDMARK_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip") for side in ("left", "right")]
_NEAREST, _FARTHEST = 0.5, 30.0
"""metres from the camera at which a person may be placed."""


@dataclass(frozen=True)
class OneEuro:
    """Settings of the 1-Euro filter. Cut-offs in Hz, `beta` in Hz per (m/s)."""

    least_cutoff: float = 1.0
    beta: float = 3.0
    speed_cutoff: float = 1.0


def lifted(detections: Detections, body: BodyModel) -> tuple[PairMotion, Camera]:
    """Each frame on its own: the mean body posed from the metric landmarks, placed by weak perspective, hands flat.

    Weak perspective: one scale for the whole person, by least squares over the landmarks, and from it the distance. The
    camera's tilt and height come from the direction of the trunks and the lowest points of the soles, as if all frames
    had a foot on the floor.
    """
    device = body.device
    regressor = LandmarkRegressor.for_body(body)
    width, height = (int(size) for size in detections.image_size)
    K = torch.from_numpy(intrinsics(width, height, None)).float().to(device)
    keypoints = torch.from_numpy(detections.keypoints).to(device)
    metric = torch.from_numpy(detections.world_landmarks).to(device)
    metric = metric @ line_of_sight_rotation(keypoints[:, :, _TRUNK, :2].mean(2), K).mT
    body_part = rotations_from_landmarks(metric, rest_landmarks(body, regressor))
    rotations = torch.eye(3, device=device).repeat(*body_part.shape[:2], len(JOINTS), 1, 1)
    rotations[:, :, : body_part.shape[2]] = body_part
    betas = torch.zeros(len(rotations), 16, device=device)
    posed = pose(body, rotations, rotations.new_zeros(*rotations.shape[:2], 3), betas)
    points = regress_landmarks(regressor, posed.joints, posed.skin(body.subset(regressor.vertices)))
    pelvis = weak_perspective(points, keypoints[..., :2], keypoints[..., 2] + 1e-4, K)

    soles = posed.skin(body.subset(sole_vertices(body).flatten())) + pelvis[:, :, None]
    up = sum(posed.global_rotations[:, :, JOINT_INDEX[joint], :, 1] for joint in ("pelvis", "spine3"))
    T_cw = _upright_extrinsics(soles, torch.as_tensor(up), torch.from_numpy(detections.found).to(device))
    rotations[:, :, 0] = inverse_transform_rotations(T_cw, rotations[:, :, 0])
    return motion_from_rotations(rotations, inverse_transform_points(T_cw, pelvis), betas), _camera(K, T_cw)


def weak_perspective(points: Tensor, pixels: Tensor, weight: Tensor, K: Tensor) -> Tensor:
    """Position [...,3] of the origin of points [...,N,3] (camera axes, metres) that are seen at pixels [...,N,2].

    One scale and translation relate points to pixels, by weighted [...,N] least squares; the depth is the focal length over the
    scale, clamped to _NEAREST and _FARTHEST.
    """
    share = (weight / weight.sum(-1, keepdim=True))[..., None]
    middle, centre = (share * points).sum(-2), (share * pixels).sum(-2)
    across = points[..., :2] - middle[..., None, :2]
    scale = (share * across * (pixels - centre[..., None, :])).sum((-1, -2)) / (share * across.square()).sum((-1, -2))
    focal = torch.stack([K[0, 0], K[1, 1]])
    depth = (focal.mean() / scale.clamp_min(1e-6)).clamp(_NEAREST, _FARTHEST)[..., None]
    return torch.cat([(centre - K[:2, 2]) / focal * depth, depth], -1) - middle


def _upright_extrinsics(soles: Tensor, up: Tensor, found: Tensor) -> Tensor:
    """T_cw from soles [P,T,N,3] and the upward directions of trunks [P,T,3], both in the camera's frame, where found [P,T]."""
    upright = torch.nn.functional.normalize(up, dim=-1)[found].median(0).values
    upright = torch.nn.functional.normalize(upright, dim=0)
    lowest = (soles * -upright).sum(-1).argmax(-1)
    points = soles.gather(2, lowest[..., None, None].expand(*lowest.shape, 1, 3))[:, :, 0]
    return extrinsics(*estimate_floor(points.flatten(0, 1), found.float().flatten() + 1e-4, upright))


def infilled(detections: Detections, *, smooth: bool) -> Detections:
    """Landmarks that are not confident, in the picture and in metres, interpolated between the frames in which they are.

    Linear, or modified Akima splines, which overshoot little in gaps (Akima, 1970). Before the first and after the last confident
    frame values are held. A landmark that is never confident stays as it is.
    """
    keypoints, world = detections.keypoints.copy(), detections.world_landmarks.copy()
    confident = confident_landmarks(detections)
    for person, landmark in np.ndindex(confident.shape[0], confident.shape[2]):
        there = confident[person, :, landmark]
        if not there.any() or there.all():
            continue
        values = np.concatenate([keypoints[person, :, landmark, :2], world[person, :, landmark]], 1)
        filled = _interpolated(detections.time, values, there, smooth)
        keypoints[person, ~there, landmark, :2] = filled[~there, :2]
        keypoints[person, ~there, landmark, 2] = _FILLED
        world[person, ~there, landmark] = filled[~there, 2:]
    return replace(detections, keypoints=keypoints, world_landmarks=world)


def confident_landmarks(detections: Detections) -> np.ndarray:
    """bool [P,T,33]: confident landmarks of people who were found."""
    return (detections.keypoints[..., 2] >= CONFIDENT) & detections.found[..., None]


def _interpolated(time: np.ndarray, values: np.ndarray, there: np.ndarray, smooth: bool) -> np.ndarray:
    """Values [T,N] at all times, interpolated between the frames that are `there` [T]."""
    known, held = time[there], np.clip(time, time[there][0], time[there][-1])
    if smooth and len(known) > 2:
        return Akima1DInterpolator(known, values[there], method="makima")(held)
    return np.stack([np.interp(held, known, column) for column in values[there].T], 1)


def one_euro_filtered(detections: Detections, settings: OneEuro | None = None) -> Detections:
    """Landmarks after the 1-Euro filter, in the picture (in units of the person's size there) and in metres."""
    settings = settings or OneEuro()
    size = _pixels_per_metre(detections)
    keypoints = detections.keypoints.copy()
    pixels = keypoints[..., :2] / size[:, None, None, None]
    keypoints[..., :2] = one_euro(pixels, detections.time, settings) * size[:, None, None, None]
    return replace(
        detections, keypoints=keypoints, world_landmarks=one_euro(detections.world_landmarks, detections.time, settings)
    )


def one_euro(values: np.ndarray, time: np.ndarray, settings: OneEuro) -> np.ndarray:
    """Points [P,T,N,D] at times [T] s, low-pass filtered less the faster they move (Casiez, Roussel and Vogel, CHI 2012)."""
    out = values.astype(np.float64)
    speed = np.zeros_like(out[:, 0])
    for frame in range(1, len(time)):
        step = max(float(time[frame] - time[frame - 1]), 1e-3)
        measured = (values[:, frame] - out[:, frame - 1]) / step
        speed = speed + _alpha(settings.speed_cutoff, step) * (measured - speed)
        cutoff = settings.least_cutoff + settings.beta * np.linalg.norm(speed, axis=-1, keepdims=True)
        out[:, frame] = out[:, frame - 1] + _alpha(cutoff, step) * (values[:, frame] - out[:, frame - 1])
    return out.astype(values.dtype)


def _alpha(cutoff, step: float):
    """Weight of the new value in exponential smoothing with a cut-off in Hz at steps in seconds."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))


def _pixels_per_metre(detections: Detections) -> np.ndarray:
    """[P] how large each person appears, the median over the frames in which they were found."""
    spread = [
        points - points.mean(2, keepdims=True) for points in (detections.keypoints[..., :2], detections.world_landmarks)
    ]
    pixels, metres = (np.linalg.norm(part[..., :2], axis=-1).mean(-1) for part in spread)
    ratio = pixels / np.maximum(metres, 1e-3)
    return np.array(
        [
            max(float(np.median(ratio[person][found] if found.any() else ratio[person])), 1.0)
            for person, found in enumerate(detections.found)
        ]
    )


def fitted_alone(detections: Detections, body: BodyModel, reporter: Reporter) -> FittedMotion:
    """Our fit of each person separately, with as many steps as the joint fit, then combined under one camera.

    Each fit finds a floor of its own; the combined motion has the mean of both, and people stay where the camera saw them.
    """
    parts = [_fit_one(detections.person(person), body, reporter) for person in range(len(detections.found))]
    floors = torch.stack([floor_from_extrinsics(torch.as_tensor(part.camera.T_cw)) for part in parts])
    camera = _camera(torch.as_tensor(parts[0].camera.K), extrinsics(*floors.mean(0).unbind()))
    together = FittedMotion.concatenate(parts)
    return replace(together, camera=camera, energy=sum(part.energy for part in parts))


def _fit_one(detections: Detections, body: BodyModel, reporter: Reporter) -> FittedMotion:
    observed, start = estimate_initial(detections, body, reporter=reporter)
    fitted = fit_clip(start, observed, body, FitTargets(), FitSchedule(_alone(FIRST_FIT)), reporter)
    return fit_clip(fitted, observed, body, FitTargets(), FitSchedule(_alone(CONTACT_FIT)), reporter)


def _alone(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    return tuple(replace(phase, each_alone=True) for phase in phases)


def _camera(K: Tensor, T_cw: Tensor) -> Camera:
    return Camera(K.double().cpu().numpy(), T_cw.double().cpu().numpy())
