"""Two people's poses from few smooth numbers on top of their own motions: what the solver turns, and the kinematics of it.

P people (two of each scene, one scene after the other), T frames; scenes that are shorter than the longest stay in their
last frame. Feet are given and legs reach them, so that whatever the rest of the body does, planted feet stay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.body.model import forward_kinematics, rest_joints
from core.body.rotations import axis_angle_to_matrix
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX

from .foot_planting import plant_choreographed_feet
from .leg_ik import Leg, solve_leg
from .scene import Scene

UPPER_BODY = tuple(
    JOINT_INDEX[name]
    for name in (
        *("pelvis", "spine1", "spine2", "spine3", "neck", "head"),
        *("left_collar", "right_collar", "left_shoulder", "right_shoulder"),
        *("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    )
)
"""Joints whose rotations are parameters; legs follow from hips and feet."""
_LEVELS = (
    (("spine1",), ("pelvis",)),
    (("spine2",), ("spine1",)),
    (("spine3",), ("spine2",)),
    (("neck", "left_collar", "right_collar"), ("spine3", "spine3", "spine3")),
    (("head", "left_shoulder", "right_shoulder"), ("neck", "left_collar", "right_collar")),
    (("left_elbow", "right_elbow"), ("left_shoulder", "right_shoulder")),
    (("left_wrist", "right_wrist"), ("left_elbow", "right_elbow")),
)
_HIPS, _KNEES, _ANKLES, _TOES = (
    [JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right")] for part in ("hip", "knee", "ankle", "foot")
)
_EASE = {
    "pelvis": 6, "spine1": 5, "spine2": 5, "spine3": 5, "neck": 7, "head": 9, "collar": 6, "shoulder": 30, "elbow": 40,
    "wrist": 14,
}  # fmt: skip
"""Degrees, standard deviation of each joint's rotation from the actor's motion."""
_SHIFT, _FOOT_SHIFT = (0.05, 0.05, 0.012), 0.12
"""metres, standard deviations of the pelvis (two horizontal axes, then up) and of a foot in the air from the actor's motion."""
_FOOT_TURN, _SWIVEL = math.radians(20), math.radians(10)

PELVIS_OFFSET = slice(3 * len(UPPER_BODY), 3 * len(UPPER_BODY) + 3)
FOOT_OFFSET = slice(PELVIS_OFFSET.stop, PELVIS_OFFSET.stop + 6)
FOOT_ROTATION = slice(FOOT_OFFSET.stop, FOOT_OFFSET.stop + 6)
KNEE_SWIVEL = slice(FOOT_ROTATION.stop, FOOT_ROTATION.stop + 2)
PARAMETERS = KNEE_SWIVEL.stop
"""Parameters of one person in one frame, each in units of its standard deviation."""


def _stacked(parts: Sequence[np.ndarray | Tensor]) -> Tensor:
    """[P,T,...] of parts of different lengths, each padded with its last frame."""
    longest = max(len(part) for part in parts)
    tensors = [torch.as_tensor(part) for part in parts]
    return torch.stack([torch.cat([part, part[-1:].expand(longest - len(part), *part.shape[1:])]) for part in tensors])


def joint_scales() -> Tensor:
    """[14] radians, standard deviations of the joints of UPPER_BODY."""
    names = [BODY_JOINTS[joint].removeprefix("left_").removeprefix("right_") for joint in UPPER_BODY]
    return torch.tensor([math.radians(_EASE[name]) for name in names])


@dataclass(frozen=True)
class Poses:
    """P people in T frames, in the world and in metres."""

    joints: Tensor
    """[P,T,22,3]"""
    global_rotations: Tensor
    """[P,T,22,3,3]"""
    local_rotations: Tensor
    """[P,T,14,3,3] of UPPER_BODY, relative to the parent joints."""
    leg_shortfall: Tensor
    """[P,T,2] metres by which legs are too short."""


