"""Inverse kinematics of whole bodies by damped least squares: the smallest change of a pose that brings joints to their targets.

The method of Levenberg and Marquardt (Marquardt 1963), with errors beyond a step's length counted as by Huber's loss. Frames are
solved independently of each other and all at once. Positions and rotations are in one frame of reference, the pelvis' rotation
included.
"""

# torch's own annotations are incomplete
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import huber_loss

from ..body.model import forward_kinematics
from ..body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, skew
from ..contract.skeleton import BODY_JOINTS, JOINT_INDEX, PARENTS
from ..motion import BODY_COUNT
from ..records import Record
from .limits import joint_limits

_HINGES = [JOINT_INDEX[f"{side}_{part}"] for part in ("elbow", "knee") for side in ("left", "right")]
"""Joints that are kept within their limits: others have no plain ones."""
_STEPS = 60
_LARGEST_STEP = (0.12, 0.35)
"""metres and radians of a target's error that one step goes after, so that the linear solution holds."""
_DAMPING = 1e-3
_RELAXED, _STIFFENED = 0.85, 4.0
"""Factors of the damping after a step that brought a pose nearer, and after one that did not and is not taken."""
_STIFFEST = 1e4
"""Times the first damping at which no step brings a pose nearer."""
_CONVERGED = 1e-5
"""metres and radians of the largest error at which the solution ends."""
_LEAST_GAIN = 1e-4
"""Of the cost, what a step has to gain, or the targets are out of reach."""


@dataclass(frozen=True)
class Poses(Record):
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
class Targets(Record):
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
    problem = _Problem.of(poses, targets, flexibility, pelvis_flexibility)
    if not len(problem.joints):
        return poses
    rotations, pelvis = poses.rotations.clone(), poses.pelvis.clone()
    index = torch.arange(len(pelvis))
    damping = torch.full_like(pelvis[:, 0], _DAMPING)
    residuals = problem.residuals(poses)
    for _ in range(_STEPS):
        going_on = (residuals.largest >= _CONVERGED) & (damping <= _DAMPING * _STIFFEST)
        if not bool(going_on.any()):
            break
        index, damping, problem, residuals = (
            index[going_on],
            damping[going_on],
            problem.along("K", going_on),
            residuals.along("K", going_on),
        )
        poses = replace(poses, rotations=rotations[index], pelvis=pelvis[index])
        moved = problem.within_limits(problem.stepped(poses, residuals, damping))
        after = problem.residuals(moved)
        gain = residuals.cost - after.cost
        nearer = gain > 0
        rotations[index[nearer]], pelvis[index[nearer]] = moved.rotations[nearer], moved.pelvis[nearer]
        damping = torch.where(nearer, _RELAXED * damping, _STIFFENED * damping)
        damping = damping.masked_fill(nearer & (gain < _LEAST_GAIN * residuals.cost), torch.inf)
        residuals = after.where(nearer, residuals)
    return replace(poses, rotations=rotations, pelvis=pelvis)


