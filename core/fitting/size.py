"""How large a person is, from the shape parameters: the change of betas that makes a body larger, and the size of given ones."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..body.model import BodyModel, rest_joints
from ..contract.skeleton import JOINT_INDEX
from ..motion import PairMotion

SIZE_SIGMA = 0.055
"""Of the logarithm of an adult's height over the mean one's, both sexes (NCD-RisC, 2016): nearly all are 1.45 to 2.05 m."""


_CHAIN = [JOINT_INDEX[name] for name in ("left_ankle", "left_knee", "left_hip", "pelvis", "spine2", "neck", "head")]
"""Along leg, back and neck: the sum of the distances between these joints is a body's size."""


def sizes(body: BodyModel, betas: Float[Tensor, "P 16"]) -> Float[Tensor, " P"]:
    """metres along leg, back and neck of each person."""
    return rest_joints(body, betas)[:, _CHAIN].diff(dim=1).norm(dim=-1).sum(1)


def with_betas(motion_incam: PairMotion, betas: Float[np.ndarray, "P 16"], body: BodyModel) -> PairMotion:
    """The motion with other shapes that looks the same: larger people stand as much farther from the camera."""
    now, before = (
        sizes(body, torch.as_tensor(each, device=body.device)).cpu().numpy() for each in (betas, motion_incam.betas)
    )
    return replace(motion_incam, pelvis=motion_incam.pelvis * (now / before)[:, None, None], betas=betas)


@lru_cache(maxsize=4)
def growth_per_beta(body: BodyModel) -> Float[Tensor, " 16"]:
    """By how much each beta changes the logarithm of a body's size (see `sizes`), to first order."""
    bones = body.J_template[_CHAIN].diff(dim=0)
    lengths = bones.norm(dim=-1)
    growth = torch.einsum("bd,bdk->bk", bones / lengths[:, None], body.J_shapedirs[_CHAIN].diff(dim=0)).sum(0)
    return growth / lengths.sum()


def betas_per_size(body: BodyModel) -> Float[Tensor, " 16"]:
    """The smallest change of shape that makes a body larger by a factor of e, to first order."""
    growth = growth_per_beta(body)
    return growth / growth.square().sum()


def log_sizes(betas: Float[Tensor, "P 16"], growth: Float[Tensor, " 16"]) -> Float[Tensor, " P"]:
    """Logarithm of each person's size over the mean body's."""
    return betas @ growth


def shape_energy(betas: Float[Tensor, "P 16"], growth: Float[Tensor, " 16"]) -> Float[Tensor, ""]:
    """Squared betas but for the part that only makes a person larger or smaller, which has a prior of its own."""
    size = log_sizes(betas, growth)
    return (betas.square().sum(-1) - size.square() / growth.square().sum()).mean()


def size_energy(betas: Float[Tensor, "P 16"], growth: Float[Tensor, " 16"]) -> Float[Tensor, ""]:
    """Squared standard deviations of people's sizes from the mean body's."""
    return (log_sizes(betas, growth) / SIZE_SIGMA).square().mean()
