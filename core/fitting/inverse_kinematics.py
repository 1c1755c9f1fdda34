"""Inverse kinematics of whole bodies by damped least squares: the smallest change of a pose that brings joints to their targets.

Frames are solved independently of each other and all at once. Positions and rotations are in one frame of reference, the
pelvis' rotation included.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..body.model import forward_kinematics
from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, skew
from ..contract.skeleton import BODY_JOINTS, JOINT_INDEX, PARENTS
from ..motion import BODY_COUNT
from .limits import joint_limits

_HINGES = [JOINT_INDEX[f"{side}_{part}"] for part in ("elbow", "knee") for side in ("left", "right")]
"""Joints that are kept within their limits: others have no plain ones."""
_STEPS = 60
_LARGEST_STEP = (0.12, 0.35)
"""metres and radians of a target's error that one step goes after, so that the linear solution holds."""
_DAMPING, _RELAXATION = 1e-3, 0.85
"""Damping of the first step, and its factor from step to step: a limb that is almost straight would take very many steps."""
_CONVERGED = 1e-5
"""metres and radians of the largest error at which the solution ends."""


@dataclass(frozen=True)
class Poses:
    """K poses of one person's body, in double precision."""

    rotations: Float[Tensor, "K 22 3 3"]
    """Relative to the parent joint."""
    pelvis: Float[Tensor, "K 3"]
    rest: Float[Tensor, "22 3"]
    """Joints of the rest pose."""

    def joints(self) -> tuple[Float[Tensor, "K 22 3"], Float[Tensor, "K 22 3 3"]]:
        """Positions and global rotations."""
        return forward_kinematics(self.rotations, self.rest.expand(len(self.pelvis), -1, -1), self.pelvis)


@dataclass(frozen=True)
class Targets:
    """Where joints are to be in each of K poses. Weights of 0 leave a joint free; larger ones win where not all can be met."""

    positions: Float[Tensor, "K 22 3"]
    position_weights: Float[Tensor, "K 22"]
    rotations: Float[Tensor, "K 22 3 3"]
    """Global rotations."""
    rotation_weights: Float[Tensor, "K 22"]


def solve(
    poses: Poses,
    targets: Targets,
    flexibility: Float[Tensor, "K 22"],
    pelvis_flexibility: float = 0.0,
) -> Poses:
    """The poses changed as little as possible so that their joints meet the targets, as far as that can be.

    A joint with twice the `flexibility` takes about twice the rotation; 0 keeps it. `pelvis_flexibility` is that of the
    pelvis' place, metres against radians. Elbows and knees do not bend beyond their limits, unless they do so already.
    """
    used = (targets.position_weights + targets.rotation_weights).amax(0) > 0
    joints = used.nonzero()[:, 0]
    if not len(joints):
        return poses
    low, high = _hinge_limits(poses)
    damping = _DAMPING / torch.cat(
        [flexibility.repeat_interleave(3, 1), flexibility.new_full((len(flexibility), 3), pelvis_flexibility)], 1
    ).clamp_min(1e-9)
    for step_number in range(_STEPS):
        error, weight, largest = _errors(poses, targets, joints)
        if largest < _CONVERGED:
            break
        step = _damped_step(_jacobian(poses, joints), error, weight, damping * _RELAXATION**step_number)
        poses = _moved(poses, step[:, :-3].unflatten(1, (BODY_COUNT, 3)), step[:, -3:])
        poses = _within_limits(poses, low, high)
    return poses


