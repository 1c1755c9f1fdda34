"""Bodies are posed to joints: those of a pose give the pose's joints back, whatever the pose before."""

from __future__ import annotations

from dataclasses import replace

import torch

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix
from core.representation.residual import PoseState
from core.stgcn.posing import pose_to_joints


def drawn(seed: int, size: float) -> PoseState:
    """Two people, five frames, limbs turned at random."""
    draw = torch.Generator().manual_seed(seed)
    turns = axis_angle_to_matrix(size * torch.randn(2, 5, 22, 3, generator=draw))
    return PoseState(turns, torch.randn(2, 5, 3, generator=draw), torch.zeros(2, 16))


def test_the_joints_of_a_pose_are_met_from_another_pose() -> None:
    body = load_body(None)
    before = drawn(0, 0.2)
    wanted = replace(drawn(1, 0.5), betas=before.betas).joints(body)
    made = pose_to_joints(before, wanted, body)
    assert (made.joints(body) - wanted).norm(dim=-1).max() < 0.02
    identity = torch.eye(3).expand_as(made.rotations)
    assert torch.allclose(made.rotations @ made.rotations.mT, identity, atol=1e-4)


def test_a_motion_posed_to_its_own_joints_is_itself() -> None:
    body, motion = load_body(None), drawn(2, 0.5)
    same = pose_to_joints(motion, motion.joints(body), body)
    assert torch.allclose(same.rotations, motion.rotations, atol=1e-4)
    assert torch.equal(same.pelvis, motion.pelvis)


def test_bones_keep_their_length_and_point_where_they_are_asked_to() -> None:
    """Joints of somebody a tenth larger."""
    body = load_body(None)
    motion = drawn(3, 0.3)
    own = motion.joints(body)
    larger = own[..., :1, :] + 1.1 * (own - own[..., :1, :])
    made = pose_to_joints(motion, larger, body).joints(body)
    elbow, wrist = 18, 20
    bone, wanted = (made[..., wrist, :] - made[..., elbow, :]), (own[..., wrist, :] - own[..., elbow, :])
    assert torch.allclose(bone.norm(dim=-1), wanted.norm(dim=-1), atol=1e-4)
