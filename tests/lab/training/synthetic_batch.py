"""A synthetic batch for the infiller: random features, and true motions that differ from the reference by a constant."""

from __future__ import annotations

import torch
from torch import Tensor

from core.body.files import load_body
from core.body.rotations import axis_angle_to_matrix
from core.fitting.limits import relaxed_pose
from core.observations.features import NODE_FEATURES, PERSON_FEATURES
from core.representation.residual import PoseState, encode_residual
from lab.training.batches import Batch


def synthetic_batch(count: int = 8, frames: int = 16, seed: int = 0) -> Batch:
    """Two people a metre apart whose joints swing slowly."""
    generator, body = torch.Generator().manual_seed(seed), load_body(None)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    swing = 0.15 * torch.sin(torch.arange(frames) / 6 + seed)[:, None, None]
    axis_angle = normal(count, 2, 1, 22, 3) * swing
    axis_angle[..., 1:, :] += relaxed_pose()
    rotations = axis_angle_to_matrix(axis_angle)
    upright = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0]))
    rotations[..., 0, :, :] = upright @ rotations[..., 0, :, :]
    pelvis = torch.tensor([[-0.5, 0.0, 0.93], [0.5, 0.0, 0.93]])[:, None].expand(count, 2, frames, 3)
    reference = PoseState(rotations, pelvis.clone(), torch.zeros(count, 2, 16))
    error = axis_angle_to_matrix(0.3 * normal(count, 2, 1, 22, 3))
    true = PoseState(rotations @ error, pelvis + 0.15 * normal(count, 2, 1, 3), 0.5 * normal(count, 2, 16))
    foot_contact, touching = ((normal(count, 2, 1, parts) > 0).expand(-1, -1, frames, -1) for parts in (2, 8))
    residual, betas = encode_residual(true, reference, foot_contact, touching)
    return Batch(
        nodes=normal(count, 2, frames, 22, len(NODE_FEATURES)),
        people=normal(count, 2, frames, len(PERSON_FEATURES)),
        confidence=torch.rand(count, 2, frames, 22, generator=generator),
        reference=reference,
        reference_joints=reference.joints(body),
        true_joints=true.joints(body),
        residual=residual,
        residual_betas=betas,
        visibility=torch.zeros(count, 2, frames, 22, dtype=torch.uint8),
        valid=torch.ones(count, frames, dtype=torch.bool),
        text=torch.nn.functional.normalize(normal(count, 384), dim=-1),
    )
