"""A plain fit for comparison: the smplx package poses all vertices at every step, and Adam optimises all frames at once.

smplx is licensed for non-commercial use and is not part of the product: requirements-dev.txt installs it.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.body.files import DEFAULT_BODY
from core.body.landmarks import LandmarkRegressor, regress_landmarks
from core.body.model import NUM_BETAS, BodyModel, rest_joints
from core.contract.skeleton import JOINTS
from core.fitting import energies
from core.fitting.limits import relaxed_pose
from core.motion import BODY_COUNT, MotionEstimate
from core.observations.observe import Observations
from core.projection import project

_LEARNING_RATE = 0.02
_SIGMA = 0.05
"""Scale of the robust reprojection loss, in heights of a person's box."""
_POSE_WEIGHT, _SHAPE_WEIGHT, _ACCELERATION_WEIGHT = 0.004, 0.02, 2e-5


def fit_full_mesh(
    start: MotionEstimate, observations: Observations, body: BodyModel, steps: int
) -> Float[np.ndarray, "2 T 22 3"]:
    """Joints in the camera's frame after the given number of steps.

    The loss is the reprojection error of the 33 landmarks, the distance to a relaxed pose, the squared betas and the joints'
    acceleration; nothing connects the two people. `body` is the default body, which smplx reads itself.
    """
    import smplx

    device = body.device
    people, frames = start.motion_incam.pelvis.shape[:2]
    model = smplx.SMPLX(
        str(DEFAULT_BODY),
        num_betas=NUM_BETAS,
        use_pca=False,
        flat_hand_mean=True,
        ext="npz",
        batch_size=people * frames,
    ).to(device)
    seconds = torch.from_numpy(observations.time).to(device, torch.float32)
    regressor = LandmarkRegressor.for_body(body)
    relaxed = relaxed_pose().to(device)

    def variable(array: np.ndarray) -> Tensor:
        return torch.tensor(array, dtype=torch.float32, device=device, requires_grad=True)

    orient, pose, betas = (
        variable(array)
        for array in (start.motion_incam.global_orient, start.motion_incam.body_pose, start.motion_incam.betas)
    )
    rest_pelvis = rest_joints(body, betas.detach())[:, 0].cpu().numpy()
    # smplx translates the rest pose, ours gives the pelvis' position
    translation = variable(start.motion_incam.pelvis - rest_pelvis[:, None])
    hands = [
        torch.as_tensor(array, device=device).reshape(people * frames, -1)
        for array in (start.motion_incam.left_hand_pose, start.motion_incam.right_hand_pose)
    ]

    def posed() -> tuple[Tensor, Tensor]:
        """Joints [P,T,55,3] and vertices [P,T,V,3]."""
        out = model(
            betas=betas[:, None].expand(-1, frames, -1).flatten(0, 1),
            global_orient=orient.flatten(0, 1),
            body_pose=pose.flatten(0, 1).flatten(1),
            left_hand_pose=hands[0],
            right_hand_pose=hands[1],
            transl=translation.flatten(0, 1),
        )
        return out.joints[:, : len(JOINTS)].unflatten(0, (people, frames)), out.vertices.unflatten(0, (people, frames))

    optimizer = torch.optim.Adam([orient, pose, betas, translation], lr=_LEARNING_RATE)
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        joints, vertices = posed()
        pixels, _ = project(regress_landmarks(regressor, joints, vertices[:, :, regressor.vertices]), observations.K)
        loss = (
            energies.reprojection(
                pixels, observations.keypoints, observations.confidence, observations.covariance_with(_SIGMA)
            )
            + _POSE_WEIGHT * (pose - relaxed).square().sum((-1, -2)).mean()
            + _SHAPE_WEIGHT * betas.square().sum(-1).mean()
            + _ACCELERATION_WEIGHT
            * energies.acceleration(
                joints[:, :, :BODY_COUNT],
                seconds,
                torch.full_like(joints[:, :, :BODY_COUNT, 0], torch.inf),
                torch.ones_like(joints[:, :, :BODY_COUNT, 0]),
            )
        )
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return posed()[0][:, :, :BODY_COUNT].cpu().numpy()
