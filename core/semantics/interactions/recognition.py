"""Applies the rules in their order, and names what is left a plain touch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool

from ...contract.skeleton import REGIONS, split_side
from ..kinematics import PairKinematics
from ..settings import DescriptionSettings
from .arms_and_hands import hand_on_body, hands_together, holding_the_arm
from .interaction import Interaction
from .strikes import blocking, kicking
from .unclaimed_contacts import HAND, Found, UnclaimedContacts, limb_of
from .whole_body import arm_around, carrying, dance_hold, helping_up, hugging, turning_under_arm

_TOUCHING_PARTS = (
    *HAND, "foot", "wrist", "forearm", "elbow", "knee", "head", "face", "shoulder", "upper_arm", "shin", "thigh", "calf",
)  # fmt: skip
"""Regions that people touch with, the most likely ones first."""


def recognize_interactions(
    k: PairKinematics, matrix: Bool[np.ndarray, "R R T"], settings: DescriptionSettings | None = None
) -> tuple[Interaction, ...]:
    """All interactions, sorted by time. `matrix` is the contact matrix of `kinematics.contact_matrix`."""
    contacts = UnclaimedContacts(k, matrix, settings or DescriptionSettings())
    found: list[Interaction] = []
    for rule in _RULES:
        for interaction, limbs in rule(contacts):
            found.append(interaction)
            contacts.claim(interaction, limbs)
    return tuple(sorted(found, key=lambda interaction: (interaction.start, interaction.name)))


def plain_touches(c: UnclaimedContacts) -> Found:
    """A `touch` for each pair of limbs that still is in contact, of the pair of regions that touches longest."""
    by_limbs: dict[tuple[str, str], Bool[np.ndarray, "T"]] = {}
    for row, column in np.argwhere(c.matrix.any(2)).tolist():
        limbs = limb_of(REGIONS[row]), limb_of(REGIONS[column])
        by_limbs[limbs] = by_limbs.get(limbs, np.zeros(len(c.k.time), bool)) | c.matrix[row, column]
    for (limb, other_limb), mask in by_limbs.items():
        regions = [region for region in REGIONS if limb_of(region) == limb]
        other_regions = [region for region in REGIONS if limb_of(region) == other_limb]
        for run in c.runs(mask, 0.3):
            region = c.most_touched(1, other_regions, regions, run)
            other_region = c.most_touched(0, [region], other_regions, run)
            actor = 0 if _touching_rank(region) <= _touching_rank(other_region) else 1
            own, other = (region, other_region) if actor == 0 else (other_region, region)
            (side, part), (other_side, other_part) = split_side(own), split_side(other)
            part, other_part = ("palm" if name in HAND else name for name in (part, other_part))
            start, end = c.start_and_end(run)
            touch = Interaction(
                "touch", actor, start, end, side, other_side, actor_region=part, other_region=other_part
            )
            yield touch, set()


def _touching_rank(region: str) -> int:
    bare = split_side(region)[1]
    return _TOUCHING_PARTS.index(bare) if bare in _TOUCHING_PARTS else len(_TOUCHING_PARTS)


_RULES: tuple[Callable[[UnclaimedContacts], Found], ...] = (
    carrying, helping_up, turning_under_arm, dance_hold, hugging, arm_around, holding_the_arm, hands_together, blocking, kicking,
    hand_on_body, plain_touches,
)  # fmt: skip
