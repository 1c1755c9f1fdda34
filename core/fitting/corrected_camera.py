"""A clip's initial motion under a camera that was corrected: people stay in the picture, the floor is another one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..body.model import BodyModel
from ..motion import Camera, MotionEstimate, motion_rotations
from ..observations.observe import Observations
from .camera import KnownCamera, corrected_extrinsics, intrinsics
from .initial import on_common_floor
from .prior import InitialMotion, prior_of


def corrected_camera(camera: Camera, known: KnownCamera) -> Camera:
    """The camera with what is known of it in place of its own values."""
    K = camera.K
    if known.fov is not None:
        K = intrinsics(round(2 * K[0, 2]), round(2 * K[1, 2]), known.fov)
    return Camera(K, corrected_extrinsics(camera.T_cw, known))


def under_camera(
    initial: MotionEstimate, camera: Camera, observations: Observations, body: BodyModel, *, height_known: bool
) -> InitialMotion:
    """The initial motion over the floor of another camera, whose observations these are.

    A longer lens moves the pair, and its prior, away by as much as keeps its size in the picture. Which feet stand is found anew,
    and a camera of unknown height stands over them.
    """
    motion = initial.motion_incam
    longer = camera.K[0, 0] / initial.camera.K[0, 0]
    offset = np.array([0, 0, (longer - 1) * motion.pelvis[..., 2].mean()], np.float32)
    moved = replace(motion, pelvis=motion.pelvis + offset)
    with torch.no_grad():
        standing = on_common_floor(
            motion_rotations(moved).to(body.device),
            torch.as_tensor(moved.pelvis, device=body.device),
            torch.as_tensor(moved.betas, device=body.device),
            observations,
            body,
            camera,
        )
    prior = prior_of(initial)
    return InitialMotion(
        moved,
        camera if height_known else replace(camera, T_cw=standing.camera.T_cw),
        standing.foot_contact,
        None if prior is None else replace(prior, joints_incam=prior.joints_incam + offset),
    )
