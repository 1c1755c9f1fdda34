"""The list of contacts on a reconstruction's collection, which the animator edits, and its conversion to `Contact`.

An item of the list has the fields of `Contact`; properties.py tells where they differ. Contacts of one touch are shown as one
row: the collection's rows of touches are derived from the contacts after every change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import bpy

from ...core.contract.contact import Contact
from ...core.contract.skeleton import GROUND
from ...core.contract.touches import Touch, group_touches, without_covered
from ..reconstruction_properties import contact_list

_NONE = -1
"""Stands for a number that is None."""
_REACHED = {None: "unknown", True: "yes", False: "no"}
_DIGITS = 6
"""Blender keeps float32: rounding brings back the number that was written."""


def write_contacts(collection: bpy.types.Collection, contacts: Iterable[Contact]) -> None:
    """Replace the collection's list of contacts."""
    items = contact_list(collection).contacts
    items.clear()
    for contact in contacts:
        write_item(items.add(), contact)
    refresh_touches(collection)


def write_edited_contacts(collection: bpy.types.Collection, contacts: Iterable[Contact], edited: Sequence[str]) -> None:
    """Replace the list after the animator has edited or added the contacts with the given ids; the last of them becomes active.

    Other contacts that one of these covers now are no longer listed.
    """
    write_contacts(collection, without_covered(contacts, edited))
    activate_contact(collection, edited[-1])


def change_contacts(collection: bpy.types.Collection, change: Callable[[Contact], Contact | None]) -> None:
    """Replace every contact by what `change` makes of it; None removes it. The active contact stays active if it is still there.

    UserError `bad-contact` leaves the list as it was.
    """
    active = active_contact(collection)
    write_contacts(collection, [new for old in read_contacts(collection) if (new := change(old)) is not None])
    if active is not None:
        activate_contact(collection, active.id)


def read_contacts(collection: bpy.types.Collection) -> tuple[Contact, ...]:
    """The list as the animator left it. UserError `bad-contact` for an item that is not valid."""
    return tuple(read_item(item) for item in contact_list(collection).contacts)


def read_touches(collection: bpy.types.Collection) -> list[Touch]:
    """The touches that the contacts of the list make up, in the order of their rows. UserError as `read_contacts`."""
    return group_touches(read_contacts(collection))


def read_touch(collection: bpy.types.Collection, touch: str) -> Touch | None:
    """One of the touches. UserError as `read_contacts`."""
    contacts = [read_item(item) for item in contact_list(collection).contacts if item.touch == touch]
    return group_touches(contacts)[0] if contacts else None


def refresh_touches(collection: bpy.types.Collection) -> None:
    """Make the rows of touches fit the contacts. To be called after the contacts have changed; which rows are marked stays."""
    listed = contact_list(collection)
    marked = {row.touch_id for row in listed.touches if row.marked}
    listed.touches.clear()
    for touch in read_touches(collection):
        row = listed.touches.add()
        row.touch_id, row.marked = touch.id, touch.id in marked
    activate_index(collection, min(listed.contact_index, len(listed.contacts) - 1))


def active_contact(collection: bpy.types.Collection) -> Contact | None:
    listed = contact_list(collection)
    if not 0 <= listed.contact_index < len(listed.contacts):
        return None
    return read_item(listed.contacts[listed.contact_index])


def active_touch(collection: bpy.types.Collection) -> str:
    """Id of the touch that the active contact belongs to, empty if there is none."""
    listed = contact_list(collection)
    in_list = 0 <= listed.contact_index < len(listed.contacts)
    return listed.contacts[listed.contact_index].touch if in_list else ""


def activate_contact(collection: bpy.types.Collection, contact_id: str) -> None:
    """Make a contact, and with it its touch, the active one; nothing happens if it is not in the list."""
    for index, item in enumerate(contact_list(collection).contacts):
        if item.contact_id == contact_id:
            activate_index(collection, index)


def activate_index(collection: bpy.types.Collection, index: int) -> None:
    """Make the contact with this index in the list the active one."""
    listed = contact_list(collection)
    listed.contact_index = max(0, index)
    touch = active_touch(collection)
    row = next((number for number, row in enumerate(listed.touches) if row.touch_id == touch), 0)
    if listed.touch_index != row:
        listed.touch_index = row


def chosen_touches(collection: bpy.types.Collection) -> set[str]:
    """Ids of the touches that buttons apply to: those that are marked, otherwise the active one."""
    marked = {row.touch_id for row in contact_list(collection).touches if row.marked}
    return marked or {active_touch(collection)} - {""}


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
    item.distance = _NONE if contact.distance is None else contact.distance
    item.touch = contact.touch
    item.vertex_a, item.vertex_b = (
        _NONE if vertex is None else vertex for vertex in (contact.vertex_a, contact.vertex_b)
    )
    item.probability = _NONE if contact.probability is None else contact.probability
    item.reached = _REACHED[contact.reached]


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
        touch=item.touch,
        vertex_a=None if item.vertex_a < 0 else item.vertex_a,
        vertex_b=None if item.vertex_b < 0 else item.vertex_b,
        probability=None if item.probability < 0 else round(item.probability, _DIGITS),
        reached=next(reached for reached, name in _REACHED.items() if name == item.reached),
    )
