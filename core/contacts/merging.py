"""Merging detected contacts with those that the user or the prompt set, and among themselves (non-maximum suppression)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..contract.body_parts import body_part_of
from ..contract.contact import Contact
from ..contract.skeleton import split_side
from .grouping import is_one_touch

_TRUNK_GROUPS = (("chest", "back", "belly", "neck", "shoulder"), ("hips", "thigh"), ("head", "face"))
_HAND_GROUP = ("palm", "hand_back", "fingers", "wrist")
_LIMB_GROUPS = (_HAND_GROUP, ("forearm", "elbow"), ("knee", "shin", "calf", "foot"))
"""Neighbouring regions, names without side, in which one contact shows at once."""


def merge_contacts(detected: Sequence[Contact], edited: Sequence[Contact]) -> list[Contact]:
    """The edited contacts, then the detected ones that none of them overrides.

    An edited contact overrides a detected one of the same pair of regions that overlaps it in time, and the one with its id: it
    was that before somebody edited it. A detected touch that has a part in an edited one, as when a prompt names a hug of which
    more was detected, becomes part of it.
    """
    kept = [contact for contact in detected if not any(_overrides(edit, contact) for edit in edited)]
    joined: dict[str, str] = {}
    for contact in detected:
        for edit in edited:
            if edit.active() and is_one_touch(edit, contact):
                joined.setdefault(contact.touch, edit.touch)
    return [*edited, *(replace(contact, touch=joined.get(contact.touch, contact.touch)) for contact in kept)]


def with_detected_ids(named: Sequence[Contact], detected: Sequence[Contact]) -> list[Contact]:
    """Named contacts, each with the id of the first detected one that it overrides: whoever edits it edits that one, too."""
    taken = {contact.id for contact in named}
    found: list[Contact] = []
    for contact in named:
        overridden = (other.id for other in detected if _overrides(contact, other))
        free = next((each for each in overridden if each not in taken), contact.id)
        taken.add(free)
        found.append(replace(contact, id=free, touch=free if contact.touch == contact.id else contact.touch))
    return found


def split_edits(edited: Sequence[Contact], detected: Sequence[Contact]) -> tuple[list[Contact], list[Contact]]:
    """What was detected, and of an edited list what is not as it was detected, but changed, added or rejected.

    What was detected gets the distances that the list has.
    """
    asked = {contact.id: _what_is_asked(contact) for contact in detected}
    unedited = {contact.id: contact for contact in edited if asked.get(contact.id) == _what_is_asked(contact)}
    found = [
        contact.measured(unedited[contact.id].distance) if contact.id in unedited else contact for contact in detected
    ]
    return found, [contact for contact in edited if contact.id not in unedited]


def in_detected_frames(named: Sequence[Contact], detected: Sequence[Contact]) -> list[Contact]:
    """Named contacts, each in the frames of the detected ones of the same body parts that it overlaps in time, if there are any.

    A sentence says what touches. Its contacts are found around the moment at which the two come nearest, while the contact head
    judges every frame.
    """
    found: list[Contact] = []
    for contact in named:
        same = [
            other
            for other in detected
            if _body_parts(other) == _body_parts(contact) and _overlap_in_time(other, contact)
        ]
        if same:
            first, last = min(other.frame_start for other in same), max(other.frame_end for other in same)
            contact = replace(contact, frame_start=first, frame_end=last)
        found.append(contact)
    return found


def suppress_duplicates(ranked: Sequence[Contact]) -> list[Contact]:
    """Non-maximum suppression: of contacts that overlap in time and describe one touch, only the first is kept.

    `ranked` has the best contact first. Contacts describe one touch when they join the same groups of neighbouring regions, or
    when they would put one hand into two hands at a time.
    """
    kept: list[Contact] = []
    for contact in ranked:
        if not any(_overlap_in_time(contact, other) and _describe_one_touch(contact, other) for other in kept):
            kept.append(contact)
    return kept


def _describe_one_touch(one: Contact, other: Contact) -> bool:
    first, second = _region_groups(one), _region_groups(other)
    all_hands = all(group.endswith(_HAND_GROUP[0]) for group in (*first, *second))
    return first == second or (all_hands and (first[0] == second[0] or first[1] == second[1]))


def _region_groups(contact: Contact) -> tuple[str, str]:
    return _region_group(contact.region_a), _region_group(contact.region_b)


def _region_group(region: str) -> str:
    """The name of the group of neighbouring regions; that of a limb carries its side."""
    side, bare = split_side(region)
    for group in _TRUNK_GROUPS:
        if bare in group:
            return group[0]
    return next((f"{side}_{group[0]}" for group in _LIMB_GROUPS if bare in group), region)


def _overrides(edit: Contact, contact: Contact) -> bool:
    return edit.id == contact.id or (_sides(edit) == _sides(contact) and _overlap_in_time(edit, contact))


def _what_is_asked(contact: Contact) -> tuple[object, ...]:
    """All that an edit can change about a contact."""
    frames, vertices = (contact.frame_start, contact.frame_end), (contact.vertex_a, contact.vertex_b)
    return *_sides(contact), *frames, *vertices, contact.source, contact.state, round(contact.weight, 3)


def _sides(contact: Contact) -> tuple[object, ...]:
    return contact.person_a, contact.region_a, contact.person_b, contact.region_b


def _body_parts(contact: Contact) -> tuple[str, str]:
    return body_part_of(contact.region_a), body_part_of(contact.region_b)


def _overlap_in_time(one: Contact, other: Contact) -> bool:
    return one.frame_start <= other.frame_end and other.frame_start <= one.frame_end
