"""Poses a body to predicted joints: rotations in closed form, with the body's own bone lengths.

Each joint is rotated from the reference pose by the smallest rotation that points its bone at the child joint, so twists stay
those of the reference; the pelvis and the chest are rotated to fit all their bones best. Bones start at the joints as posed, not
as predicted, so differences in bone length do not accumulate (as in HybrIK, Li et al., CVPR 2021, section 3.4, with the
reference's twists instead of predicted ones).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from ..body.model import BodyModel, rest_joints
from ..body.rotations import kabsch, rotation_between_vectors
from ..contract.skeleton import PARENTS
from ..motion import BODY_COUNT
from ..representation.residual import PoseState

_CHILDREN = tuple([child for child in range(BODY_COUNT) if PARENTS[child] == joint] for joint in range(BODY_COUNT))


@torch.no_grad()
def pose_to_joints(reference: PoseState, joints: Float[Tensor, "*b P N 22 3"], body: BodyModel) -> PoseState:
    """The pose, with the reference's shape, whose joints lie closest to `joints` (metres, in the same view as the reference).

    The pelvis is placed at its joint; every other joint lies in the predicted direction from its parent, at the distance that the
    body's bone has. The reference's own joints give the reference back.
    """
    rest = rest_joints(body, reference.betas)[..., None, :BODY_COUNT, :].expand(*joints.shape[:-2], BODY_COUNT, 3)
    positions: list[Tensor] = [joints[..., 0, :]] * BODY_COUNT
    global_rotations: list[Tensor] = [reference.rotations[..., 0, :, :]] * BODY_COUNT
    rotations: list[Tensor] = []
    for joint, children in enumerate(_CHILDREN):
        parent = global_rotations[PARENTS[joint]] if joint else None
        local = reference.rotations[..., joint, :, :]
        rotation = local if parent is None else parent @ local
        if children:
            offsets = torch.stack([rest[..., child, :] - rest[..., joint, :] for child in children], -2)
            targets = joints[..., children, :] - positions[joint][..., None, :]
            rotation = _align(offsets @ rotation.mT, targets) @ rotation
            for child, bone in zip(children, (offsets @ rotation.mT).unbind(-2)):
                positions[child] = positions[joint] + bone
        global_rotations[joint] = rotation
        rotations.append(rotation if parent is None else parent.mT @ rotation)
    return PoseState(torch.stack(rotations, -3), joints[..., 0, :], reference.betas)


def _align(bones: Float[Tensor, "*b K 3"], targets: Float[Tensor, "*b K 3"]) -> Float[Tensor, "*b 3 3"]:
    """The rotation that fits the directions of the bones to those of the targets best."""
    if bones.shape[-2] == 1:
        return rotation_between_vectors(bones[..., 0, :], targets[..., 0, :])
    return kabsch(normalize(bones, dim=-1), normalize(targets, dim=-1))
