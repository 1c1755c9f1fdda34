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


def group_contacts(contacts: Sequence[Contact], max_gap: int) -> list[Contact]:
    """The contacts with the touches that they belong to, in their order. `max_gap`: frames of an interruption that is bridged.

    Two contacts are of one touch if they are between the same parts of the body, with at most `max_gap` frames between them, or
    if they last at the same time and a limb of one person is in both: a hand that holds a hand and its wrist, two arms round one
    back. Through others they can be of one touch as well. Contacts with the ground stay by themselves.
    """
    group = list(range(len(contacts)))

    def root(index: int) -> int:
        while group[index] != index:
            index = group[index]
        return index

    for index, one in enumerate(contacts):
        for other_index in range(index):
            if is_one_touch(one, contacts[other_index], max_gap):
                group[root(index)] = root(other_index)
    members: dict[int, list[Contact]] = {}
    for index, contact in enumerate(contacts):
        members.setdefault(root(index), []).append(contact)
    return [replace(contact, touch=_touch_id(members[root(index)])) for index, contact in enumerate(contacts)]


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


def is_one_touch(one: Contact, other: Contact, max_gap: int) -> bool:
    """Whether two contacts are of one touch by themselves, see `group_contacts`."""
    if GROUND in (one.person_b, other.person_b):
        return False
    shared = min(one.frame_end, other.frame_end) - max(one.frame_start, other.frame_start) + 1
    if parts_of(one) == parts_of(other) and shared >= -max_gap:
        return True
    shorter = min(each.frame_end - each.frame_start + 1 for each in (one, other))
    same_limb = any(a == b for a, b in zip(limbs_of(one), limbs_of(other)))
    return same_limb and shared >= _LEAST_OVERLAP * shorter


def _touch_id(contacts: Sequence[Contact]) -> str:
    """A lone contact's touch is its own; that of several is named by the first of their ids, so that it stays the same."""
    if len(contacts) == 1:
        return contacts[0].id
    return str(uuid.uuid5(_NAMESPACE, min(contact.id for contact in contacts)))