@dataclass(frozen=True)
class _Residuals(Record):
    """How far K poses are from their targets."""

    positions: Float[Tensor, "K 22 3"]
    global_rotations: Float[Tensor, "K 22 3 3"]
    errors: Float[Tensor, "K M"]
    """M numbers of the targets, clamped to the length of a step."""
    cost: Float[Tensor, " K"]
    largest: Float[Tensor, " K"]
    """Of the errors of a full weight, in metres and radians."""

    def where(self, chosen: Bool[Tensor, " K"], other: _Residuals) -> _Residuals:
        """These where `chosen`, else the other ones."""
        pairs = [(getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]
        return _Residuals(*(torch.where(chosen.view(-1, *[1] * (a.ndim - 1)), a, b) for a, b in pairs))


@dataclass(frozen=True)
class _Problem(Record):
    """K poses' targets and what may move to reach them."""

    targets: Targets
    weights: Float[Tensor, "K M"]
    flexibility: Float[Tensor, "K C"]
    """Of three angles of each free joint, and of the pelvis' place."""
    joints: Int[Tensor, " E"]
    """That have targets."""
    free: Int[Tensor, " F"]
    """Joints that may rotate."""
    low: Float[Tensor, "K H 3"]
    high: Float[Tensor, "K H 3"]

    @classmethod
    def of(cls, poses: Poses, targets: Targets, flexibility: Float[Tensor, "K 22"], of_pelvis: float) -> _Problem:
        joints = ((targets.position_weights + targets.rotation_weights).amax(0) > 0).nonzero()[:, 0]
        free = (flexibility.amax(0) > 0).nonzero()[:, 0]
        columns = [flexibility[:, free].repeat_interleave(3, 1), flexibility.new_full((len(flexibility), 3), of_pelvis)]
        weights = torch.cat([targets.position_weights[:, joints], targets.rotation_weights[:, joints]], 1)
        low, high = _hinge_limits(poses)
        return cls(targets, weights.repeat_interleave(3, 1), torch.cat(columns, 1), joints, free, low, high)

    def residuals(self, poses: Poses) -> _Residuals:
        positions, global_rotations = poses.joints()
        place = self.targets.positions[:, self.joints] - positions[:, self.joints]
        rotation = matrix_to_axis_angle(self.targets.rotations[:, self.joints] @ global_rotations[:, self.joints].mT)
        errors, cost, largest = [], torch.zeros_like(positions[:, 0, 0]), torch.zeros_like(positions[:, 0, 0])
        for error, weights, limit in zip((place, rotation), self.weights[:, ::3].chunk(2, 1), _LARGEST_STEP):
            length = error.norm(dim=-1)
            errors.append((error * (limit / length.clamp_min(limit))[..., None]).flatten(1))
            cost = cost + (weights * huber_loss(length, torch.zeros_like(length), reduction="none", delta=limit)).sum(1)
            largest = torch.maximum(largest, (length * (weights >= 1)).amax(1))
        return _Residuals(positions, global_rotations, torch.cat(errors, 1), cost, largest)

    def stepped(self, poses: Poses, residuals: _Residuals, damping: Float[Tensor, " K"]) -> Poses:
        """The poses after a step of damped least squares, all joints rotated at once."""
        jacobian = _jacobian(residuals.positions, self.joints, self.free)
        weighted = jacobian.mT * self.weights[:, None]
        matrix = weighted @ jacobian + torch.diag_embed(damping[:, None] / self.flexibility.clamp_min(1e-9))
        step = torch.linalg.solve(matrix, (weighted @ residuals.errors[..., None])[..., 0])
        axis_angles = torch.zeros_like(residuals.positions)
        axis_angles[:, self.free] = step[:, :-3].unflatten(1, (len(self.free), 3))
        return _rotated(replace(poses, pelvis=poses.pelvis + step[:, -3:]), residuals.global_rotations, axis_angles)

    def within_limits(self, poses: Poses) -> Poses:
        rotations = poses.rotations.clone()
        angles = matrix_to_axis_angle(rotations[:, _HINGES])
        bounded = angles.clamp(self.low, self.high)
        outside = (bounded != angles).any(-1)[..., None, None]
        rotations[:, _HINGES] = torch.where(outside, axis_angle_to_matrix(bounded), rotations[:, _HINGES])
        return replace(poses, rotations=rotations)


def _jacobian(
    positions: Float[Tensor, "K 22 3"], joints: Int[Tensor, " E"], free: Int[Tensor, " F"]
) -> Float[Tensor, "K M C"]:
    """How places and rotations of joints change with rotations of free joints, about global axes, and with the pelvis' place."""
    moves = _ancestors()[joints][:, free].to(positions)
    arms = positions[:, joints][:, :, None] - positions[:, free][:, None]  # [K,E,F,3]
    of_place = -skew(arms) * moves[None, :, :, None, None]
    eye = torch.eye(3, dtype=positions.dtype, device=positions.device)
    of_rotation = (moves[:, :, None, None] * eye).expand_as(of_place)
    rotation_columns = torch.cat([of_place, of_rotation], 1).transpose(2, 3).flatten(3).flatten(1, 2)
    count = len(joints)
    pelvis_columns = torch.cat([eye.repeat(count, 1), torch.zeros_like(eye).repeat(count, 1)])
    return torch.cat([rotation_columns, pelvis_columns.expand(len(positions), -1, -1)], 2)


def _rotated(poses: Poses, global_rotations: Float[Tensor, "K 22 3 3"], axis_angles: Float[Tensor, "K 22 3"]) -> Poses:
    """Each joint rotated by an axis-angle about global axes, all as of the poses before."""
    eye = torch.eye(3, dtype=axis_angles.dtype, device=axis_angles.device).expand(len(axis_angles), 1, 3, 3)
    of_parents = torch.cat([eye, global_rotations[:, list(PARENTS[1:BODY_COUNT])]], 1)
    local = (of_parents.mT @ axis_angles[..., None])[..., 0]
    return replace(poses, rotations=axis_angle_to_matrix(local) @ poses.rotations)


def _hinge_limits(poses: Poses) -> tuple[Tensor, Tensor]:
    """Bounds [K,H,3] of the hinges, widened to what the poses have already."""
    low, high = (bound[[joint - 1 for joint in _HINGES]].to(poses.pelvis) for bound in joint_limits())
    own = matrix_to_axis_angle(poses.rotations[:, _HINGES])
    return torch.minimum(low, own), torch.maximum(high, own)


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
