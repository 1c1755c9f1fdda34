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
    """A contact in indices. `patch_a` and `patch_b` are numbers of patches of `ContactSkin`, `patch_b` is None for the floor."""

    contact: Contact
    frames: Int[Tensor, " F"]
    """Positions in the clip's range."""
    patch_a: int
    patch_b: int | None
    strength: Float[Tensor, " F"]
    """In 0-1, how strongly a fit pulls in each frame: 1 while the contact lasts, less where it is eased in and out."""


@dataclass(frozen=True)
class ContactSkin:
    """The N vertices of all sides of contacts, in patches: a sample of each region, and each vertex that the animator chose."""

    vertices: Int[Tensor, " N"]
    sizes: tuple[int, ...]

    def patches(self, values: Tensor) -> tuple[Tensor, ...]:
        """Values [P,T,N,...] of the vertices by patch. Gradients of many contacts add up by patch, and only then for all skin."""
        return values.split(self.sizes, 2)


def resolve_contacts(
    contacts: Sequence[Contact], body: BodyModel, frame_index: np.ndarray
) -> tuple[tuple[ResolvedContact, ...], ContactSkin]:
    """The active contacts that lie in the clip's range, and the skin of their sides.

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
    vertices = vertices[kept]
    regions, sizes = region[kept].unique_consecutive(return_counts=True)
    patches = [REGIONS[index] for index in regions.tolist()]

    def patch(name: str, vertex: int | None) -> int:
        return patches.index(name) if vertex is None else len(patches) + chosen.index(vertex)

    resolved = []
    for contact in active:
        inside = (frame_index >= contact.frame_start) & (frame_index <= contact.frame_end)
        if inside.any():
            frames = torch.from_numpy(inside.nonzero()[0]).to(vertices.device)
            other = None if contact.person_b == GROUND else patch(contact.region_b, contact.vertex_b)
            ends = patch(contact.region_a, contact.vertex_a), other
            resolved.append(ResolvedContact(contact, frames, *ends, torch.ones(len(frames), device=vertices.device)))
    vertices = torch.cat([vertices, torch.tensor(chosen, dtype=vertices.dtype, device=vertices.device)])
    return tuple(resolved), ContactSkin(vertices, (*sizes.tolist(), *[1] * len(chosen)))


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


def contact_distance(resolved: ResolvedContact, skin: Sequence[Tensor], heights: Sequence[Tensor]) -> Tensor:
    """Distance [F] in metres between the two sides, given the patches of the skin, [P,T,n,3] each, and heights over the floor."""
    contact, frames = resolved.contact, resolved.frames
    if resolved.patch_b is None:
        return heights[resolved.patch_a][contact.person_a].index_select(0, frames).amin(1)
    # the gradient of index_select is found faster than that of brackets
    first = skin[resolved.patch_a][contact.person_a].index_select(0, frames)
    second = skin[resolved.patch_b][int(contact.person_b)].index_select(0, frames)
    return energies.contact_gap(first, second)


def contact_distances(
    contacts: Sequence[Contact], estimate: MotionEstimate, body: BodyModel, frame_index: Int[np.ndarray, " T"]
) -> list[float | None]:
    """metres between the two sides of each contact, whatever its state, as a mean over its frames; None outside the clip's."""
    named = [replace(contact, state="auto", id=str(number)) for number, contact in enumerate(contacts)]
    resolved, sides = resolve_contacts(named, body, frame_index)
    if not resolved:
        return [None] * len(contacts)
    skin = pose_motion(body, estimate.motion_incam).skin(body.subset(sides.vertices))
    heights = inverse_transform_points(torch.as_tensor(estimate.camera.T_cw).to(skin), skin)[..., 2]
    patches = sides.patches(skin), sides.patches(heights)
    found = {each.contact.id: float(contact_distance(each, *patches).clamp_min(0).mean()) for each in resolved}
    return [found.get(contact.id) for contact in named]
