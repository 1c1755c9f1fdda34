"""The two skeletons of retargeting: the recorded one, and that of the SMPL-X body."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.body.files import load_body
from core.body.model import BodyModel
from core.contract.skeleton import BODY_JOINTS, JOINT_INDEX

from ..skeleton_motion import SkeletonMotion

GlobalRotations = dict[str, Tensor]
"""[T,3,3] of each of the 22 body joints by name: takes the SMPL-X rest axes to the world."""


@dataclass(frozen=True)
class TargetSkeleton:
    """The body that receives the motion."""

    body: BodyModel
    rest_joints: Float[Tensor, "22 3"]
    """Joints of the rest pose, metres, float64."""

    def joint(self, name: str) -> Float[Tensor, "3"]:
        return self.rest_joints[JOINT_INDEX[name]]

    def bone(self, start: str, end: str) -> Float[Tensor, "3"]:
        return self.joint(end) - self.joint(start)

    def leg_length(self) -> Float[Tensor, ""]:
        """From hip to knee to ankle, metres."""
        return self.bone("left_hip", "left_knee").norm() + self.bone("left_knee", "left_ankle").norm()

    def foot_axis(self, side: str) -> Float[Tensor, "3"]:
        """Horizontal unit vector along the foot in the rest pose, to the toes: the first principal axis of its skin."""
        joints = [JOINT_INDEX[f"{side}_{part}"] for part in ("ankle", "foot")]
        points = self.body.v_template[self.body.lbs_weights[:, joints].sum(1) > 0.9].double()[:, [0, 2]]
        _, _, axes = torch.linalg.svd(points - points.mean(0), full_matrices=False)
        x, z = axes[0] * axes[0, 1].sign()
        return torch.stack([x, torch.zeros_like(x), z])


@lru_cache(maxsize=1)
def default_target() -> TargetSkeleton:
    """The mean shape of the default body."""
    body = load_body(None)
    return TargetSkeleton(body, body.J_template[: len(BODY_JOINTS)].double())


class SourceSkeleton:
    """A recorded motion as tensors: positions, and rotations where the recording has them."""

    def __init__(self, motion: SkeletonMotion) -> None:
        self.names = motion.names
        self.positions: Float[Tensor, "T J 3"] = torch.from_numpy(motion.positions).double()
        self._rotations = None if motion.global_rotations is None else torch.from_numpy(motion.global_rotations)
        rest = motion.rest_positions
        self._rest_positions = None if rest is None else torch.from_numpy(np.asarray(rest, float))

    def has(self, *names: str) -> bool:
        return all(name in self.names for name in names)

    def joint(self, name: str) -> Float[Tensor, "T 3"]:
        return self.positions[:, self.names.index(name)]

    def bone(self, start: str, end: str) -> Float[Tensor, "T 3"]:
        return self.joint(end) - self.joint(start)

    def middle(self, part: str) -> Float[Tensor, "T 3"]:
        """The middle between the left and the right joint."""
        return 0.5 * (self.joint(f"left_{part}") + self.joint(f"right_{part}"))

    def rotation(self, name: str) -> Float[Tensor, "T 3 3"] | None:
        """Global rotations from the recording's own rest pose; None where it has no such joint or no rotations."""
        if self._rotations is None or not self.has(name):
            return None
        return self._rotations[:, self.names.index(name)].double()

    def rest_bone(self, start: str, end: str) -> Float[Tensor, "3"] | None:
        """A bone of the recording's own rest pose, None where it has none."""
        if self._rest_positions is None or not self.has(start, end):
            return None
        return self._rest_positions[self.names.index(end)] - self._rest_positions[self.names.index(start)]

    def leg_length(self) -> Float[Tensor, ""]:
        """Median over time and both sides of hip to knee to ankle, metres."""
        sides = [
            self.bone(f"{side}_hip", f"{side}_knee").norm(dim=-1)
            + self.bone(f"{side}_knee", f"{side}_ankle").norm(dim=-1)
            for side in ("left", "right")
        ]
        return torch.stack(sides).median()

    def ankles_and_balls(self) -> Float[Tensor, "T 2 2 3"]:
        """Positions of the ankles and the balls of the left and the right foot."""
        sides = []
        for side in ("left", "right"):
            ankle = self.joint(f"{side}_ankle")
            ball = self.joint(f"{side}_foot") if self.has(f"{side}_foot") else ankle
            sides.append(torch.stack([ankle, ball], 1))
        return torch.stack(sides, 1)
