"""Finds the touches of two people: where the skins of a contact's regions meet, and the same places on the target characters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....core.contract.contact import Contact
from ....core.contract.skeleton import GROUND, REGIONS
from .anchors import (
    PART_OF_JOINT,
    Anchor,
    Skin,
    anchor_at,
    corresponding_anchor,
    nearest_pair,
    posed_points,
    region_vertices,
    sampled_frames,
)
from .touch import Side, Touch
from .transfer import Performer, SourceMotion

_PART_FRAMES = 10
"""A contact is split into parts of about so many frames, since skins slide on each other and other points meet."""
_ENFORCED_WEIGHT = 1.5


@dataclass(frozen=True)
class Character:
    """A target character among those that are solved."""

    number: int
    performer: Performer
    skin: Skin | None


def find_touches(
    contacts: Sequence[tuple[Contact, int, int]],
    sources: Sequence[SourceMotion],
    characters: Mapping[int, Character],
    skins: Mapping[int, Skin],
) -> list[Touch]:
    """The contacts, each with the indices of its first and last frame, that have a side on a target, in parts.

    Sources and `skins` are those of persons 0 and 1, `characters` the targets by person. Contacts of regions that a skin lacks
    are left out.
    """
    touches: list[Touch] = []
    for contact, first, last in contacts:
        sides = _regions_of(contact)
        if not {person for person, _ in sides} & set(characters) or any(person not in skins for person, _ in sides):
            continue
        vertices = [
            _touching_vertices(skins[person], region, chosen)
            for (person, region), chosen in zip(sides, (contact.vertex_a, contact.vertex_b))
        ]
        if all(len(each) for each in vertices):
            for part_first, part_last in _parts(first, last):
                anchors = _meeting_points(sides, vertices, (part_first, part_last), sources, skins)
                touches.append(_touch(contact, (part_first, part_last), anchors, sources, characters))
    return touches


def _regions_of(contact: Contact) -> list[tuple[int, str]]:
    """Person and region of each side that is no ground."""
    sides = [(contact.person_a, contact.region_a)]
    return sides if contact.person_b == GROUND else [*sides, (int(contact.person_b), contact.region_b)]


def _touching_vertices(skin: Skin, region: str, chosen: int | None) -> np.ndarray:
    """The vertex that the animator chose, else those of the region."""
    if chosen is not None and chosen < len(skin.vertices):
        return np.array([chosen])
    return region_vertices(skin, REGIONS.index(region))


def _parts(first: int, last: int) -> list[tuple[int, int]]:
    count = max(1, round((last - first + 1) / _PART_FRAMES))
    edges = np.linspace(first, last + 1, count + 1).round().astype(int).tolist()
    return [(start, end - 1) for start, end in zip(edges, edges[1:])]


def _meeting_points(
    sides: Sequence[tuple[int, str]],
    vertices: Sequence[np.ndarray],
    span: tuple[int, int],
    sources: Sequence[SourceMotion],
    skins: Mapping[int, Skin],
) -> list[tuple[int, Anchor]]:
    """Person and anchor of each side: where the regions are nearest to each other, or to the ground."""
    rows = sampled_frames(*span)
    points = []
    for (person, _), found in zip(sides, vertices):
        source, skin = sources[person], skins[person]
        rotations, positions = source.rotations[rows], source.positions[rows]
        points.append(posed_points(source.rest, rotations, positions, skin.vertices[found], skin.weights[found]))
    chosen = nearest_pair(points[0], points[1]) if len(points) == 2 else (int(points[0][..., 2].mean(0).argmin()),)
    return [
        (person, anchor_at(skins[person], int(found[row]))) for (person, _), found, row in zip(sides, vertices, chosen)
    ]


def _touch(
    contact: Contact,
    span: tuple[int, int],
    anchors: Sequence[tuple[int, Anchor]],
    sources: Sequence[SourceMotion],
    characters: Mapping[int, Character],
) -> Touch:
    paths = [_path(anchor, sources[person]) for person, anchor in anchors]
    sides = [
        _side(characters.get(person), anchor, sources[person], path) for (person, anchor), path in zip(anchors, paths)
    ]
    on_ground = len(sides) == 1
    if on_ground:
        paths.append(paths[0] * (1, 1, 0))
        sides.append(Side(-1, None, paths[1]))
    return Touch(
        contact.touch,
        (sides[0], sides[1]),
        *span,
        _ENFORCED_WEIGHT if contact.state == "enforced" else contact.effective_weight,
        paths[1] - paths[0],
        _axes_that_count([anchor for _, anchor in anchors]),
    )


def _axes_that_count(anchors: Sequence[Anchor]) -> tuple[bool, bool, bool]:
    """For the ground only the height; for two trunks only the floor plan, since their heights are those of the legs."""
    if len(anchors) == 1:
        return False, False, True
    trunks = all(PART_OF_JOINT[anchor.weights.argmax()] == PART_OF_JOINT[0] for anchor in anchors)
    return True, True, not trunks


def _path(anchor: Anchor, source: SourceMotion) -> np.ndarray:
    """[T,3] of an anchor on a reconstructed person."""
    places, weights = anchor.place[None], anchor.weights[None]
    return posed_points(source.rest, source.rotations, source.positions, places, weights)[:, 0]


def _side(character: Character | None, anchor: Anchor, source: SourceMotion, path: np.ndarray) -> Side:
    """The side on a target character, or the path of a person who is not retargeted."""
    if character is None:
        return Side(-1, None, path)
    performer = character.performer
    found = corresponding_anchor(anchor, source.rest, performer.rest, performer.alignment, character.skin)
    return Side(character.number, found, None)
