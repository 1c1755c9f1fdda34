"""Gives copies of an imported reconstruction an identity of their own.

Who duplicates a collection, or a scene as a full copy, duplicates its custom properties too. Takes and results of the copy
would be keyed onto the original.
"""

from __future__ import annotations

import uuid
from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE
from .actions import take_of
from .names import ID_PROPERTY, rig_role
from .objects import claim_objects, made_objects, object_with_role
from .state import editable_reconstructions, is_linked, read_state


def separate_copies() -> None:
    """Give every reconstruction that has the identity of an older one, and the takes that only it shows, a new identity."""
    known: set[str] = set()
    for collection in sorted(editable_reconstructions(), key=lambda item: item.session_uid):
        identity = read_state(collection).id
        if identity in known:
            identity = _identity_of_copy(collection, identity)
            _claim_actions(collection, identity)
            own = [item for item in made_objects(collection) if not is_linked(item)]
            collection[ID_PROPERTY] = identity
            for item in own:
                item[ID_PROPERTY] = identity
        claim_objects(collection)
        known.add(identity)


def _identity_of_copy(collection: bpy.types.Collection, identity: str) -> str:
    """The same one after undo and redo, so that a job that was started in between finds its collection."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{identity} {collection.session_uid}"))


def _claim_actions(collection: bpy.types.Collection, identity: str) -> None:
    """Let the actions that were copied along belong to the copy. One that the original shares with it stays the original's."""
    for person in range(PEOPLE):
        rig = object_with_role(collection, rig_role(person))
        shown = None if rig is None else take_of(rig)
        action: Any = None if shown is None else shown[0]
        if action is not None and ID_PROPERTY in action and action.users - action.use_fake_user == 1:
            action[ID_PROPERTY] = identity
