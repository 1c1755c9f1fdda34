"""Posing a body to joints: the joints of a pose give the pose's joints back, whatever the reference pose."""

from __future__ import annotations

from dataclasses import replace

import torch

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import JOINT_INDEX
from core.representation.residual import PoseState
from core.stgcn.posing import pose_to_joints


def random_pose(seed: int, size: float) -> PoseState:
    """Two people, five frames; joint rotations are normally distributed, `size` radians about each axis."""
    generator = torch.Generator().manual_seed(seed)
    rotations = axis_angle_to_matrix(size * torch.randn(2, 5, 22, 3, generator=generator))
    return PoseState(rotations, torch.randn(2, 5, 3, generator=generator), torch.zeros(2, 16))


def test_the_joints_of_another_pose_are_reached() -> None:
    body, reference = load_body(None), random_pose(0, 0.2)
    target = replace(random_pose(1, 0.5), betas=reference.betas).joints(body)
    posed = pose_to_joints(reference, target, body)
    assert (posed.joints(body) - target).norm(dim=-1).max() < 0.02
    identity = torch.eye(3).expand_as(posed.rotations)
    assert torch.allclose(posed.rotations @ posed.rotations.mT, identity, atol=1e-4)


def test_a_pose_posed_to_its_own_joints_is_itself() -> None:
    body, pose = load_body(None), random_pose(2, 0.5)
    posed = pose_to_joints(pose, pose.joints(body), body)
    assert torch.allclose(posed.rotations, pose.rotations, atol=1e-4)
    assert torch.equal(posed.pelvis, pose.pelvis)


def test_bones_keep_their_length_when_posed_to_the_joints_of_a_taller_person() -> None:
    body, pose = load_body(None), random_pose(3, 0.3)
    own = pose.joints(body)
    taller = own[..., :1, :] + 1.1 * (own - own[..., :1, :])
    posed = pose_to_joints(pose, taller, body).joints(body)
    elbow, wrist = JOINT_INDEX["left_elbow"], JOINT_INDEX["left_wrist"]
    before, after = (joints[..., wrist, :] - joints[..., elbow, :] for joints in (own, posed))
    assert torch.allclose(after.norm(dim=-1), before.norm(dim=-1), atol=1e-4)
