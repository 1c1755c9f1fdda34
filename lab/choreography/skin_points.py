"""Skin points that follow the 22 body joints alone: fingers are posed first and then move with the wrist.

So an optimisation that does not move fingers need not pose them. Pose blend shapes are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.body.model import BodyModel, forward_kinematics, linear_blend_skinning, rest_joints
from core.contract.skeleton import BODY_JOINTS, JOINTS, PARENTS

BODY = len(BODY_JOINTS)
_STRONGEST = 5
"""Greatest number of joints that a point follows."""


def merge_finger_weights(weights: Tensor) -> Tensor:
    """Skinning weights [N,55] -> [N,22]: those of face and fingers are added to the head's and the wrists'."""
    carried = weights[:, :BODY].clone()
    for joint in range(BODY, len(JOINTS)):
        above = joint
        while above >= BODY:
            above = PARENTS[above]
        carried[:, above] += weights[:, joint]
    return carried


def rest_skin(body: BodyModel, betas: Tensor, fingers: Tensor) -> Tensor:
    """The rest pose's skin [T,V,3] of a person of shape betas [16] with fingers (and face) [T,33,3,3] already turned."""
    joints = rest_joints(body, betas)
    rotations = torch.eye(3).repeat(len(fingers), len(JOINTS), 1, 1)
    rotations[:, BODY:] = fingers
    places, world = forward_kinematics(rotations, joints, joints[0])
    return linear_blend_skinning(body, betas, rotations, joints, places, world)


@dataclass(frozen=True)
class SkinPoints:
    """N points on one person, T frames."""

    rest_positions: Tensor
    """[T,N,3] in the rest pose, fingers turned"""
    rest_normals: Tensor
    """[N,3] in the rest pose"""
    rest_joints: Tensor
    """[22,3] rest joints"""
    joint_indices: Tensor
    """int64 [N,K]: the joints that each point follows."""
    joint_weights: Tensor
    """[N,K] their weights; rows sum to one."""

    @classmethod
    def from_body(cls, body: BodyModel, betas: Tensor, fingers: Tensor, normal: Tensor) -> SkinPoints:
        """All vertices of `body` (a subset of a body), with their normals [N,3]."""
        share, carrier = merge_finger_weights(body.lbs_weights).sort(dim=1, descending=True)
        share, carrier = share[:, :_STRONGEST], carrier[:, :_STRONGEST]
        return cls(
            rest_skin(body, betas, fingers),
            normal,
            rest_joints(body, betas)[:BODY],
            carrier,
            share / share.sum(1, keepdim=True),
        )

    def pose(self, joints: Tensor, world: Tensor) -> tuple[Tensor, Tensor]:
        """Positions and normals [T,N,3] of all points for joints [T,22,3] and world rotations [T,22,3,3]."""
        shift = joints - (world @ self.rest_joints[..., None])[..., 0]
        turned = torch.cat([world, shift[..., None]], -1).flatten(-2).mT @ self.dense_weights().T
        turned = turned.unflatten(-2, (3, 4))
        places = (turned[:, :, :3] * self.rest_positions.mT[:, None]).sum(2) + turned[:, :, 3]
        return places.mT, (world[:, self.joint_indices[:, 0]] @ self.rest_normals[..., None])[..., 0]

    def dense_weights(self) -> Tensor:
        """[N,22] weights of all joints."""
        return torch.zeros(len(self.joint_indices), BODY).scatter_(1, self.joint_indices, self.joint_weights)

    def weighted_offsets(self) -> Tensor:
        """[T,N,22,3] metres from each joint in the rest pose, times its weight."""
        return self.dense_weights()[..., None] * (self.rest_positions[:, :, None] - self.rest_joints)


def joint_transforms(joints: Tensor, world: Tensor) -> Tensor:
    """joints [...,22,3] and world rotations [...,22,3,3] as [...,3,88], which a `point_matrix` is multiplied by."""
    return torch.cat([world.transpose(-3, -2).flatten(-2), joints.mT], -1)


def point_matrix(lever: Tensor, share: Tensor) -> Tensor:
    """[...,88,N]: `joint_transforms(...) @ point_matrix(...)` are the positions [...,3,N] of linear blend skinning.

    `lever` [...,N,22,3] are offsets in the joints' rest axes times the joints' weights, `share` [...,N,22] the weights.
    """
    return torch.cat([lever.flatten(-2), share], -1).mT
