"""A body in SMPL-X's npz layout: its arrays, forward kinematics and skinning, differentiable, in torch.

Equations of SMPL (Loper et al., 2015) and SMPL-X (Pavlakos et al., 2019). Rest frame: Y up, facing +Z, metres.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from ..contract.skeleton import PARENTS

NUM_BETAS = 16
"""Shape coefficients that the product uses; files with fewer are padded with zeros."""


@dataclass(frozen=True, eq=False)
class BodyModel:
    """V vertices, 55 joints. `faces` and `uv` are for meshes, `identity` names the file (name and sha256).

    Two are equal only as objects, so that what is derived from one can be cached by it."""

    v_template: Tensor
    """[V,3] mean shape, rest frame."""
    shapedirs: Tensor
    """[V,3,16] metres per beta."""
    posedirs: Tensor | None
    """[V*3,486] metres per entry of (R - I) of the 54 joints after the pelvis; None for a body without correctives."""
    J_template: Tensor
    """[55,3] joints of the mean shape."""
    J_shapedirs: Tensor
    """[55,3,16] metres per beta."""
    lbs_weights: Tensor
    """[V,55] skinning weights, rows sum to one."""
    faces: Tensor
    """int64 [F,3]"""
    uv: Tensor
    """[F,3,2] per face corner, zeros where the file has none."""
    identity: str

    @property
    def device(self) -> torch.device:
        return self.v_template.device

    @property
    def dtype(self) -> torch.dtype:
        return self.v_template.dtype

    def to(self, device: torch.device | str) -> BodyModel:
        if self.device == torch.device(device):
            return self
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **moved)

    def subset(self, vertices: Tensor) -> BodyModel:
        """The same body with the given vertices [N] only (no faces): what a fit skins."""
        directions = self.posedirs
        if directions is not None:
            directions = directions.reshape(-1, 3, directions.shape[-1])[vertices].reshape(-1, directions.shape[-1])
        return replace(
            self,
            v_template=self.v_template[vertices],
            shapedirs=self.shapedirs[vertices],
            posedirs=directions,
            lbs_weights=self.lbs_weights[vertices],
            faces=self.faces[:0],
            uv=self.uv[:0],
        )


def rest_joints(body: BodyModel, betas: Tensor) -> Tensor:
    """betas [...,16] -> joints of that shape in the rest pose [...,55,3]."""
    return body.J_template + torch.einsum("jdk,...k->...jd", body.J_shapedirs, betas)


def rest_vertices(body: BodyModel, betas: Tensor) -> Tensor:
    """betas [...,16] -> vertices of that shape in the rest pose [...,V,3]."""
    return body.v_template + torch.einsum("vdk,...k->...vd", body.shapedirs, betas)


@cache
def _levels(count: int) -> tuple[tuple[list[int], list[int]], ...]:
    """The first `count` joints and their parents by depth below the pelvis: one batched product a level."""
    depth = [0] * count
    for joint in range(1, count):
        depth[joint] = depth[PARENTS[joint]] + 1
    levels = []
    for level in range(1, max(depth) + 1):
        joints = [joint for joint in range(count) if depth[joint] == level]
        levels.append((joints, [PARENTS[joint] for joint in joints]))
    return tuple(levels)


def forward_kinematics(rotations: Tensor, rest: Tensor, pelvis: Tensor) -> tuple[Tensor, Tensor]:
    """Place the joints.

    rotations [...,J,3,3] of each joint relative to its parent (the pelvis: to the world), rest joints [...,J,3] that
    broadcast to them, pelvis [...,3] position of the pelvis joint. J is 55, or 22 for the body without face and hands.
    Returns joints [...,J,3] and world rotations [...,J,3,3] (what takes the rest pose's axes to the posed ones).
    """
    # one joint at a time in lists: gradients through slices would fill a whole array for each
    relative, rest_place = rotations.unbind(-3), rest.unbind(-2)
    world = [relative[0]] * len(relative)
    place = [pelvis.expand(*rotations.shape[:-3], 3)] * len(relative)
    for joints, parents in _levels(len(relative)):
        above = torch.stack([world[parent] for parent in parents], -3)
        turned = above @ torch.stack([relative[joint] for joint in joints], -3)
        offset = torch.stack([rest_place[joint] - rest_place[parent] for joint, parent in zip(joints, parents)], -2)
        moved = torch.stack([place[parent] for parent in parents], -2) + (above @ offset[..., None])[..., 0]
        for joint, its_turn, its_place in zip(joints, turned.unbind(-3), moved.unbind(-2)):
            world[joint], place[joint] = its_turn, its_place
    return torch.stack(place, -2), torch.stack(world, -3)


def linear_blend_skinning(
    body: BodyModel, betas: Tensor, rotations: Tensor, rest: Tensor, joints: Tensor, world: Tensor
) -> Tensor:
    """Linear blend skinning with shape and pose correctives.

    betas [...,16], rotations [...,55,3,3] (relative, as given to forward_kinematics), its rest joints [...,55,3] and
    its results joints [...,55,3] and world [...,55,3,3]. Leading shapes broadcast. Returns vertices [...,V,3], world.
    """
    vertices = rest_vertices(body, betas)
    if body.posedirs is not None:
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        feature = (rotations[..., 1:, :, :] - identity).flatten(-3)
        vertices = vertices + (feature @ body.posedirs.T).unflatten(-1, (-1, 3))
    shift = joints - (world @ rest.expand_as(joints)[..., None])[..., 0]
    # one product for all poses, vertices last: the weights are not repeated, and no small matrices are multiplied
    columns = torch.cat([world, shift[..., None]], -1).flatten(-2).transpose(-1, -2) @ body.lbs_weights.T
    turned_x, turned_y, turned_z, moved = columns.unflatten(-2, (3, 4)).unbind(-2)
    x, y, z = vertices.transpose(-1, -2).unsqueeze(-2).unbind(-3)
    return (turned_x * x + turned_y * y + turned_z * z + moved).transpose(-1, -2)
