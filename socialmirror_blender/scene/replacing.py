"""Puts a rebuilt import in the place of an earlier one, and keeps what the animator made."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from .background_clip import background_clips
from .confidence_overlay import hide_overlay, is_overlay_shown, show_overlay
from .contact_markers import remove_markers
from .moved_objects import SKIN_OF_RIG
from .objects import camera_of, object_with_role, role_of
from .result_prompt import keep_waiting_prompt


def replace_import(scene: bpy.types.Scene, earlier: bpy.types.Collection, rebuilt: bpy.types.Collection) -> None:
    """Remove the `earlier` import of a folder; `rebuilt` gets its names, materials, camera, parents and the animator's objects.

    The camera is for the caller to key. What refers to an object of the earlier import, such as a constraint, refers to its
    counterpart afterwards.
    """
    remove_markers(earlier)
    overlay = is_overlay_shown(earlier)
    hide_overlay(earlier)
    _move_contents(earlier, rebuilt)
    _keep_camera(earlier, rebuilt)
    keep_waiting_prompt(earlier, rebuilt)
    removed: list[bpy.types.ID] = []
    moved: list[Any] = []
    new_names: list[tuple[Any, str]] = []
    for item in _made_objects(earlier):
        counterpart: Any = object_with_role(rebuilt, role_of(item))
        if counterpart is not None:
            removed.append(item.data)
            new_names += [(counterpart, item.name), (counterpart.data, item.data.name)]
            if item.type == "MESH":
                _keep_materials(item, counterpart)
            if item.name in earlier.objects:
                earlier.objects.unlink(item)
            else:
                moved.append(counterpart)
            item.user_remap(counterpart)  # also in the collections that the animator moved it to
        removed.append(item)
    parents = [parent for parent in [scene.collection, *bpy.data.collections] if earlier.name in parent.children]
    new_names.append((rebuilt, earlier.name))
    bpy.data.batch_remove(list(dict.fromkeys([earlier, *removed])))
    for datablock, name in new_names:
        datablock.name = name
    for counterpart in moved:
        rebuilt.objects.unlink(counterpart)
    _move_to_parents(scene, rebuilt, parents)
    if overlay:
        show_overlay(rebuilt)


def _made_objects(collection: bpy.types.Collection) -> list[Any]:
    """The objects that the add-on made, also armatures and skins in other collections; of duplicates the one that counts."""
    roles = [*SKIN_OF_RIG, *SKIN_OF_RIG.values(), *(role_of(item) for item in collection.objects if role_of(item))]
    made = [object_with_role(collection, role) for role in dict.fromkeys(roles)]
    return [item for item in made if item is not None]


def _move_contents(earlier: bpy.types.Collection, rebuilt: bpy.types.Collection) -> None:
    """Link the objects and collections that the animator added to the earlier collection."""
    made = _made_objects(earlier)
    for item in [item for item in earlier.objects if item not in made]:
        rebuilt.objects.link(item)
    for child in list(earlier.children):
        rebuilt.children.link(child)


def _keep_camera(earlier: bpy.types.Collection, rebuilt: bpy.types.Collection) -> None:
    """Link the earlier camera, with what the animator set and animated, in place of the one that was just made."""
    camera, unused = camera_of(earlier), camera_of(rebuilt)
    if camera is None or unused is None:
        return
    animated: list[Any] = [unused, unused.data, *background_clips(unused)]
    actions = [compat.assigned_action(item) for item in animated]
    bpy.data.batch_remove([*animated, *(assigned[0] for assigned in actions if assigned is not None)])
    if camera.name in earlier.objects:
        rebuilt.objects.link(camera)
        earlier.objects.unlink(camera)


def _keep_materials(earlier: Any, rebuilt: Any) -> None:
    """Give a rebuilt skin the materials of the earlier one, which the animator may have changed or replaced."""
    unused = list(rebuilt.data.materials)
    rebuilt.data.materials.clear()
    for material in earlier.data.materials:
        rebuilt.data.materials.append(material)
    bpy.data.batch_remove([material for material in unused if material is not None and material.users == 0])


def _move_to_parents(
    scene: bpy.types.Scene, collection: bpy.types.Collection, parents: list[bpy.types.Collection]
) -> None:
    """Link a collection, which is linked to the scene's own, to the collections that the earlier one was linked to."""
    if scene.collection in parents:
        return
    for parent in parents:
        parent.children.link(collection)
    if parents:
        scene.collection.children.unlink(collection)
