"""Finds the objects that the add-on made in a reconstruction's collection by their role, whatever the animator named them."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE, PERSON_NAMES
from .names import CAMERA_ROLE, ROLE_PROPERTY, control_rig_role, rig_role, skin_role


def set_role(item: bpy.types.Object, role: str) -> None:
    item[ROLE_PROPERTY] = role


def role_of(item: bpy.types.Object) -> str:
    """The role of an object, empty for one that the add-on did not make."""
    stored: Any = item
    return stored.get(ROLE_PROPERTY, "")


def object_with_role(collection: bpy.types.Collection, role: str) -> bpy.types.Object | None:
    """The collection's object with this role. A duplicate that the animator made has the same role: the first one counts."""
    return next((item for item in collection.all_objects if role_of(item) == role), None)


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
            f"The {kind} of {PERSON_NAMES[person]} is not in the collection {collection.name!r} any more.",
            "Undo its removal, or import the reconstruction again.",
        )
    return found
