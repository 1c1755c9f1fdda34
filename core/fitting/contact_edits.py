"""What an animator's edits of contacts change for a fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Int

from ..contract.contact import Contact


def changed_frames(
    before: Sequence[Contact], after: Sequence[Contact], frame_index: Int[np.ndarray, " T"]
) -> Bool[np.ndarray, " T"]:
    """The frames of contacts that are new, different or gone."""
    known, now = ({_frames_and_pull(contact) for contact in contacts} for contacts in (before, after))
    changed = np.zeros(len(frame_index), bool)
    for first, last, *_ in known ^ now:
        changed |= (frame_index >= first) & (frame_index <= last)
    return changed


def _frames_and_pull(contact: Contact) -> tuple[int, int, object]:
    """The first and last frame of a contact, and all else by which the fit tells it from another one."""
    sides = (contact.person_a, contact.region_a, contact.vertex_a, contact.person_b, contact.region_b, contact.vertex_b)
    return contact.frame_start, contact.frame_end, (*sides, contact.state, round(contact.weight, 2))