def _errors(poses: Poses, targets: Targets, joints: Tensor) -> tuple[Tensor, Tensor, float]:
    """Clamped errors [K,M] of M numbers, their weights [K,M], and the largest error of a full weight."""
    positions, rotations = poses.joints()
    place = targets.positions[:, joints] - positions[:, joints]
    turn = matrix_to_axis_angle(targets.rotations[:, joints] @ rotations[:, joints].mT)
    weights = [targets.position_weights[:, joints], targets.rotation_weights[:, joints]]
    lengths = [value.norm(dim=-1) for value in (place, turn)]
    largest = max(float((length * (weight >= 1)).max()) for length, weight in zip(lengths, weights))
    clamped = [
        value * (limit / length.clamp_min(limit))[..., None]
        for value, length, limit in zip((place, turn), lengths, _LARGEST_STEP)
    ]
    weight = torch.cat([each.repeat_interleave(3, 1) for each in weights], 1)
    return torch.cat([each.flatten(1) for each in clamped], 1), weight, largest


def _jacobian(poses: Poses, joints: Tensor) -> Float[Tensor, "K M 69"]:
    """How places and rotations of joints change with rotations of all joints, about global axes, and with the pelvis' place."""
    positions, _ = poses.joints()
    moves = _ancestors()[joints].to(positions)
    arms = positions[:, joints][:, :, None] - positions[:, None]  # [K,E,22,3]
    of_place = -skew(arms) * moves[None, :, :, None, None]
    eye = torch.eye(3, dtype=positions.dtype, device=positions.device)
    of_turn = (moves[:, :, None, None] * eye).expand_as(of_place)
    rotation_columns = torch.cat([of_place, of_turn], 1).transpose(2, 3).flatten(3).flatten(1, 2)
    count = len(joints)
    pelvis_columns = torch.cat([eye.repeat(count, 1), torch.zeros_like(eye).repeat(count, 1)])
    return torch.cat([rotation_columns, pelvis_columns.expand(len(positions), -1, -1)], 2)


def _damped_step(jacobian: Tensor, error: Tensor, weight: Tensor, damping: Tensor) -> Float[Tensor, "K 69"]:
    weighted = jacobian.mT * weight[:, None]
    matrix = weighted @ jacobian + torch.diag_embed(damping)
    return torch.linalg.solve(matrix, (weighted @ error[..., None])[..., 0])


def _moved(poses: Poses, turns: Float[Tensor, "K 22 3"], translation: Float[Tensor, "K 3"]) -> Poses:
    """Each joint rotated by an axis-angle about global axes, all as of the poses before."""
    _, global_rotations = poses.joints()
    eye = torch.eye(3, dtype=turns.dtype, device=turns.device).expand(len(turns), 1, 3, 3)
    of_parents = torch.cat([eye, global_rotations[:, list(PARENTS[1:BODY_COUNT])]], 1)
    local = (of_parents.mT @ turns[..., None])[..., 0]
    return replace(poses, rotations=axis_angle_to_matrix(local) @ poses.rotations, pelvis=poses.pelvis + translation)


def _hinge_limits(poses: Poses) -> tuple[Tensor, Tensor]:
    """Bounds [K,H,3] of the hinges, widened to what the poses have already."""
    low, high = (bound[[joint - 1 for joint in _HINGES]].to(poses.pelvis) for bound in joint_limits())
    own = matrix_to_axis_angle(poses.rotations[:, _HINGES])
    return torch.minimum(low, own), torch.maximum(high, own)


def _within_limits(poses: Poses, low: Tensor, high: Tensor) -> Poses:
    rotations = poses.rotations.clone()
    angles = matrix_to_axis_angle(rotations[:, _HINGES])
    bounded = angles.clamp(low, high)
    outside = (bounded != angles).any(-1)[..., None, None]
    rotations[:, _HINGES] = torch.where(outside, axis_angle_to_matrix(bounded), rotations[:, _HINGES])
    return replace(poses, rotations=rotations)


@lru_cache(maxsize=1)
def _ancestors() -> Bool[Tensor, "22 22"]:
    """[j,k]: whether joint k is joint j or one above it."""
    table = torch.zeros(BODY_COUNT, BODY_COUNT, dtype=torch.bool)
    for joint in range(len(BODY_JOINTS)):
        above = joint
        while above >= 0:
            table[joint, above] = True
            above = PARENTS[above]
    return table
