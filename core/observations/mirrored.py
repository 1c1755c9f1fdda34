"""The features of a clip in the mirror: as if the picture had been flipped, and each left limb were a right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..contract.skeleton import BODY_JOINTS, mirrored
from .features import NODE_COLUMNS, PERSON_COLUMNS

OTHER_SIDE = tuple(BODY_JOINTS.index(mirrored(name)) for name in BODY_JOINTS)
"""For each body joint the index of the one on the other side of the body; its own in the middle."""
_VECTORS = ("from_pair", "from_pelvis", "velocity", "to_partner", "offset", "ray", "landmark", "hand_offset")
"""Features of joints whose first column points to the right of the picture."""
_ROTATION_SIGNS = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
"""Of the first two columns of a rotation that is mirrored in the plane x = 0."""
_PERSON_VECTORS = ("camera", "partner")
_FEET = ("foot_contact", "floor_depth")
"""Features of a person with a column for the left foot and one for the right."""


def mirrored_nodes(nodes: Float[Tensor, "*b 22 F"]) -> Float[Tensor, "*b 22 F"]:
    """`Features.nodes` of the mirrored clip."""
    signs = _signs(nodes, NODE_COLUMNS, _VECTORS)
    signs[NODE_COLUMNS["rotation"]] = nodes.new_tensor(_ROTATION_SIGNS)
    return nodes[..., list(OTHER_SIDE), :] * signs


def mirrored_people(people: Float[Tensor, "*b G"]) -> Float[Tensor, "*b G"]:
    """`Features.people` of the mirrored clip."""
    people = people * _signs(people, PERSON_COLUMNS, _PERSON_VECTORS)
    for name in _FEET:
        people[..., PERSON_COLUMNS[name]] = people[..., PERSON_COLUMNS[name]].flip(-1)
    return people


def mirrored_joints(joints_inview: Float[Tensor, "*b 22 3"]) -> Float[Tensor, "*b 22 3"]:
    """Joints, or offsets of joints, of the mirrored clip."""
    return joints_inview[..., list(OTHER_SIDE), :] * joints_inview.new_tensor([-1.0, 1.0, 1.0])


def _signs(values: Tensor, columns: Mapping[str, slice], vectors: Sequence[str]) -> Tensor:
    signs = torch.ones_like(values[(0,) * (values.dim() - 1)])
    signs[[columns[name].start for name in vectors]] = -1
    return signs
