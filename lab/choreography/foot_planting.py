"""Foot planting of a single motion: planted feet do not slide, and no sole is below the floor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from core.contract.runs import find_runs
from core.contract.skeleton import JOINT_INDEX
from core.fitting.soles import sole_vertices

from .scene import Actor
from .skin_points import SkinPoints

_LETS_GO = 5
"""Frames over which a foot becomes free after it was planted."""


class PlantedFeet(NamedTuple):
    """Where the ankles are to be in T frames, and how free they are to leave that place."""

    ankle_targets: Tensor
    """[T,2,3] metres, in the world."""
    freedom: Tensor
    """[T,2] 0 where a foot is planted, rising to 1 some frames away."""


def plant_choreographed_feet(actor: Actor, joints: Tensor, world: Tensor) -> PlantedFeet:
    """The feet of the actor's motion, whose joints [T,22,3] and global rotations [T,22,3,3] are given."""
    soles = sole_positions(actor, joints, world)
    ankles = joints[:, [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]].clone()
    frames = len(joints)
    free = torch.ones(frames, 2)
    for foot in (0, 1):
        planted = actor.motion.foot_contact[:, foot]
        middle = soles[:, foot].mean(1).numpy()
        correction, known = np.zeros((frames, 2)), np.zeros(frames, bool)
        for run in find_runs(planted):
            correction[run] = middle[run, :2].mean(0) - middle[run, :2]
            known[run] = True
        if known.any():
            at = np.flatnonzero(known)
            for axis in (0, 1):
                correction[:, axis] = np.interp(np.arange(frames), at, correction[at, axis])
        lowest = soles[:, foot, :, 2].min(1).values.numpy()
        raise_by = np.where(planted, -lowest, np.maximum(-lowest, 0))
        if planted.any():  # a foot in the air is raised by the interpolated correction of the stances before and after
            at = np.flatnonzero(planted)
            raise_by = np.maximum(raise_by, np.interp(np.arange(frames), at, raise_by[at]) * ~planted)
            raise_by[planted] = -lowest[planted]
        ankles[:, foot, :2] += torch.from_numpy(correction).float()
        ankles[:, foot, 2] += torch.from_numpy(raise_by).float()
        free[:, foot] = torch.from_numpy(_away_from(planted)).float()
    return PlantedFeet(ankles, free)


def sole_positions(actor: Actor, joints: Tensor, world: Tensor) -> Tensor:
    """[T,2,6,3] points of both soles."""
    points = sole_points(actor, len(joints))
    return points.pose(joints, world)[0].unflatten(1, (2, -1))


def sole_points(actor: Actor, frames: int) -> SkinPoints:
    vertices = sole_vertices(actor.body).flatten()
    none = torch.eye(3).repeat(1, 33, 1, 1)
    points = SkinPoints.from_body(
        actor.body.subset(vertices), torch.from_numpy(actor.betas), none, torch.zeros(len(vertices), 3)
    )
    return SkinPoints(
        points.rest_positions.expand(frames, -1, -1),
        points.rest_normals,
        points.rest_joints,
        points.joint_indices,
        points.joint_weights,
    )


def _away_from(planted: np.ndarray) -> np.ndarray:
    """[T] 0 where planted, rising smoothly to 1 within _LETS_GO frames."""
    at = np.flatnonzero(planted)
    if not len(at):
        return np.ones(len(planted))
    distance = np.abs(np.arange(len(planted))[:, None] - at).min(1)
    u = np.clip(distance / _LETS_GO, 0, 1)
    return u * u * (3 - 2 * u)
