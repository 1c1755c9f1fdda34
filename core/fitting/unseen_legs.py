"""Legs that the picture does not show.

Where a picture ends at the thighs, as in a medium shot, the landmark networks still answer with legs, and bend the knees. Most
people who are filmed like that stand.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..body.rotations import axis_angle_to_matrix, rotation_between_vectors, slerp
from ..contract.skeleton import JOINT_INDEX, LANDMARK_INDEX
from ..observations.observe import Observations
from ..observations.over_time import smooth_over_time
from .limits import relaxed_pose

_UNSEEN, _SEEN = 0.15, 0.45
"""Confidence up to which a landmark says nothing of its joint, and from which on it shows where the joint is."""
_STANDS, _SITS = math.radians(60), math.radians(90)
"""Angles between thigh and trunk up to which unseen landmarks may belong to somebody who stands, and from which on they belong to
somebody who sits or squats. Knees that are not seen are bent at random."""
_SECONDS = 0.35
"""Standard deviation over which frames count as shown by the frames around."""


def stand_where_unseen(
    rotations: Float[Tensor, "P T J 3 3"],
    up_incam: Float[Tensor, " 3"],
    observations: Observations,
    seconds: Float[Tensor, " T"],
) -> Float[Tensor, "P T J 3 3"]:
    """Rotations relative to the parent, with unseen legs as of somebody who stands at ease: upright, however the trunk leans.

    A hip is shown by the knee's landmark, a knee and an ankle by the ankle's. Where the thighs are clearly raised, people sit,
    and legs stay as they are.
    """
    rotations, relaxed = rotations.clone(), axis_angle_to_matrix(relaxed_pose()).to(rotations)
    pelvis = rotations[:, :, JOINT_INDEX["pelvis"]]
    to_upright = pelvis.mT @ rotation_between_vectors(pelvis[..., :, 1], up_incam) @ pelvis
    for side in ("left", "right"):
        thigh = rotations[:, :, JOINT_INDEX[f"{side}_hip"], 1, 1].clamp(-1, 1).acos()
        stands = ((_SITS - thigh) / (_SITS - _STANDS)).clamp(0, 1)
        for part, shown_by in (("hip", "knee"), ("knee", "ankle"), ("ankle", "ankle"), ("foot", "ankle")):
            confidence = observations.confidence[:, :, LANDMARK_INDEX[f"{side}_{shown_by}"]]
            unseen = ((_SEEN - confidence) / (_SEEN - _UNSEEN)).clamp(0, 1)
            unseen = smooth_over_time(unseen * stands, torch.ones_like(unseen), seconds, _SECONDS)
            joint = JOINT_INDEX[f"{side}_{part}"]
            at_ease = relaxed[joint - 1].expand_as(pelvis)
            at_ease = to_upright @ at_ease if part == "hip" else at_ease
            rotations[:, :, joint] = slerp(rotations[:, :, joint], at_ease, unseen)
    return rotations
