"""Joint limits: soft bounds on each joint's axis-angle, and the pull to a relaxed pose where a joint is hidden.

Degrees about the SMPL-X rest axes (X to the person's left, Y up, Z forward), rounded from common ranges of motion in
anatomy. The right side mirrors the left.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.skeleton import BODY_JOINTS

_LEFT_OR_MIDLINE: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "spine1": ((-20, 40), (-20, 20), (-20, 20)),
    "spine2": ((-20, 35), (-20, 20), (-15, 15)),
    "spine3": ((-15, 30), (-20, 20), (-15, 15)),
    "neck": ((-30, 40), (-40, 40), (-25, 25)),
    "head": ((-30, 35), (-45, 45), (-25, 25)),
    "left_hip": ((-125, 35), (-50, 50), (-35, 65)),
    "left_knee": ((-2, 150), (-12, 12), (-10, 10)),
    "left_ankle": ((-35, 50), (-20, 20), (-25, 25)),
    "left_foot": ((-40, 10), (-4, 4), (-4, 4)),
    "left_collar": ((-12, 12), (-22, 22), (-12, 30)),
    "left_shoulder": ((-80, 80), (-125, 50), (-100, 95)),
    "left_elbow": ((-85, 85), (-150, 2), (-12, 12)),
    "left_wrist": ((-45, 45), (-35, 35), (-75, 75)),
}
_REST_PULL = {
    "spine1": 1.0, "spine2": 1.0, "spine3": 1.0, "neck": 0.5, "head": 0.5, "hip": 0.05, "knee": 0.02, "ankle": 0.5,
    "foot": 4.0, "collar": 2.0, "shoulder": 0.02, "elbow": 0.05, "wrist": 0.4,
}  # fmt: skip


@lru_cache(maxsize=1)
def joint_limits() -> tuple[Float[Tensor, "21 3"], Float[Tensor, "21 3"]]:
    """Lower and upper bounds in radians, in the order of `body_pose`."""
    bounds = []
    for name in BODY_JOINTS[1:]:
        x, y, z = _LEFT_OR_MIDLINE[name.replace("right_", "left_")]
        if name.startswith("right_"):  # mirrored in the plane x = 0: turns about Y and Z change sign
            y, z = (-y[1], -y[0]), (-z[1], -z[0])
        bounds.append((x, y, z))
    radians = torch.tensor(bounds) * math.pi / 180
    return radians[..., 0], radians[..., 1]


@lru_cache(maxsize=1)
def rest_pull() -> Float[Tensor, " 21"]:
    """Relative weight of the pull to the relaxed pose, per body joint."""
    return torch.tensor([_REST_PULL[name.removeprefix("left_").removeprefix("right_")] for name in BODY_JOINTS[1:]])


def relaxed_pose() -> Float[Tensor, "21 3"]:
    """Axis-angles in radians of a person who stands at ease: arms down, elbows and knees a little bent.

    A copy, which the caller may change.
    """
    return _relaxed_pose().clone()


@lru_cache(maxsize=1)
def _relaxed_pose() -> Tensor:
    degrees = {
        "shoulder": (0.0, -10.0, -65.0),
        "elbow": (0.0, -15.0, 0.0),
        "knee": (6.0, 0.0, 0.0),
        "hip": (-3.0, 0.0, 0.0),
    }
    rows = []
    for name in BODY_JOINTS[1:]:
        x, y, z = degrees.get(name.removeprefix("left_").removeprefix("right_"), (0.0, 0.0, 0.0))
        rows.append((x, -y, -z) if name.startswith("right_") else (x, y, z))
    return torch.tensor(rows) * math.pi / 180
