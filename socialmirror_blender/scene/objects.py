"""Finds the objects that the add-on made for a reconstruction by their role, whatever the animator named them.

They lie in the reconstruction's collection, or where the animator has moved them; moved_objects.py finds those.
"""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE, PERSON_NAMES
from .moved_objects import SKIN_OF_RIG, find_moved, followed_rig, identity_of, is_of, moved_objects
from .names import CAMERA_ROLE, ID_PROPERTY, ROLE_PROPERTY, control_rig_role, rig_role, skin_role
from .state import is_linked

_RIG_OF_CONTROLS = {control_rig_role(person): rig_role(person) for person in range(PEOPLE)}


def set_role(item: bpy.types.Object, role: str, identity: str) -> None:
    """Write the role of an object, and the identity of the import that it is of."""
    item[ROLE_PROPERTY], item[ID_PROPERTY] = role, identity


def claim_objects(collection: bpy.types.Collection) -> None:
    """Let objects that an earlier version made be found when they are moved. Nothing is written where they can be."""
    for item in collection.all_objects:
        if role_of(item) and not identity_of(item) and not is_linked(item):
            item[ID_PROPERTY] = identity_of(collection)


def role_of(item: bpy.types.Object) -> str:
    """The role of an object, empty for one that the add-on did not make."""
    stored: Any = item
    return stored.get(ROLE_PROPERTY, "")


def object_with_role(collection: bpy.types.Collection, role: str) -> bpy.types.Object | None:
    """The import's object with this role, in its collection or, for what is often moved, elsewhere.

    A duplicate that the animator made has the same role: of armatures the one that the skin follows counts, else the first one.
    """
    if role in SKIN_OF_RIG:
        skin = _inside(collection, SKIN_OF_RIG[role])
        rig = None if skin is None else followed_rig(skin)
        if rig is not None and role_of(rig) == role and is_of(collection, rig):
            return rig
    found = _inside(collection, role)
    if found is None and role in _RIG_OF_CONTROLS:
        return _followed_controls(collection, role)
    return found or find_moved(collection, role)


def made_objects(collection: bpy.types.Collection, prefix: str = "") -> list[bpy.types.Object]:
    """All objects of the import, duplicates too, whose roles begin with a prefix, in its collection and elsewhere."""
    theirs = [item for item in collection.all_objects if role_of(item) and _is_theirs(collection, item)]
    return [item for item in theirs if role_of(item).startswith(prefix)] + moved_objects(collection, prefix)


def reconstruction_of(collections: list[bpy.types.Collection], item: bpy.types.Object) -> bpy.types.Collection | None:
    """The reconstruction that an object was made for, else the one in whose collection it lies."""
    made_for = [each for each in collections if role_of(item) and identity_of(item) == identity_of(each)]
    if len(made_for) == 1:
        return made_for[0]
    return next((each for each in collections if item.name in each.all_objects), None)


def _inside(collection: bpy.types.Collection, role: str) -> bpy.types.Object | None:
    """The first object with this role in the collection, without those that were moved there from another import."""
    found = (item for item in collection.all_objects if role_of(item) == role)
    return next((item for item in found if _is_theirs(collection, item)), None)


def _is_theirs(collection: bpy.types.Collection, item: bpy.types.Object) -> bool:
    """Whether an object in a collection was made for it, as far as is known."""
    identity = identity_of(collection)
    return not identity or identity_of(item) in ("", identity)


def _followed_controls(collection: bpy.types.Collection, role: str) -> bpy.types.Object | None:
    """The control armature that the bones of a person's armature follow, wherever it lies."""
    rig: Any = object_with_role(collection, _RIG_OF_CONTROLS[role])
    if rig is None or rig.pose is None:
        return None
    targets = (getattr(item, "target", None) for bone in rig.pose.bones for item in bone.constraints)
    return next((item for item in targets if item is not None and role_of(item) == role), None)


def person_of(rig: bpy.types.Object) -> int | None:
    """The index of the person whose armature this is, None for any other object."""
    role = role_of(rig)
    return next((person for person in range(PEOPLE) if role == rig_role(person)), None)


def camera_of(collection: bpy.types.Collection) -> bpy.types.Object | None:
    """The clip's camera, None if it was deleted."""
    return object_with_role(collection, CAMERA_ROLE)


def control_rig_of(collection: bpy.types.Collection, person: int) -> bpy.types.Object | None:
    """The control armature of a person, None if there is none."""
    return object_with_role(collection, control_rig_role(person))


def has_control_rig(collection: bpy.types.Collection) -> bool:
    return any(control_rig_of(collection, person) is not None for person in range(PEOPLE))


def require_no_control_rig(collection: bpy.types.Collection) -> None:
    """UserError `control-rig` if bones follow controls: what is keyed on them would not be seen, and be lost in baking back."""
    if has_control_rig(collection):
        raise UserError(
            "control-rig",
            "The motion is on a control rig, and the SMPL-X bones follow it.",
            "Press Bake Back in the panel Control Rig first.",
        )


def rig_of(collection: bpy.types.Collection, person: int) -> bpy.types.Object:
    """The armature object of a person. UserError `object-missing` if it was deleted."""
    return _existing(collection, rig_role(person), "armature", person)


def skin_of(collection: bpy.types.Collection, person: int) -> bpy.types.Object:
    """The mesh object of a person. UserError `object-missing` if it was deleted."""
    return _existing(collection, skin_role(person), "mesh", person)


def _existing(collection: bpy.types.Collection, role: str, kind: str, person: int) -> bpy.types.Object:
    found = object_with_role(collection, role)
    if found is None:
        raise UserError(
            "object-missing",
            f"The {kind} of {PERSON_NAMES[person]} in {collection.name!r} was deleted.",
            "Undo its removal, or import the reconstruction again.",
        )
    return found
