"""The list of foot contacts of a reconstruction: when feet stand, and what the animator wants of them."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from ...core.contract.errors import UserError
from ...core.contract.foot_contact import FootContact, FootMode
from ..reconstruction_properties import contact_list


def show_foot_contacts(collection: bpy.types.Collection, found: Iterable[FootContact]) -> None:
    """List a take's foot contacts. Those that were listed before keep their mode."""
    items = contact_list(collection).feet
    modes = {contact.place: contact.mode for contact in _read(collection)}
    items.clear()
    for contact in found:
        item = items.add()
        item.person, item.foot = str(contact.person), contact.foot
        item.frame_start, item.frame_end = contact.frame_start, contact.frame_end
        item.mode = modes.get(contact.place, "reconstructed")
        item.confidence = contact.confidence


def copy_foot_contacts(source: bpy.types.Collection, target: bpy.types.Collection) -> None:
    """List in a collection what is listed in another one, with its modes."""
    target_items = contact_list(target).feet
    target_items.clear()
    for contact in _read(source):
        item = target_items.add()
        item.person, item.foot, item.frame_start, item.frame_end = (str(contact.person), *contact.place[1:])
        item.mode, item.confidence = contact.mode, contact.confidence


def listed_feet(collection: bpy.types.Collection) -> list[int]:
    """Indices of the foot contacts that are sure enough for the sensitivity, or that were given a mode."""
    listed = contact_list(collection)
    least = 1 - listed.foot_sensitivity
    return [index for index, item in enumerate(listed.feet) if item.confidence >= least or item.mode != "reconstructed"]


def set_foot_mode(collection: bpy.types.Collection, mode: FootMode) -> int:
    """Give all listed foot contacts a mode; returns how many there are."""
    indices = listed_feet(collection)
    for index in indices:
        contact_list(collection).feet[index].mode = mode
    return len(indices)


def read_foot_contacts(collection: bpy.types.Collection) -> tuple[FootContact, ...]:
    """The foot contacts that are to be another way than reconstructed."""
    return tuple(contact for contact in _read(collection) if contact.mode != "reconstructed")


def _read(collection: bpy.types.Collection) -> list[FootContact]:
    found: list[FootContact] = []
    for item in contact_list(collection).feet:
        try:
            found.append(
                FootContact(int(item.person), item.foot, item.frame_start, item.frame_end, item.mode, item.confidence)
            )
        except (UserError, ValueError):  # of a file that somebody tampered with
            continue
    return found
