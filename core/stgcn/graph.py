"""The skeleton as a graph for spatial graph convolutions: one adjacency matrix for each direction along the bones."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.skeleton import PARENTS
from ..motion import BODY_COUNT

PARTITIONS = ("self", "parent", "children")
"""The neighbours that each of the matrices of `adjacency` gathers."""


def adjacency() -> Float[Tensor, "3 22 22"]:
    """For each of `PARTITIONS`, which joints (columns) a joint (row) reads; rows sum to one, or to zero.

    Spatial configuration partitioning of ST-GCN (Yan et al., AAAI 2018, section 3.3) with the pelvis as the root.
    """
    parent = torch.zeros(BODY_COUNT, BODY_COUNT)
    for joint in range(1, BODY_COUNT):
        parent[joint, PARENTS[joint]] = 1.0
    children = parent.T / parent.T.sum(1, keepdim=True).clamp_min(1.0)
    return torch.stack([torch.eye(BODY_COUNT), parent, children])
