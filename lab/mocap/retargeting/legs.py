"""Both legs of the target body: joints, soles, and two-bone inverse kinematics."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import normalize

from core.body.rotations import rotation_between_vectors
from core.contract.skeleton import JOINT_INDEX
from core.fitting.soles import sole_vertices

from .filters import smooth_peaks
from .skeletons import GlobalRotations, TargetSkeleton

SIDES = ("left", "right")
HIP, KNEE, ANKLE, BALL = range(4)
"""Joints of a leg, as indices of arrays."""
_PARTS = ("hip", "knee", "ankle", "foot")
_MAX_EXTENSION = 0.9995
"""Longest distance from hip to ankle as a fraction of the leg's length."""


class Legs:
    """The legs of a body. Its pose is given by global rotations and the position of the pelvis, metres."""

    def __init__(self, target: TargetSkeleton) -> None:
        self._target = target
        self._chains = [[f"{side}_{part}" for part in _PARTS] for side in SIDES]
        # of each side: points under the heel relative to the ankle, and under the toes relative to the ball
        self._sole_points: list[tuple[Tensor, Tensor]] = []
        for side, vertices in zip(SIDES, sole_vertices(target.body)):
            ankle, ball = JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]
            points = target.body.v_template[vertices].double()
            on_toes = target.body.lbs_weights[vertices, ball] > target.body.lbs_weights[vertices, ankle]
            heel = points[~on_toes] - target.rest_joints[ankle]
            self._sole_points.append((heel, points[on_toes] - target.rest_joints[ball]))

    def joints(self, rotations: GlobalRotations, pelvis: Float[Tensor, "T 3"]) -> Float[Tensor, "T 2 4 3"]:
        """Positions of HIP, KNEE, ANKLE and BALL of both legs."""
        sides = []
        for chain in self._chains:
            positions, parent = [pelvis], "pelvis"
            for name in chain:
                positions.append(positions[-1] + rotations[parent] @ self._target.bone(parent, name))
                parent = name
            sides.append(torch.stack(positions[1:], 1))
        return torch.stack(sides, 1)

    def sole_heights(self, rotations: GlobalRotations, pelvis: Float[Tensor, "T 3"]) -> Float[Tensor, "T 2"]:
        """Height of each foot's lowest point, metres."""
        joints = self.joints(rotations, pelvis)
        lowest = []
        for side, (chain, sole_points) in enumerate(zip(self._chains, self._sole_points)):
            heights = [
                joints[:, side, joint, None, 2] + rotations[chain[joint]][:, 2] @ points.T
                for joint, points in zip((ANKLE, BALL), sole_points)
            ]
            lowest.append(torch.cat(heights, 1).amin(1))
        return torch.stack(lowest, 1)

    def pelvis_lowering(
        self,
        rotations: GlobalRotations,
        pelvis: Float[Tensor, "T 3"],
        ankles: Float[Tensor, "T 2 3"],
        is_standing: Bool[Tensor, "T 2"],
    ) -> Float[Tensor, "T 3"]:
        """How far the pelvis is lowered so that legs that stand are long enough to reach the ankles' targets, metres."""
        hips = self.joints(rotations, pelvis)[:, :, HIP]
        lengths = [torch.stack(self._bone_lengths(side)).sum() for side in range(2)]
        length = _MAX_EXTENSION * torch.stack(lengths)
        horizontal = (ankles - hips)[..., :2].norm(dim=-1)
        highest_hip = ankles[..., 2] + (length**2 - horizontal.clamp_max(0.98 * length) ** 2).sqrt()
        excess = ((hips[..., 2] - highest_hip).clamp_min(0) * is_standing).amax(1)
        return smooth_peaks(excess, 9, 2.0)[:, None] * torch.tensor([0.0, 0.0, 1.0], dtype=pelvis.dtype)

    def solve(self, rotations: GlobalRotations, pelvis: Float[Tensor, "T 3"], ankles: Float[Tensor, "T 2 3"]) -> None:
        """Rotate thighs and shanks in place so that the ankles reach their targets; knees keep the plane of their bend."""
        joints = self.joints(rotations, pelvis)
        for side, (hip, knee, _, _) in enumerate(self._chains):
            start, middle, end = joints[:, side, HIP], joints[:, side, KNEE], joints[:, side, ANKLE]
            thigh, shank = self._bone_lengths(side)
            to_target = ankles[:, side] - start
            reach = _MAX_EXTENSION * (thigh + shank)
            distance = to_target.norm(dim=-1, keepdim=True).clamp((thigh - shank).abs() + 0.01, reach)
            before, after = normalize(end - start, dim=-1), normalize(to_target, dim=-1)
            forward = rotations[hip][..., 2]
            pole = (middle - start) - ((middle - start) * before).sum(-1, keepdim=True) * before
            # the knee of a straight leg points forward, and so does a knee that was pushed backwards
            pole = pole - 2 * (pole * forward).sum(-1, keepdim=True).clamp_max(0) * forward + 0.01 * forward
            pole = (rotation_between_vectors(before, after) @ pole[..., None])[..., 0]
            pole = normalize(pole - (pole * after).sum(-1, keepdim=True) * after, dim=-1)
            along = (thigh**2 - shank**2 + distance**2) / (2 * distance)
            new_knee = start + along * after + (thigh**2 - along**2).clamp_min(0).sqrt() * pole
            new_ankle = start + distance * after
            rotations[hip] = rotation_between_vectors(middle - start, new_knee - start) @ rotations[hip]
            rotations[knee] = rotation_between_vectors(end - middle, new_ankle - new_knee) @ rotations[knee]

    def _bone_lengths(self, side: int) -> tuple[Tensor, Tensor]:
        """Of thigh and shank, metres."""
        hip, knee, ankle, _ = self._chains[side]
        return self._target.bone(hip, knee).norm(), self._target.bone(knee, ankle).norm()
