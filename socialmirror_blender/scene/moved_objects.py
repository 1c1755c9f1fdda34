"""Finds the objects of an import that the animator has moved to other collections, by the identity that they bear.

A duplicate bears the same role and identity as its original, and a copy of a reconstruction the same as that one until it gets
an identity of its own (copies.py). Such objects are told apart by the collections and scenes that they lie in, and an armature
by the skin that follows it.
"""

from __future__ import annotations

from typing import Any

import bpy

from ...core.contract.reconstruction import PEOPLE
from .names import CAMERA_ROLE, ID_PROPERTY, ROLE_PROPERTY, rig_role, skin_role
from .state import is_linked

SKIN_OF_RIG = {rig_role(person): skin_role(person) for person in range(PEOPLE)}
"""Role of the skin by the role of the armature that it follows."""
_SOUGHT = {*SKIN_OF_RIG, *SKIN_OF_RIG.values(), CAMERA_ROLE}
"""Roles that are sought in the whole file; others are mostly absent, and panels and overlays ask for them at every drawing."""

_names: dict[tuple[int, str], str] = {}
"""Where an object was found last, by its collection's `session_uid` and its role: looking through a large file takes long."""


def identity_of(datablock: bpy.types.ID) -> str:
    """Identity of the import that a collection or an object belongs to, empty if there is none or it is not known."""
    stored: Any = datablock
    identity = stored.get(ID_PROPERTY, "")
    return identity if isinstance(identity, str) else ""


def followed_rig(skin: bpy.types.Object) -> bpy.types.Object | None:
    """The armature that deforms a skin."""
    modifiers = [item for item in skin.modifiers if isinstance(item, bpy.types.ArmatureModifier)]
    return next((item.object for item in modifiers if item.object is not None), None)


def find_moved(collection: bpy.types.Collection, role: str) -> bpy.types.Object | None:
    """The armature, skin or camera of an import that lies in none of its collections; None for other roles."""
    identity, key = identity_of(collection), (collection.session_uid, role)
    if role not in _SOUGHT or not identity or is_linked(collection):
        return None
    known = bpy.data.objects.get(_names.get(key, ""))
    if known is not None and _is(known, identity, role) and _is_in_use(known) and not _rivals(collection):
        return known
    found = [item for item in moved_objects(collection, role) if _role(item) == role]
    if role in SKIN_OF_RIG:
        skins = [item for item in bpy.data.objects if _is(item, identity, SKIN_OF_RIG[role])]
        rigs = [followed_rig(skin) for skin in skins]
        found = [item for item in found if not skins or item in rigs]
    if not found:
        return None
    scenes = _scenes_of(collection)
    best = min(found, key=lambda item: not _is_in_any(item, scenes))
    _names[key] = best.name
    return best


def moved_objects(collection: bpy.types.Collection, prefix: str = "") -> list[bpy.types.Object]:
    """All objects of an import that lie in none of its collections, whose roles begin with a prefix."""
    identity = identity_of(collection)
    if not identity or is_linked(collection):
        return []
    inside, rivals = set(collection.all_objects), _rivals(collection)
    return [
        item
        for item in bpy.data.objects
        if identity_of(item) == identity
        and _role(item).startswith(prefix)
        and item not in inside
        and item.library is None
        and _is_in_use(item)
        and _may_be_of(collection, item, rivals)
    ]


def is_of(collection: bpy.types.Collection, item: bpy.types.Object) -> bool:
    """Whether an object lies in a collection of an import, or is of the import and lies elsewhere."""
    if item.name in collection.all_objects:
        return True
    identity = identity_of(collection)
    return bool(identity) and identity_of(item) == identity and _may_be_of(collection, item, _rivals(collection))


def _role(item: bpy.types.Object) -> str:
    stored: Any = item
    return stored.get(ROLE_PROPERTY, "")


def _is(item: bpy.types.Object, identity: str, role: str) -> bool:
    return _role(item) == role and identity_of(item) == identity


def _is_in_use(item: bpy.types.Object) -> bool:
    """Whether an object is more than kept by a fake user, as one that was deleted may be."""
    return item.users > item.use_fake_user


def _rivals(collection: bpy.types.Collection) -> list[bpy.types.Collection]:
    """Other collections with the same identity: copies, or the one that is about to replace this one."""
    identity = identity_of(collection)
    return [item for item in bpy.data.collections if item != collection and identity_of(item) == identity]


def _may_be_of(collection: bpy.types.Collection, item: bpy.types.Object, rivals: list[bpy.types.Collection]) -> bool:
    """Whether an object belongs to a collection and not to one of its rivals: to the oldest one in a scene that has both."""
    if not rivals:
        return True
    if any(item in set(rival.all_objects) for rival in rivals) or not _is_in_any(item, _scenes_of(collection)):
        return False
    older = [rival for rival in rivals if rival.session_uid < collection.session_uid]
    return not any(_is_in_any(item, _scenes_of(rival)) for rival in older)


def _scenes_of(collection: bpy.types.Collection) -> list[bpy.types.Scene]:
    return [scene for scene in bpy.data.scenes if collection in set(scene.collection.children_recursive)]


def _is_in_any(item: bpy.types.Object, scenes: list[bpy.types.Scene]) -> bool:
    return any(item.name in scene.objects for scene in scenes)
