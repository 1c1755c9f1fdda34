"""The parts of the body at which contacts are listed and judged: each holds the neighbouring skin regions of one limb."""

from __future__ import annotations

import numpy as np

from .skeleton import GROUND, REGIONS, mirrored, split_side

_REGIONS_OF_PART: dict[str, tuple[str, ...]] = {
    "head": ("head", "face", "neck"),
    "chest": ("chest", "belly"),
    "back": ("back",),
    "hips": ("hips",),
    "shoulder": ("shoulder",),
    "upper_arm": ("upper_arm",),
    "forearm": ("elbow", "forearm"),
    "hand": ("wrist", "palm", "hand_back", "fingers"),
    "thigh": ("thigh",),
    "shin": ("knee", "shin", "calf"),
    "foot": ("foot",),
}
"""Names without side."""
PART_KINDS: tuple[str, ...] = tuple(_REGIONS_OF_PART)
"""The body parts without their sides."""
_PART_OF_BARE_REGION = {region: part for part, regions in _REGIONS_OF_PART.items() for region in regions}


def regions_of_kind(kind: str) -> tuple[str, ...]:
    """The regions, without side, of one of `PART_KINDS`. KeyError for another name."""
    return _REGIONS_OF_PART[kind]


def body_part_of(region: str) -> str:
    """The body part of a region: `left_palm` -> `left_hand`, `belly` -> `chest`; the ground is its own."""
    if region == GROUND:
        return GROUND
    side, bare = split_side(region)
    part = _PART_OF_BARE_REGION[bare]
    return f"{side}_{part}" if side else part


BODY_PARTS: tuple[str, ...] = tuple(dict.fromkeys(map(body_part_of, REGIONS)))
"""The 18 body parts with their sides, in the order of their first regions."""
PART_INDEX: dict[str, int] = {part: index for index, part in enumerate(BODY_PARTS)}
PART_OF_REGION = np.array([PART_INDEX[body_part_of(region)] for region in REGIONS])
"""For each of `REGIONS` the index of its body part."""


def body_part_words(parts: set[str]) -> str:
    """Body parts of one kind in everyday words: `left upper arm`, or `both hands` for those of both sides."""
    first = min(parts)
    if mirrored(first) == first or mirrored(first) not in parts:
        return first.replace("_", " ")
    bare = split_side(first)[1].replace("_", " ")
    return f"both {'feet' if bare == 'foot' else f'{bare}s'}"
