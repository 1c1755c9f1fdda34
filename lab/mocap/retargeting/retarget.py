"""Retargeting of a recorded motion to the SMPL-X body: bones keep their directions, and feet stand where they stood."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from core.body.rotations import matrix_to_axis_angle
from core.contract.errors import UserError
from core.contract.skeleton import BODY_JOINTS, PARENTS

from ..capture import FRAME_RATE, Capture
from ..skeleton_motion import SkeletonMotion, resample
from .foot_planting import detect_still_points, plant_retargeted_feet
from .limbs import solve_global_rotations
from .skeletons import GlobalRotations, SourceSkeleton, default_target
from .vertical import align_vertical

_REQUIRED_JOINTS = tuple(
    f"{side}_{part}" for side in ("left", "right") for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)


def retarget(motion: SkeletonMotion) -> Capture:
    """The motion on the default body at FRAME_RATE, with its floor at z = 0.

    UserError `recording-unusable` where hips, knees, ankles, shoulders, elbows or wrists are missing.
    """
    missing = [name for name in _REQUIRED_JOINTS if name not in motion.names]
    if missing:
        raise UserError(
            "recording-unusable",
            f"{motion.source} has no joint that is recognised as {missing[0]}.",
            "Name its joints as a common format does, or leave the recording out.",
        )
    target, recorded = default_target(), SourceSkeleton(motion)
    scale = target.leg_length() / recorded.leg_length()
    # speeds are taken at the recording's own frame rate
    is_still = detect_still_points(scale * recorded.ankles_and_balls(), motion.rate)
    source = SourceSkeleton(resample(align_vertical(motion, is_still.numpy()), FRAME_RATE))
    frames = torch.arange(len(source.positions)) * motion.rate / FRAME_RATE
    is_still = is_still[frames.round().long().clamp_max(len(is_still) - 1)]
    rotations = solve_global_rotations(source, target)
    hips = 0.5 * (target.joint("left_hip") + target.joint("right_hip")) - target.joint("pelvis")
    pelvis = scale * source.middle("hip") - rotations["pelvis"] @ hips
    planted = plant_retargeted_feet(rotations, pelvis, is_still, FRAME_RATE, target)
    angles = matrix_to_axis_angle(local_rotations(planted.global_rotations)).float().numpy()
    return Capture(
        source=motion.source,
        subject=motion.subject,
        text=motion.text,
        rate=FRAME_RATE,
        global_orient=angles[:, 0],
        body_pose=angles[:, 1:],
        pelvis=planted.pelvis.float().numpy(),
        betas=np.zeros(16, np.float32),
        foot_contact=planted.foot_contact.numpy(),
    )


def local_rotations(rotations: GlobalRotations) -> Float[Tensor, "T 22 3 3"]:
    """Global rotations relative to the parent joint."""
    return torch.stack(
        [
            rotations[name] if parent < 0 else rotations[BODY_JOINTS[parent]].mT @ rotations[name]
            for name, parent in zip(BODY_JOINTS, PARENTS)
        ],
        1,
    )
