"""Contacts resolved for the fit: two sets of skin points, and in which frames and how strongly they are pulled together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..body.model import BodyModel
from ..body.regions import region_points
from ..contract.contact import Contact
from ..contract.errors import UserError
from ..contract.skeleton import GROUND, REGIONS
from ..motion import MotionEstimate, pose_motion
from ..transforms import inverse_transform_points
from . import energies

_POINTS_PER_REGION = 48
"""Skin that is sampled more coarsely has to be pressed into the other person's until two of the points meet: with 16 points the
mean penetration of 21 simulated dev clips was 4.9 mm, with 48 it is 4.2."""
EASE_SECONDS = 0.3
"""How long a contact takes to come, and to go: half of it before its first frame, half after. Chosen on the dev split."""


@dataclass(frozen=True)
class ResolvedContact:
    """A contact in indices. `points_a` and `points_b` index a list of skin points, `points_b` is None for the floor."""

    contact: Contact
    frames: Int[Tensor, " F"]
    """Positions in the clip's range."""
    points_a: Tensor
    points_b: Tensor | None
    strength: Float[Tensor, " F"]
    """In 0-1, how strongly a fit pulls in each frame: 1 while the contact lasts, less where it is eased in and out."""


def resolve_contacts(
    contacts: Sequence[Contact], body: BodyModel, frame_index: np.ndarray
) -> tuple[tuple[ResolvedContact, ...], Tensor]:
    """The active contacts that lie in the clip's range, and the vertices [N] that their points index.

    A side of a contact is the vertex that the animator chose, or an even sample of its region. UserError `bad-contact` if the
    body has no such vertex.
    """
    vertices, region = region_points(body, _POINTS_PER_REGION)
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

    resolved = []
    for contact in active:
        inside = (frame_index >= contact.frame_start) & (frame_index <= contact.frame_end)
        if inside.any():
            frames = torch.from_numpy(inside.nonzero()[0]).to(vertices.device)
            other = None if contact.person_b == GROUND else points(contact.region_b, contact.vertex_b)
            ends = points(contact.region_a, contact.vertex_a), other
            resolved.append(ResolvedContact(contact, frames, *ends, torch.ones(len(frames), device=vertices.device)))
    return tuple(resolved), torch.cat([vertices, torch.tensor(chosen, dtype=vertices.dtype, device=vertices.device)])


def eased(
    resolved: ResolvedContact, frame_index: Int[np.ndarray, " T"], time: Float[np.ndarray, " T"]
) -> ResolvedContact:
    """The contact as a fit pulls it together: a detected or prompted one comes and goes by degrees.

    Nobody knows its first frame exactly, and a pull that sets in at once makes a hand jump there. What an animator enforces is
    held as it is, and a contact that the first or last frame of the range cuts off is not eased there. `time` is in seconds.
    """
    contact = resolved.contact
    if contact.state == "enforced":
        return resolved
    first, last = (time[int(position)] for position in (resolved.frames[0], resolved.frames[-1]))
    since = np.full(len(time), np.inf) if contact.frame_start <= frame_index[0] else time - first
    until = np.full(len(time), np.inf) if contact.frame_end >= frame_index[-1] else last - time
    closed = np.clip(0.5 + np.minimum(since, until) / EASE_SECONDS, 0, 1)
    strength = closed * closed * (3 - 2 * closed)
    frames = strength.nonzero()[0]
    device = resolved.frames.device
    return replace(
        resolved,
        frames=torch.from_numpy(frames).to(device),
        strength=torch.from_numpy(strength[frames]).to(device, torch.float32),
    )


def contact_distance(resolved: ResolvedContact, skin: Tensor, heights: Tensor) -> Tensor:
    """Distance [F] in metres between the two regions. skin [P,T,N,3] of the contacts' points, heights [P,T,N] over the floor."""
    person_a = resolved.contact.person_a
    if resolved.points_b is None:
        return _chosen(heights[person_a], resolved.frames, resolved.points_a).amin(1)
    first = _chosen(skin[person_a], resolved.frames, resolved.points_a)
    second = _chosen(skin[int(resolved.contact.person_b)], resolved.frames, resolved.points_b)
    return energies.contact_gap(first, second)


def _chosen(values: Tensor, frames: Tensor, points: Tensor) -> Tensor:
    """Values [T,N,...] of some frames and points; the gradient of `index_select` is found faster than that of brackets."""
    return values.index_select(0, frames).index_select(1, points)


def contact_distances(
    contacts: Sequence[Contact], estimate: MotionEstimate, body: BodyModel, frame_index: Int[np.ndarray, " T"]
) -> list[float | None]:
    """metres between the two sides of each contact, whatever its state, as a mean over its frames; None outside the clip's."""
    named = [replace(contact, state="auto", id=str(number)) for number, contact in enumerate(contacts)]
    resolved, vertices = resolve_contacts(named, body, frame_index)
    if not resolved:
        return [None] * len(contacts)
    skin = pose_motion(body, estimate.motion_incam).skin(body.subset(vertices))
    heights = inverse_transform_points(torch.as_tensor(estimate.camera.T_cw).to(skin), skin)[..., 2]
    found = {each.contact.id: float(contact_distance(each, skin, heights).clamp_min(0).mean()) for each in resolved}
    return [found.get(contact.id) for contact in named]