@dataclass(frozen=True)
class ReferenceMotions:
    """The actors' motions in some frames, with planted feet held in place."""

    rest_joints: Tensor
    """[P,22,3]"""
    rotations: Tensor
    """[P,T,22,3,3]"""
    pelvis: Tensor
    """[P,T,3]"""
    joints: Tensor
    """[P,T,22,3]; the global rotations below [P,T,22,3,3]."""
    global_rotations: Tensor
    ankle_targets: Tensor
    """[P,T,2,3] metres."""
    ankle_rotations: Tensor
    """[P,T,2,3,3]"""
    foot_freedom: Tensor
    """[P,T,2] 0 where a foot is planted, rising to 1 in the air"""
    pivot: Tensor
    """[P,3] the point about which each person is rotated as a whole."""

    @classmethod
    def from_scenes(cls, scenes: Sequence[Scene]) -> ReferenceMotions:
        actors = [actor for scene in scenes for actor in scene.actors]
        rotations = _stacked([actor.motion.rotations for actor in actors])
        pelvis = _stacked([actor.motion.pelvis for actor in actors])
        rest = torch.stack([rest_joints(actor.body, torch.from_numpy(actor.betas))[:22] for actor in actors])
        joints, world = forward_kinematics(rotations, rest[:, None], pelvis)
        feet = [
            plant_choreographed_feet(actor, joints[p, : actor.motion.frames], world[p, : actor.motion.frames])
            for p, actor in enumerate(actors)
        ]
        ankles, free = _stacked([foot.ankle_targets for foot in feet]), _stacked([foot.freedom for foot in feet])
        pivot = pelvis.mean(1) * torch.tensor([1.0, 1.0, 0.0])
        return cls(rest, rotations, pelvis, joints, world, ankles, world[:, :, _ANKLES], free, pivot)

    def at_frames(self, frames: Tensor) -> ReferenceMotions:
        """Only some of the frames."""
        parts = {name: value[:, frames] for name, value in vars(self).items() if name not in ("rest_joints", "pivot")}
        return ReferenceMotions(rest_joints=self.rest_joints, pivot=self.pivot, **parts)

    def pose(self, numbers: Tensor, moved: Tensor) -> Poses:
        """`numbers` [P,T,PARAMETERS]; `moved` [P,3]: each person's translation over the floor (m) and turn about Z (rad)."""
        whole = axis_angle_to_matrix(torch.nn.functional.pad(moved[:, 2:], (2, 0)))[:, None]
        shift = torch.nn.functional.pad(moved[:, :2], (0, 1))[:, None] + self.pivot[:, None]

        def placed(points: Tensor) -> Tensor:  # [P,T,N,3]
            return (points - self.pivot[:, None, None]) @ whole.mT + shift[:, :, None]

        turns = axis_angle_to_matrix(
            numbers[..., : PELVIS_OFFSET.start].unflatten(-1, (-1, 3)) * joint_scales()[:, None]
        )
        turned = self.rotations[:, :, UPPER_BODY] @ turns
        offset = self.rest_joints[:, None]
        place: dict[int, Tensor] = {
            0: placed(self.pelvis[:, :, None])[:, :, 0] + torch.tensor(_SHIFT) * numbers[..., PELVIS_OFFSET]
        }
        world: dict[int, Tensor] = {0: whole @ turned[:, :, 0]}
        for names, above in _LEVELS:
            joints, parents = [JOINT_INDEX[name] for name in names], [JOINT_INDEX[name] for name in above]
            carrying = torch.stack([world[parent] for parent in parents], 2)
            now = carrying @ turned[:, :, [UPPER_BODY.index(joint) for joint in joints]]
            arms = (offset[:, :, joints] - offset[:, :, parents])[..., None]
            there = torch.stack([place[parent] for parent in parents], 2) + (carrying @ arms)[..., 0]
            for index, joint in enumerate(joints):
                world[joint], place[joint] = now[:, :, index], there[:, :, index]
        # legs
        free = self.foot_freedom[..., None]
        foot_shift = numbers[..., FOOT_OFFSET].unflatten(-1, (2, 3)) * _FOOT_SHIFT
        foot_turn = numbers[..., FOOT_ROTATION].unflatten(-1, (2, 3)) * _FOOT_TURN
        ankles = placed(self.ankle_targets) + free * foot_shift
        ankle_turns = whole[:, :, None] @ self.ankle_rotations @ axis_angle_to_matrix(free * foot_turn)
        hips = (
            place[0][:, :, None] + (world[0][:, :, None] @ (offset[:, :, _HIPS] - offset[:, :, :1])[..., None])[..., 0]
        )
        before = Leg(
            *(placed(self.joints[:, :, part]) for part in (_HIPS, _KNEES, _ANKLES)),
            *(whole[:, :, None] @ self.global_rotations[:, :, part] for part in (_HIPS, _KNEES)),
        )
        leg = solve_leg(before, hips, ankles, numbers[..., KNEE_SWIVEL] * _SWIVEL)
        toe_turns = ankle_turns @ self.rotations[:, :, _TOES]
        toes = leg.ankle + (ankle_turns @ (offset[:, :, _TOES] - offset[:, :, _ANKLES])[..., None])[..., 0]
        for side in (0, 1):
            for part, where, turn in (
                (_HIPS, hips, leg.thigh_rotation),
                (_KNEES, leg.knee, leg.shank_rotation),
                (_ANKLES, leg.ankle, ankle_turns),
                (_TOES, toes, toe_turns),
            ):
                place[part[side]], world[part[side]] = where[:, :, side], turn[:, :, side]
        order = range(len(BODY_JOINTS))
        return Poses(
            torch.stack([place[j] for j in order], 2), torch.stack([world[j] for j in order], 2), turned, leg.shortfall
        )
