"""A batch of made-up windows: what `InfillerObjective` takes, with a residual that their features tell of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core.body.rotations import axis_angle_to_matrix
from core.fitting.limits import relaxed_pose
from core.observations.features import NODE_FEATURES, PERSON_FEATURES
from core.representation.residual import RESIDUAL_SIZE, PoseState, encode_residual


@dataclass(frozen=True)
class Batch:
    nodes: Tensor
    people: Tensor
    seen: Tensor
    base: PoseState
    x: Tensor
    betas: Tensor
    valid: Tensor
    text: Tensor | None

    def exchanged(self) -> Batch:
        base = PoseState(self.base.rotations.flip(1), self.base.pelvis.flip(1), self.base.betas.flip(1))
        over_people = {name: getattr(self, name).flip(1) for name in ("nodes", "people", "seen", "x", "betas")}
        return Batch(**over_people, base=base, valid=self.valid, text=self.text)


def batch(count: int = 8, frames: int = 16, seed: int = 0) -> Batch:
    """Two people a metre apart whose joints swing slowly, first motions that are off by a steady amount a window."""
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw)

    angles = normal(count, 2, 1, 22, 3) * 0.15 * torch.sin(torch.arange(frames) / 6 + seed)[:, None, None]
    angles[..., 1:, :] += relaxed_pose()
    rotations = axis_angle_to_matrix(angles)
    rotations[..., 0, :, :] = axis_angle_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0])) @ rotations[..., 0, :, :]
    pelvis = torch.tensor([[-0.5, 0.0, 0.93], [0.5, 0.0, 0.93]])[:, None].expand(count, 2, frames, 3)
    base = PoseState(rotations, pelvis.clone(), torch.zeros(count, 2, 16))
    off = axis_angle_to_matrix(0.3 * normal(count, 2, 1, 22, 3))
    true = PoseState(rotations @ off, pelvis + 0.15 * normal(count, 2, 1, 3), 0.5 * normal(count, 2, 16))
    foot_contact, touching = normal(count, 2, 1, 2) > 0, normal(count, 2, 1, 8) > 0
    x, betas = encode_residual(true, base, foot_contact.expand(-1, -1, frames, -1), touching.expand(-1, -1, frames, -1))
    assert x.shape[-1] == RESIDUAL_SIZE
    return Batch(
        nodes=normal(count, 2, frames, 22, len(NODE_FEATURES)),
        people=normal(count, 2, frames, len(PERSON_FEATURES)),
        seen=torch.rand(count, 2, frames, 22, generator=draw),
        base=base,
        x=x,
        betas=betas,
        valid=torch.ones(count, frames, dtype=torch.bool),
        text=torch.nn.functional.normalize(normal(count, 384), dim=-1),
    )
