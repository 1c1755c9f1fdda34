"""The list of contacts on a reconstruction's collection, which the animator edits, and its conversion to `Contact`.

An item of the list has the fields of `Contact`; properties.py tells where they differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from ...core.contract.contact import Contact
from ...core.contract.skeleton import GROUND
from ..properties import contact_list

_DIGITS = 6
"""Blender keeps float32: rounding brings back the number that was written."""


def write_contacts(collection: bpy.types.Collection, contacts: Iterable[Contact]) -> None:
    """Replace the collection's list of contacts."""
    items = contact_list(collection).contacts
    items.clear()
    for contact in contacts:
        write_item(items.add(), contact)


def read_contacts(collection: bpy.types.Collection) -> tuple[Contact, ...]:
    """The list as the animator left it. UserError `bad-contact` for an item that is not valid."""
    return tuple(read_item(item) for item in contact_list(collection).contacts)


def write_item(item: Any, contact: Contact) -> None:
    item.contact_id = contact.id
    item.person_a = str(contact.person_a)
    item.region_a = contact.region_a
    item.person_b = str(contact.person_b)
    item.region_b = contact.region_b
    item.frame_start = contact.frame_start
    item.frame_end = contact.frame_end
    item.weight = contact.weight
    item.source = contact.source
    item.state = contact.state
    item.distance = -1.0 if contact.distance is None else contact.distance


def read_item(item: Any) -> Contact:
    """UserError `bad-contact` if the item is not valid."""
    return Contact(
        person_a=int(item.person_a),
        region_a=item.region_a,
        person_b=GROUND if item.person_b == GROUND else int(item.person_b),
        region_b=item.region_b,
        frame_start=item.frame_start,
        frame_end=item.frame_end,
        weight=round(item.weight, _DIGITS),
        source=item.source,
        state=item.state,
        distance=None if item.distance < 0 else round(item.distance, _DIGITS),
        id=item.contact_id,
    )
