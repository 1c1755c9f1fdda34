"""Which way people's trunks point."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ..contract.skeleton import JOINT_INDEX
from ..motion import Posed

_JOINTS = [JOINT_INDEX["pelvis"], JOINT_INDEX["spine3"]]


def trunk_directions(posed: Posed) -> Float[Tensor, "P T 3"]:
    """Unit vectors up along each person's trunk, in the frame of reference of the pose."""
    return normalize(posed.global_rotations[:, :, _JOINTS, :, 1].sum(2), dim=-1)


def usual_direction(trunks: Float[Tensor, "P T 3"]) -> Float[Tensor, " 3"]:
    """The unit vector that trunks point along in the median; people bend and lean, but more often they stand."""
    return normalize(trunks.flatten(0, 1).median(0).values, dim=0)
