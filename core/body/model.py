"""The SMPL-X body model in torch: blend shapes, joints, forward kinematics and linear blend skinning, all differentiable.

Follows SMPL (Loper et al., 2015) and SMPL-X (Pavlakos et al., 2019), without facial expressions. Rest frame: Y up, the body faces
+Z, metres.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..contract.skeleton import PARENTS

NUM_BETAS = 16
"""Shape coefficients in use; the blend shapes of files with fewer are padded with zeros."""


@dataclass(frozen=True, eq=False)
class BodyModel:
    """The arrays of one body in SMPL-X's layout, named as in the smplx package.

    Bodies compare equal only as objects, so that results derived from one can be cached by it.
    """

    v_template: Float[Tensor, "V 3"]
    """Vertices of the mean shape in the rest pose."""
    shapedirs: Float[Tensor, "V 3 16"]
    """Shape blend shapes, metres per beta."""
    posedirs: Float[Tensor, "3*V 486"] | None
    """Pose blend shapes, metres per entry of (R - I) of the 54 joints after the pelvis. None for a body without them."""
    J_template: Float[Tensor, "55 3"]
    """Joints of the mean shape in the rest pose: the joint regressor applied to `v_template`."""
    J_shapedirs: Float[Tensor, "55 3 16"]
    """The joint regressor applied to `shapedirs`, metres per beta."""
    lbs_weights: Float[Tensor, "V 55"]
    """Skinning weights; rows sum to one."""
    faces: Int[Tensor, "F 3"]
    uv: Float[Tensor, "F 3 2"]
    """Texture coordinates of each face's corners, zeros for a file without any."""
    identity: str
    """Name and sha256 of the file."""

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

    def subset(self, vertices: Int[Tensor, " N"]) -> BodyModel:
        """The same body with only the given vertices and without faces, for skinning a few points."""
        posedirs = self.posedirs
        if posedirs is not None:
            posedirs = posedirs.unflatten(0, (-1, 3))[vertices].flatten(0, 1)
        return replace(
            self,
            v_template=self.v_template[vertices],
            shapedirs=self.shapedirs[vertices],
            posedirs=posedirs,
            lbs_weights=self.lbs_weights[vertices],
            faces=self.faces[:0],
            uv=self.uv[:0],
        )


def rest_joints(body: BodyModel, betas: Float[Tensor, "*batch 16"]) -> Float[Tensor, "*batch 55 3"]:
    """Joints of a shape in the rest pose."""
    return body.J_template + torch.einsum("jdk,...k->...jd", body.J_shapedirs, betas)


def rest_vertices(body: BodyModel, betas: Float[Tensor, "*batch 16"]) -> Float[Tensor, "*batch V 3"]:
    """Vertices of a shape in the rest pose."""
    return body.v_template + torch.einsum("vdk,...k->...vd", body.shapedirs, betas)


@cache
def _kinematic_tree_levels(count: int) -> tuple[tuple[list[int], list[int]], ...]:
    """The first `count` joints and their parents by depth below the pelvis, so that each level is one batched product."""
    depth = [0] * count
    for joint in range(1, count):
        depth[joint] = depth[PARENTS[joint]] + 1
    levels = []
    for level in range(1, max(depth) + 1):
        joints = [joint for joint in range(count) if depth[joint] == level]
        levels.append((joints, [PARENTS[joint] for joint in joints]))
    return tuple(levels)


def forward_kinematics(
    rotations: Float[Tensor, "*batch J 3 3"], rest: Float[Tensor, "*#batch J 3"], pelvis: Float[Tensor, "*#batch 3"]
) -> tuple[Float[Tensor, "*batch J 3"], Float[Tensor, "*batch J 3 3"]]:
    """Joint positions and global rotations of a pose.

    `rotations` are relative to the parent joint (the pelvis': to the world or camera), `rest` are the joints of the shape in the
    rest pose, `pelvis` is the position of the pelvis joint. J is 55, or 22 for the body without face and hands. Global rotations
    take the axes of the rest pose to those of the posed joint.
    """
    # one joint at a time in lists: gradients through slices of one tensor would each fill a tensor of its size
    relative, rest_of = rotations.unbind(-3), rest.unbind(-2)
    global_rotations = [relative[0]] * len(relative)
    positions = [pelvis.expand(*rotations.shape[:-3], 3)] * len(relative)
    for joints, parents in _kinematic_tree_levels(len(relative)):
        parent_rotations = torch.stack([global_rotations[parent] for parent in parents], -3)
        level_rotations = parent_rotations @ torch.stack([relative[joint] for joint in joints], -3)
        bones = torch.stack([rest_of[joint] - rest_of[parent] for joint, parent in zip(joints, parents)], -2)
        parent_positions = torch.stack([positions[parent] for parent in parents], -2)
        level_positions = parent_positions + (parent_rotations @ bones[..., None])[..., 0]
        for joint, rotation, position in zip(joints, level_rotations.unbind(-3), level_positions.unbind(-2)):
            global_rotations[joint], positions[joint] = rotation, position
    return torch.stack(positions, -2), torch.stack(global_rotations, -3)


def linear_blend_skinning(
    body: BodyModel,
    betas: Float[Tensor, "*#batch 16"],
    rotations: Float[Tensor, "*#batch 55 3 3"],
    rest: Float[Tensor, "*#batch 55 3"],
    joints: Float[Tensor, "*#batch 55 3"],
    global_rotations: Float[Tensor, "*#batch 55 3 3"],
) -> Float[Tensor, "*batch V 3"]:
    """Posed vertices, with shape and pose blend shapes, in the frame of `joints`.

    `rotations` (relative to the parent) and `rest` are the arguments of `forward_kinematics`, `joints` and `global_rotations` its
    results.
    """
    vertices = rest_vertices(body, betas)
    if body.posedirs is not None:
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        pose_feature = (rotations[..., 1:, :, :] - identity).flatten(-3)
        vertices = vertices + (pose_feature @ body.posedirs.T).unflatten(-1, (-1, 3))
    translations = joints - (global_rotations @ rest.expand_as(joints)[..., None])[..., 0]
    # one product for all poses, vertices last: the weights are not repeated, and no small matrices are multiplied
    columns = torch.cat([global_rotations, translations[..., None]], -1).flatten(-2).transpose(-1, -2)
    blended = columns @ body.lbs_weights.T
    x_axis, y_axis, z_axis, translation = blended.unflatten(-2, (3, 4)).unbind(-2)
    x, y, z = vertices.transpose(-1, -2).unsqueeze(-2).unbind(-3)
    return (x_axis * x + y_axis * y + z_axis * z + translation).transpose(-1, -2)
