"""Grouping of contacts into touches, the things that an animator would list: a handshake, a hug, a kick."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from ..contract.body_parts import body_part_of
from ..contract.contact import Contact
from ..contract.skeleton import GROUND, split_side

_NAMESPACE = uuid.UUID("2f0e8a58-7a3b-4b0e-8e0c-3f0a9c2d5b44")
_ARM, _LEG = ("upper_arm", "forearm", "hand"), ("thigh", "shin", "foot")
_LEAST_OVERLAP = 0.5
"""Fraction of the shorter of two contacts that they must share to be one touch of a limb."""
_LEAST_SIMILARITY = 0.5
"""Fraction of their time that two groups of contacts must spend between the same parts for one to go on where the other ends."""


def group_contacts(contacts: Sequence[Contact], max_gap: int) -> list[Contact]:
    """The contacts with the touches that they belong to, in their order. `max_gap`: frames of an interruption that is bridged.

    Two contacts are of one touch if they last at the same time and a limb of one person is in both (a hand that holds a hand and
    its wrist, two arms round one back), or if one goes on between the same parts where the other ends; through others they can
    be of one touch as well. After an interruption such a group goes on in a later one if the same parts touch again and both
    groups are alike: a handshake after which the same hands meet once more in a hug is a touch of its own. Contacts with the
    ground stay by themselves.
    """
    groups = _Groups(len(contacts))
    pairs = [(a, b) for b in range(len(contacts)) for a in range(b)]
    for a, b in pairs:
        if is_one_touch(contacts[a], contacts[b]):
            groups.join(a, b)
    durations = {root: _durations([contacts[index] for index in members]) for root, members in groups.members().items()}
    going_on = [
        (a, b)
        for a, b in pairs
        if is_same_parts_again(contacts[a], contacts[b], max_gap)
        and _similarity(durations[groups.root(a)], durations[groups.root(b)]) >= _LEAST_SIMILARITY
    ]
    for a, b in going_on:
        groups.join(a, b)
    touches = {root: _touch_id([contacts[index] for index in members]) for root, members in groups.members().items()}
    return [replace(contact, touch=touches[groups.root(index)]) for index, contact in enumerate(contacts)]


class _Groups:
    """Disjoint sets of the numbers from 0 on."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def root(self, index: int) -> int:
        while self._parent[index] != index:
            index = self._parent[index]
        return index

    def join(self, one: int, other: int) -> None:
        self._parent[self.root(other)] = self.root(one)

    def members(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for index in range(len(self._parent)):
            found.setdefault(self.root(index), []).append(index)
        return found


def _durations(contacts: Sequence[Contact]) -> dict[tuple[str, str], int]:
    """Frames in which each pair of body parts touches."""
    frames: dict[tuple[str, str], set[int]] = {}
    for contact in contacts:
        frames.setdefault(parts_of(contact), set()).update(range(contact.frame_start, contact.frame_end + 1))
    return {parts: len(touching) for parts, touching in frames.items()}


def _similarity(one: dict[tuple[str, str], int], other: dict[tuple[str, str], int]) -> float:
    """In 0-1, how much of their time two groups spend between the same parts."""
    first, second = sum(one.values()), sum(other.values())
    return sum(min(frames / first, other.get(parts, 0) / second) for parts, frames in one.items())


def limbs_of(contact: Contact) -> tuple[str, str]:
    """The limbs of person 0 and of person 1 that meet: trunk (with shoulders and head), an arm or a leg with its side."""
    regions = (contact.region_a, contact.region_b)
    first, second = map(_limb, regions if contact.person_a == 0 else regions[::-1])
    return first, second


def parts_of(contact: Contact) -> tuple[str, str]:
    """The body parts of person 0 and of person 1 that meet."""
    parts = (body_part_of(contact.region_a), body_part_of(contact.region_b))
    return parts if contact.person_a == 0 else (parts[1], parts[0])


def _limb(region: str) -> str:
    side, bare = split_side(body_part_of(region))
    return f"{side}_arm" if bare in _ARM else f"{side}_leg" if bare in _LEG else "trunk"


def is_one_touch(one: Contact, other: Contact) -> bool:
    """Whether two contacts are of one touch by themselves: they last together, or are between the same parts without a gap."""
    return _last_together(one, other) or is_same_parts_again(one, other, max_gap=0)


def is_same_parts_again(one: Contact, other: Contact, max_gap: int) -> bool:
    """Whether two contacts are between the same parts of the body, with at most so many frames between them."""
    return GROUND not in (one.person_b, other.person_b) and (
        parts_of(one) == parts_of(other) and _shared_frames(one, other) >= -max_gap
    )


def _last_together(one: Contact, other: Contact) -> bool:
    """Whether two contacts have a limb of one person in common, and most of the shorter one lasts while the other does."""
    if GROUND in (one.person_b, other.person_b):
        return False
    shorter = min(each.frame_end - each.frame_start + 1 for each in (one, other))
    same_limb = any(a == b for a, b in zip(limbs_of(one), limbs_of(other)))
    return same_limb and _shared_frames(one, other) >= _LEAST_OVERLAP * shorter


def _shared_frames(one: Contact, other: Contact) -> int:
    """Frames in which both last; negative for those between them."""
    return min(one.frame_end, other.frame_end) - max(one.frame_start, other.frame_start) + 1


def _touch_id(contacts: Sequence[Contact]) -> str:
    """A lone contact's touch is its own; that of several is named by the first of their ids, so that it stays the same."""
    if len(contacts) == 1:
        return contacts[0].id
    return str(uuid.uuid5(_NAMESPACE, min(contact.id for contact in contacts)))
