"""What Blender needs to build both meshes: skin, shape, texture coordinates and regions as plain arrays."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..contract.reconstruction import BodyArrays
from .model import BodyModel, rest_vertices
from .regions import vertex_regions

MAX_INFLUENCES = 8
"""Joints that may move one vertex; what game engines take."""


def body_arrays(body: BodyModel, betas: Tensor) -> BodyArrays:
    """The bodies of people with shapes `betas` [P,16], in the rest pose, SMPL-X axes, metres.

    Each vertex keeps its strongest 8 weights, scaled to sum to one. Pose correctives, which a file may have, are left
    out: an armature cannot express them.
    """
    joints, weights = limit_influences(body.lbs_weights)
    return BodyArrays(
        faces=_numpy(body.faces, np.int32),
        uv=_numpy(body.uv, np.float32),
        skin_joints=_numpy(joints, np.int32),
        skin_weights=_numpy(weights, np.float32),
        rest_vertices=_numpy(rest_vertices(body, betas.to(body.v_template)), np.float32),
        shape_vertices=_numpy(body.shapedirs, np.float32),
        shape_joints=_numpy(body.J_shapedirs, np.float32),
        vertex_region=_numpy(vertex_regions(body), np.int32),
    )


def limit_influences(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [V,55] -> joints [V,8] and their weights [V,8], strongest first, rows summing to one."""
    strongest, joints = torch.topk(weights, MAX_INFLUENCES, dim=1)
    joints = torch.where(strongest > 0, joints, torch.zeros_like(joints))
    return joints, strongest / strongest.sum(1, keepdim=True)


def _numpy(tensor: Tensor, kind: type[np.generic]) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), kind)
