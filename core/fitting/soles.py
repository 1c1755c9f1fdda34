"""The points of the skin that touch the floor."""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.model import BodyModel
from ..contract.skeleton import JOINT_INDEX
from ..motion import Posed

POINTS_PER_FOOT = 6


@lru_cache(maxsize=4)
def sole_vertices(body: BodyModel) -> Tensor:
    """Vertex ids [2,6] of the left and right sole: its lowest vertices, spread from heel to toes."""
    feet = []
    for side in ("left", "right"):
        joints = [JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]]
        on_foot = (body.lbs_weights[:, joints].sum(1) > 0.9).nonzero()[:, 0]
        points = body.v_template[on_foot]
        sole = on_foot[points[:, 1] < points[:, 1].min() + 0.012]
        depth = body.v_template[sole][:, 2]
        # one vertex each at even steps from heel to toes
        steps = torch.linspace(float(depth.min()), float(depth.max()), POINTS_PER_FOOT, device=depth.device)
        feet.append(sole[(depth[None] - steps[:, None]).abs().argmin(1)])
    return torch.stack(feet)


def posed_soles(posed: Posed, body: BodyModel) -> Float[Tensor, "P T 2 6 3"]:
    """Points of the left and the right sole of posed people, in the frame of reference of the pose, metres."""
    return posed.skin(body.subset(sole_vertices(body).flatten())).unflatten(2, (2, POINTS_PER_FOOT))


def lowest_points(soles: Float[Tensor, "P T 2 S 3"], up: Float[Tensor, " 3"]) -> Float[Tensor, "P T 2 3"]:
    """The point of each sole that lies lowest along an upward direction."""
    lowest = (soles * -up).sum(-1).argmax(-1)
    return soles.gather(3, lowest[..., None, None].expand(*lowest.shape, 1, 3))[..., 0, :]
