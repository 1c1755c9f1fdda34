"""The body as a graph: its 22 joints, and along which bones one tells the other what it knows."""

from __future__ import annotations

import torch
from torch import Tensor

from ..contract.skeleton import PARENTS
from ..motion import BODY_COUNT

EDGES = ("self", "parent", "children")
"""What each of the matrices of `anatomy` gathers."""


def adjacency() -> Tensor:
    """float32 [3,22,22]: for each kind of `EDGES`, which joints (columns) a joint (row) hears; rows sum to one, or to zero.

    Partitions by direction as in ST-GCN (Yan et al., AAAI 2018), with the pelvis as the root.
    """
    parent = torch.zeros(BODY_COUNT, BODY_COUNT)
    for joint in range(1, BODY_COUNT):
        parent[joint, PARENTS[joint]] = 1.0
    children = parent.T / parent.T.sum(1, keepdim=True).clamp_min(1.0)
    return torch.stack([torch.eye(BODY_COUNT), parent, children])
