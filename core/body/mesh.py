"""The bodies of a result as plain arrays, from which the add-on builds meshes: skinning weights, blend shapes, regions."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..contract.reconstruction import BodyArrays
from .model import BodyModel, rest_vertices
from .regions import vertex_regions

MAX_INFLUENCES = 8
"""Joints per vertex that keep a skinning weight: the limit of common game engines."""


def body_arrays(body: BodyModel, betas: Float[Tensor, "P 16"]) -> BodyArrays:
    """The bodies of people with the given shapes, in the rest pose, SMPL-X axes, metres.

    Each vertex keeps its 8 largest skinning weights, normalized. Pose blend shapes, which a file may have, are left out: an
    armature cannot express them.
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


def limit_influences(lbs_weights: Float[Tensor, "V 55"]) -> tuple[Int[Tensor, "V 8"], Float[Tensor, "V 8"]]:
    """The joints with the largest weights of each vertex, and those weights, largest first, normalized to sum to one."""
    largest, joints = torch.topk(lbs_weights, MAX_INFLUENCES, dim=1)
    joints = torch.where(largest > 0, joints, torch.zeros_like(joints))
    return joints, largest / largest.sum(1, keepdim=True)


def _numpy(tensor: Tensor, dtype: type[np.generic]) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype)
