"""A script worked out for two bodies: what is wanted of every joint and foot in every frame, before any optimisation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel, rest_joints, rest_vertices
from ..body.rotations import axis_angle_to_matrix
from ..contract.skeleton import JOINT_INDEX
from ..geometry.limits import relaxed_pose
from ..geometry.soles import sole_vertices
from .script import Actor, Script, Side, during, foot_path, planted

SIDES: tuple[Side, Side] = ("left", "right")
_HEEL_RISES = 3
"""Frames before a foot leaves in which its heel is already free."""
_SWING_HEIGHT = 0.07
_ARM_SWING = 0.28
"""radians forwards and backwards while walking."""
_ARMS_HANG = {"shoulder": (math.radians(-4), math.radians(-72)), "elbow": (math.radians(-12), 0.0)}
"""Turns of the left arm about Y and Z: straighter down than the pose that a fit is drawn to."""


@dataclass(frozen=True)
class Plan:
    """P = 2 people, T frames. Tensors in the world frame."""

    base: Tensor
    """[P,T,22,3,3] relative rotations to start from: at ease, arms swinging with the feet, facing where they should."""
    pelvis: Tensor
    """[P,T,3] over the feet."""
    soles: Tensor
    """[P,T,2,S,3] where the soles' points stand, meaningful where `standing`."""
    standing: Tensor
    """[P,T,2,S] in 0-1; heels before toes."""
    swing: Tensor
    """[P,T,2,3] where the ankles go through the air."""
    swinging: Tensor
    """[P,T,2] in 0-1."""


def make_plan(script: Script, body: BodyModel, betas: Tensor) -> Plan:
    people = [_plan_actor(actor, script, body, betas[p]) for p, actor in enumerate(script.actors)]
    return Plan(*(torch.stack(parts) for parts in zip(*people)))


def _plan_actor(actor: Actor, script: Script, body: BodyModel, betas: Tensor) -> tuple[Tensor, ...]:
    frames, t = script.frames, np.arange(script.frames)
    joints = rest_joints(body, betas)
    soles = rest_vertices(body.subset(sole_vertices(body).flatten()), betas).unflatten(0, (2, -1))
    floor = soles[..., 1].min()
    paths = [foot_path(actor, side, frames) for side in SIDES]
    places = np.stack([place for place, _ in paths], 1)
    upright = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))

    targets, stands, swings, swingings = [], [], [], []
    for side, (place, lift) in zip(SIDES, paths):
        foot = SIDES.index(side)
        heading = actor.heading + math.pi / 2 + (actor.turnout if side == "left" else -actor.turnout)
        turn = axis_angle_to_matrix(torch.tensor([0.0, 0.0, heading])) @ upright
        ankle = joints[JOINT_INDEX[f"{side}_ankle"]]
        target = torch.zeros(frames, soles.shape[1], 3)
        target[..., :2] = torch.from_numpy(place).float()[:, None]
        target = target + (soles[foot] - ankle) @ turn.T
        target[..., 2] = soles[foot][:, 1] - floor
        targets.append(target)
        still = torch.from_numpy(planted(actor, side, frames).astype(np.float32))
        stands.append(_heel_first(still, soles[foot][:, 2]))
        air = torch.zeros(frames, 3)
        air[:, :2] = torch.from_numpy(place)
        air[:, 2] = ankle[1] - floor + _SWING_HEIGHT * torch.from_numpy(lift)
        swings.append(air)
        swingings.append(1 - still)

    pelvis = torch.zeros(frames, 3)
    forward = np.array([math.cos(actor.heading), math.sin(actor.heading)])
    pelvis[:, :2] = torch.from_numpy(_calm(places.mean(1), 4) + 0.015 * forward)
    pelvis[:, 2] = (joints[0, 1] - floor) * 0.985
    base = _at_ease(actor, frames)
    stride = torch.from_numpy(_calm((places[:, 0] - places[:, 1]) @ forward, 2)).float()
    # arms go against the legs, and only while somebody walks
    walking = torch.from_numpy(during(t, 6, 28, 8, 14)).float()
    for side, sign in (("left", 1.0), ("right", -1.0)):
        angle = torch.zeros(frames, 3)
        angle[:, 0] = sign * walking * (stride / 0.35).clamp(-1, 1) * _ARM_SWING
        shoulder = JOINT_INDEX[f"{side}_shoulder"]
        base[:, shoulder] = axis_angle_to_matrix(angle) @ base[:, shoulder]
    return (
        base,
        pelvis,
        torch.stack(targets, 1),
        torch.stack(stands, 1),
        torch.stack(swings, 1),
        torch.stack(swingings, 1),
    )


def _at_ease(actor: Actor, frames: int) -> Tensor:
    """[T,22,3,3]"""
    upright = axis_angle_to_matrix(torch.tensor([math.pi / 2, 0.0, 0.0]))
    facing = axis_angle_to_matrix(torch.tensor([0.0, 0.0, actor.heading + math.pi / 2])) @ upright
    angles = relaxed_pose()
    for side, mirror in (("left", 1.0), ("right", -1.0)):
        for part, (y, z) in _ARMS_HANG.items():
            angles[JOINT_INDEX[f"{side}_{part}"] - 1] = torch.tensor([0.0, mirror * y, mirror * z])
    pose = torch.cat([facing[None], axis_angle_to_matrix(angles)])
    return pose.expand(frames, 22, 3, 3).clone()


def _heel_first(still: Tensor, forward: Tensor) -> Tensor:
    """still [T] and how far in front each point of the sole lies [S] -> [T,S]: heels leave the floor some frames early."""
    stands = still[:, None].repeat(1, len(forward))
    behind_the_ball = forward < forward.median()
    for ahead in range(1, _HEEL_RISES + 1):
        later = torch.cat([still[ahead:], still[-1:].expand(ahead)])
        stands[:, behind_the_ball] *= later[:, None]
    return stands


def _calm(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average over the first axis, ends repeated."""
    reach = int(4 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.concatenate([values[:1].repeat(reach, 0), values, values[-1:].repeat(reach, 0)])
    return np.apply_along_axis(lambda line: np.convolve(line, kernel / kernel.sum(), "valid"), 0, padded)
