"""Eight body parts that may touch the partner: the resolution at which the learned models represent contacts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contract.body_parts import body_part_of
from ..contract.contact import Contact
from ..contract.skeleton import GROUND, split_side

TOUCHING_PARTS: tuple[str, ...] = (
    "left_hand", "right_hand", "left_arm", "right_arm", "head", "trunk", "left_leg", "right_leg"
)  # fmt: skip
_ARM = ("shoulder", "upper_arm", "forearm")
_TRUNK = ("chest", "back", "hips")


def part_of(region: str) -> int:
    """Index into TOUCHING_PARTS of a region of the skin."""
    side, bare = split_side(body_part_of(region))
    if not side:
        return TOUCHING_PARTS.index("trunk" if bare in _TRUNK else bare)
    return TOUCHING_PARTS.index(f"{side}_{'hand' if bare == 'hand' else 'arm' if bare in _ARM else 'leg'}")


def touching(contacts: Sequence[Contact], frame_index: np.ndarray) -> np.ndarray:
    """bool [2,T,8]: which of each person's TOUCHING_PARTS touch the other person, in the frames [T] of the clip."""
    flags = np.zeros((2, len(frame_index), len(TOUCHING_PARTS)), bool)
    for contact in contacts:
        if contact.active() and contact.person_b != GROUND:
            inside = (frame_index >= contact.frame_start) & (frame_index <= contact.frame_end)
            flags[contact.person_a, inside, part_of(contact.region_a)] = True
            flags[int(contact.person_b), inside, part_of(contact.region_b)] = True
    return flags
