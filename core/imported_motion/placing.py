"""Places the motion of another tool in a clip: on its clock, before its camera, each person over their own keypoints."""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..body.landmarks import posed_landmarks
from ..body.model import BodyModel
from ..body.rotations import axis_angle_to_matrix, matrix_to_rotation_6d, rotation_6d_to_matrix
from ..contract.errors import UserError
from ..contract.skeleton import JOINTS
from ..fitting.fingers import curl_rotations
from ..fitting.initial import on_common_floor, pelvis_over_keypoints
from ..motion import BODY_COUNT, FINGER_COUNT, Camera, MotionEstimate, Timeline, pose
from ..observations.observe import Observations
from ..projection import project
from .record import ImportedMotion

_CONFIDENT = 0.5
_LARGEST_RESIDUAL = 0.2
"""Median distance of projected landmarks from confident keypoints, in heights of the person, up to which a motion counts as this
clip's."""
_FEWEST_POINTS, _MOST_POINTS = 6, 3000
"""Pairs of landmarks and keypoints without which there is no solution, and that are used at most."""
_INLIER = 0.1
"""Distance in heights of the person within which a point supports the orientation of the camera."""


def place_in_clip(
    pair: Sequence[ImportedMotion], observations: Observations, body: BodyModel, camera: Camera | None = None
) -> MotionEstimate:
    """The imported motion of two people as the initial motion of a clip, in whichever order lies better over the keypoints.

    Body and hand rotations are the imported ones; the pelvis is placed where the keypoints show the person, because depths of
    single-person tools depend on their own focal length. The floor is level under a given camera. UserError `initial-short` if a
    motion does not last as long as the clip, `initial-unlike` if it does not lie over the people who are seen.
    """
    sampled = [_sampled(motion, observations.timeline) for motion in pair]
    orders = ([0, 1], [1, 0])
    placed = [_placed([pair[i] for i in order], [sampled[i] for i in order], observations, body) for order in orders]
    residual, rotations, pelvis = min(placed, key=lambda each: each[0])
    if residual > _LARGEST_RESIDUAL:
        files = " and ".join(dict.fromkeys(motion.source for motion in pair))
        raise UserError(
            "initial-unlike",
            f"The motion of {files} does not lie over the people of this clip.",
            "Choose the result of this clip, or leave the initial motion out.",
        )
    betas = pelvis.new_zeros(len(pelvis), 16)
    return on_common_floor(rotations, pelvis, betas, observations, body, camera)


def _sampled(motion: ImportedMotion, timeline: Timeline) -> tuple[Float[Tensor, "T 55 3 3"], Float[np.ndarray, "T 3"]]:
    """Rotations and translations at the times of the clip's frames."""
    frames, wanted = len(motion.global_orient), timeline.frame_index.astype(np.float64)
    if motion.frame_rate is not None:
        wanted = timeline.time * motion.frame_rate
    if wanted[-1] > frames - 0.5 and frames == len(wanted):
        wanted = np.arange(frames, dtype=np.float64)  # of the range alone
    if wanted[-1] > frames - 0.5 + (0 if motion.frame_rate is None else 0.1 * motion.frame_rate):
        raise UserError(
            "initial-short",
            f"The motion of {motion.source} has {frames} frames, but {wanted[-1] + 1:.0f} are needed to the end of this range.",
            "Choose a motion of the whole clip or of exactly this range, or a shorter range.",
        )
    wanted = wanted.clip(0, frames - 1)
    angles = np.zeros((frames, len(JOINTS), 3))
    angles[:, 0], angles[:, 1:BODY_COUNT] = motion.global_orient, motion.body_pose
    if motion.left_hand_pose is not None and motion.right_hand_pose is not None:
        angles[:, -2 * FINGER_COUNT : -FINGER_COUNT], angles[:, -FINGER_COUNT:] = (
            motion.left_hand_pose,
            motion.right_hand_pose,
        )
    six = matrix_to_rotation_6d(axis_angle_to_matrix(torch.from_numpy(angles))).flatten(1).numpy()
    at = np.arange(frames)
    mixed = np.stack([np.interp(wanted, at, column) for column in six.T], 1)
    rotations = rotation_6d_to_matrix(torch.from_numpy(mixed).float().unflatten(1, (len(JOINTS), 6)))
    return rotations, np.stack([np.interp(wanted, at, column) for column in motion.translation.T], 1)


def _placed(
    pair: Sequence[ImportedMotion],
    sampled: Sequence[tuple[Tensor, np.ndarray]],
    observations: Observations,
    body: BodyModel,
) -> tuple[float, Float[Tensor, "P T 55 3 3"], Float[Tensor, "P T 3"]]:
    """The residual of a pair, with its rotations and pelvis in the camera's frame."""
    rotations = torch.stack([each for each, _ in sampled]).to(body.device)
    for person, (motion, (_, path)) in enumerate(zip(pair, sampled)):
        if motion.frame_of_reference == "world":
            R_cw = _camera_orientation(rotations[person], path, observations, person, body)
            rotations[person, :, 0] = R_cw @ rotations[person, :, 0]
    without_hands = [person for person, motion in enumerate(pair) if not motion.has_hands]
    if without_hands:
        detected = curl_rotations(observations)[without_hands, :, -2 * FINGER_COUNT :]
        rotations[without_hands, :, -2 * FINGER_COUNT :] = detected
    betas = rotations.new_zeros(len(rotations), 16)
    seconds = observations.seconds
    pelvis = pelvis_over_keypoints(rotations, betas, observations, body, seconds)
    landmarks = _landmarks(rotations, pelvis, body)
    pixels, _ = project(landmarks, observations.K)
    distance = (pixels - observations.keypoints).norm(dim=-1) / observations.box_height[..., None]
    confident = observations.confidence > _CONFIDENT
    residual = max(float(distance[i][confident[i]].median()) if confident[i].any() else 0.0 for i in range(len(pelvis)))
    return residual, rotations, pelvis


def _camera_orientation(
    rotations: Tensor, path: np.ndarray, observations: Observations, person: int, body: BodyModel
) -> Float[Tensor, "3 3"]:
    """Rotation from the world of a motion to the camera, by the perspective-n-point problem over all frames at once."""
    pelvis = torch.from_numpy(path).to(rotations)[None]
    points = _landmarks(rotations[None], pelvis, body)[0]
    seen = observations.confidence[person] > _CONFIDENT
    in_world, pixels = points[seen].double().cpu().numpy(), observations.keypoints[person][seen].double().cpu().numpy()
    stride = max(1, math.ceil(len(pixels) / _MOST_POINTS))
    if len(pixels) < _FEWEST_POINTS:
        return torch.eye(3).to(rotations)
    solved, rotation, *_ = cv2.solvePnPRansac(
        in_world[::stride],
        pixels[::stride],
        observations.K.double().cpu().numpy(),
        None,
        reprojectionError=float(_INLIER * observations.box_height[person].median()),
        iterationsCount=300,
        flags=cv2.SOLVEPNP_SQPNP,
    )
    return rotations.new_tensor(cv2.Rodrigues(np.asarray(rotation))[0]) if solved else torch.eye(3).to(rotations)


def _landmarks(rotations: Tensor, pelvis: Tensor, body: BodyModel) -> Float[Tensor, "P T 33 3"]:
    """Of a motion of the mean shape."""
    return posed_landmarks(pose(body, rotations, pelvis, rotations.new_zeros(len(rotations), 16)), body)
