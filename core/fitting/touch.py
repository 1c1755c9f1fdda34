"""Contacts resolved for the fit: two sets of skin points and the frames in which they should meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..body.model import BodyModel
from ..body.regions import region_points
from ..contract.contact import Contact
from ..contract.errors import UserError
from ..contract.skeleton import GROUND, REGIONS
from . import energies

POINTS_PER_REGION = 16


@dataclass(frozen=True)
class Touch:
    """A contact in indices. `points_a` and `points_b` index a list of skin points, `points_b` is None for the floor."""

    contact: Contact
    frames: Tensor
    """int64 [F] positions in the clip's range."""
    points_a: Tensor
    points_b: Tensor | None


def resolve_contacts(
    contacts: Sequence[Contact], body: BodyModel, frame_index: np.ndarray
) -> tuple[tuple[Touch, ...], Tensor]:
    """The active contacts that lie in the clip's range, and the vertices [N] that their points index.

    A side of a contact is the vertex that the animator chose, or an even sample of its region. UserError `bad-contact` if the
    body has no such vertex.
    """
    vertices, region = region_points(body, POINTS_PER_REGION)
    active = [contact for contact in contacts if contact.active()]
    chosen = sorted(
        {vertex for contact in active for vertex in (contact.vertex_a, contact.vertex_b) if vertex is not None}
    )
    if chosen and chosen[-1] >= len(body.v_template):
        raise UserError(
            "bad-contact",
            f"A contact is at vertex {chosen[-1]}, and this body has {len(body.v_template)}.",
            "Move its marker again, or choose its regions anew.",
        )
    named = {contact.region_a for contact in active} | {contact.region_b for contact in active}
    regions = torch.tensor([REGIONS.index(name) for name in named if name != GROUND], dtype=region.dtype)
    kept = torch.isin(region.cpu(), regions).to(region.device)
    vertices, region = vertices[kept], region[kept]

    def points(name: str, vertex: int | None) -> Tensor:
        if vertex is None:
            return (region == REGIONS.index(name)).nonzero()[:, 0]
        return torch.tensor([len(region) + chosen.index(vertex)], device=region.device)

    touches = []
    for contact in active:
        inside = (frame_index >= contact.frame_start) & (frame_index <= contact.frame_end)
        if inside.any():
            frames = torch.from_numpy(inside.nonzero()[0]).to(vertices.device)
            other = None if contact.person_b == GROUND else points(contact.region_b, contact.vertex_b)
            touches.append(Touch(contact, frames, points(contact.region_a, contact.vertex_a), other))
    return tuple(touches), torch.cat([vertices, torch.tensor(chosen, dtype=vertices.dtype, device=vertices.device)])


def touch_gap(touch: Touch, skin: Tensor, heights: Tensor) -> Tensor:
    """Distance [F] in metres between the two regions. skin [P,T,N,3] of the contacts' points, heights [P,T,N] over the floor."""
    if touch.points_b is None:
        return heights[touch.contact.person_a][touch.frames][:, touch.points_a].amin(1)
    first = skin[touch.contact.person_a][touch.frames][:, touch.points_a]
    second = skin[int(touch.contact.person_b)][touch.frames][:, touch.points_b]
    return energies.contact_gap(first, second)
