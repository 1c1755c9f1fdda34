"""A body posed to joints that were placed freely: turns in closed form, bones as long as the body's.

Each joint turns from the first motion's pose the shortest way that points its bone at the next joint, so twists stay the first
motion's; the pelvis and the chest turn so that all their bones fit best. Bones start where their joint really came to lie, so
that differences in length do not add up (the idea of HybrIK, Li et al., CVPR 2021, section 3.4, with the first motion's
twists instead of predicted ones).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..body.model import BodyModel, rest_joints
from ..body.rotations import kabsch, rotation_between_vectors
from ..contract.skeleton import PARENTS
from ..motion import BODY_COUNT
from ..representation.residual import PoseState

_CHILDREN = tuple([child for child in range(BODY_COUNT) if PARENTS[child] == joint] for joint in range(BODY_COUNT))


@torch.no_grad()
def pose_to_joints(base: PoseState, joints: Tensor, body: BodyModel) -> PoseState:
    """`base`, with the shape that it has, in the pose whose joints lie nearest to `joints` [...,P,N,22,3] (the same view).

    The pelvis lies where it is asked to; every other joint in the right direction from its parent, as far away as the body
    has it. Where `joints` are the base's own the base comes back.
    """
    rest = rest_joints(body, base.betas)[..., None, :BODY_COUNT, :].expand(*joints.shape[:-2], BODY_COUNT, 3)
    place: list[Tensor] = [joints[..., 0, :]] * BODY_COUNT
    world: list[Tensor] = [base.rotations[..., 0, :, :]] * BODY_COUNT
    turns = []
    for joint, children in enumerate(_CHILDREN):
        own = base.rotations[..., joint, :, :]
        above = world[PARENTS[joint]] if joint else None
        turn = own if above is None else above @ own
        offsets = (
            torch.stack([rest[..., child, :] - rest[..., joint, :] for child in children], -2) if children else None
        )
        if offsets is not None:
            bones = offsets @ turn.mT
            wanted = joints[..., children, :] - place[joint][..., None, :]
            turn = _align(bones, wanted) @ turn
            for child, bone in zip(children, (offsets @ turn.mT).unbind(-2)):
                place[child] = place[joint] + bone
        world[joint] = turn
        turns.append(turn if above is None else above.mT @ turn)
    return PoseState(torch.stack(turns, -3), joints[..., 0, :], base.betas)


def _align(bones: Tensor, wanted: Tensor) -> Tensor:
    """The rotation [...,3,3] of bones [...,K,3] whose directions fit those of wanted [...,K,3] best."""
    if bones.shape[-2] == 1:
        return rotation_between_vectors(bones[..., 0, :], wanted[..., 0, :])
    return kabsch(normalize(bones, dim=-1), normalize(wanted, dim=-1))
