"""Touches that a vision–language model saw, as contacts of the list."""

from __future__ import annotations

from collections.abc import Iterable

from ...core.contract.annotation import SeenTouch
from ...core.contract.contact import Contact


def contact_of(touch: SeenTouch) -> Contact:
    """The touch as a contact that the user decided for. UserError `bad-contact` for one whose regions are not known."""
    return Contact(
        0, touch.region_a, 1, touch.region_b, touch.frame_start, touch.frame_end, source="user", state="enforced"
    )


def is_in_list(touch: SeenTouch, contacts: Iterable[Contact]) -> bool:
    """Whether a contact of the same regions overlaps the touch in time, whoever it is of."""
    wanted = {(0, touch.region_a), (1, touch.region_b)}
    return any(
        {(contact.person_a, contact.region_a), (contact.person_b, contact.region_b)} == wanted
        and contact.frame_start <= touch.frame_end
        and touch.frame_start <= contact.frame_end
        for contact in contacts
    )
