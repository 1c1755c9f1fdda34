"""Keeps the animator's edits of each take's contacts, so that looking at another take does not lose those not refined yet.

A collection remembers the contacts of the current take as they were imported, and the edited lists of other takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

import bpy

from ...core.contract.contact import Contact
from ...core.contract.errors import UserError
from ...core.contract.json_reading import parse_json
from .contact_list import activate_contact, active_contact, read_contacts, write_contacts
from .names import EDITED_CONTACTS_PROPERTY, IMPORTED_CONTACTS_PROPERTY

ContactMemory = tuple[str, str]
"""The stored texts, to be restored when an import fails."""


def show_contacts(collection: bpy.types.Collection, take: str, contacts: Iterable[Contact], leaving: str = "") -> None:
    """Show a take's contacts as the animator left them, or as they come from its file if it was not edited.

    `leaving` is the take that is shown until now, empty if there is none; edits of its contacts are kept.
    """
    stored: Any = _stored(collection, EDITED_CONTACTS_PROPERTY, {})
    edited = cast("dict[str, Any]", stored) if isinstance(stored, dict) else {}
    if leaving:
        current = [contact.to_json() for contact in read_contacts(collection)]
        if current != _stored(collection, IMPORTED_CONTACTS_PROPERTY, current):
            edited[leaving] = current
        else:
            edited.pop(leaving, None)
    write_contacts(collection, contacts)
    imported = [contact.to_json() for contact in read_contacts(collection)]
    collection[IMPORTED_CONTACTS_PROPERTY] = json.dumps(imported)
    collection[EDITED_CONTACTS_PROPERTY] = json.dumps(edited)
    try:
        kept = [Contact.from_json(record) for record in edited.get(take, imported)]
    except (UserError, TypeError):
        return  # nobody but a stranger wrote that
    if take in edited:
        write_contacts(collection, kept)


def carry_over_contacts(collection: bpy.types.Collection, asked: Any, left: Iterable[Contact]) -> None:
    """Change the list of a take that Refine has just made as the animator changed the list while it ran.

    `asked` is the JSON of the contacts that the take was made with, `left` the list as it was when the take came.
    """
    try:
        before = {contact.id: contact.to_json() for contact in map(Contact.from_json, asked)}
    except (UserError, TypeError):
        return  # nobody but a stranger wrote that
    now = {contact.id: contact.to_json() for contact in left}
    changed = {key: record for key, record in now.items() if record != before.get(key)}
    removed = before.keys() - now.keys()
    if not changed and not removed:
        return
    active = active_contact(collection)
    contacts: list[Contact] = []
    for contact in read_contacts(collection):
        record = changed.pop(contact.id, None)
        if record is not None:
            contacts.append(_with_changes(contact, before.get(contact.id, {}), record))
        elif contact.id not in removed:
            contacts.append(contact)
    write_contacts(collection, [*contacts, *map(Contact.from_json, changed.values())])
    if active is not None:
        activate_contact(collection, active.id)


def _with_changes(contact: Contact, before: dict[str, Any], now: dict[str, Any]) -> Contact:
    """The take's contact with the fields that the animator has changed; as the animator has left it where these do not fit."""
    changes = {name: value for name, value in now.items() if name not in before or value != before[name]}
    try:
        return replace(contact, **changes)
    except UserError:
        return Contact.from_json(now)


def imported_contacts(collection: bpy.types.Collection) -> list[dict[str, Any]]:
    """The current take's contacts as they were imported, as JSON; empty for an import by an earlier version."""
    records: Any = _stored(collection, IMPORTED_CONTACTS_PROPERTY, [])
    try:
        return [record for record in records if str(record["id"])]
    except (KeyError, TypeError):
        return []  # nobody but a stranger wrote that


def imported_contact_ids(collection: bpy.types.Collection) -> set[str]:
    """Identities of the current take's contacts as they were imported."""
    return {str(record["id"]) for record in imported_contacts(collection)}


def copy_contacts(source: bpy.types.Collection, target: bpy.types.Collection) -> None:
    """Let a collection have the contacts of another one, with the edits of all takes."""
    write_contacts(target, read_contacts(source))
    restore_contact_memory(target, contact_memory(source))


def contact_memory(collection: bpy.types.Collection) -> ContactMemory:
    stored: Any = collection
    return stored.get(IMPORTED_CONTACTS_PROPERTY, ""), stored.get(EDITED_CONTACTS_PROPERTY, "")


def restore_contact_memory(collection: bpy.types.Collection, memory: ContactMemory) -> None:
    for name, text in zip((IMPORTED_CONTACTS_PROPERTY, EDITED_CONTACTS_PROPERTY), memory):
        collection[name] = text


def _stored(collection: Any, name: str, otherwise: Any) -> Any:
    """The value of a property that holds JSON; `otherwise` if it is missing or damaged."""
    try:
        return parse_json(collection.get(name, ""))
    except (AttributeError, TypeError, ValueError):
        return otherwise
