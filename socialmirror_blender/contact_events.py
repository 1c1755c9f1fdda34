"""Lets the list of contacts follow the markers that the animator moves or selects, and selects the markers of the chosen row."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import scene as scenes
from .reconstruction_properties import touch_listeners
from .runtime.redraw import redraw
from .scene.contact_list import activate_contact, active_touch, read_contacts
from .scene.contact_markers import (
    adopt_moved_markers,
    marked_contact,
    moved_markers,
    remove_orphaned_markers,
    select_markers,
)
from .scene.objects import reconstruction_of

_SETTLE_SECONDS = 0.1
"""Between two looks at whether the animator still moves a marker."""

_left_alone: set[tuple[str, tuple[float, ...]]] = set()
"""Markers with their places that undo or redo has brought back: they are not adopted again, or undo would get nowhere."""


_seen_active = ""
"""Name of the active object when it was looked at last: only a marker that has just become active chooses its contact."""


@persistent
def _after_update(_scene: bpy.types.Scene, depsgraph: Any) -> None:
    _choose_contact_of_active_marker()
    if depsgraph.id_type_updated("COLLECTION") and not bpy.app.timers.is_registered(remove_orphans):
        bpy.app.timers.register(remove_orphans, first_interval=_SETTLE_SECONDS)
    if bpy.app.timers.is_registered(_adopt) or not any(_is_marker(update.id) for update in depsgraph.updates):
        return
    if any(map(_to_adopt, scenes.editable_reconstructions())):
        bpy.app.timers.register(_adopt, first_interval=_SETTLE_SECONDS)


def _choose_contact_of_active_marker() -> None:
    global _seen_active
    active = bpy.context.view_layer.objects.active
    name = "" if active is None else active.name
    if active is None or name == _seen_active:
        _seen_active = name
        return
    _seen_active, marked = name, marked_contact(active)
    if marked is None:
        return
    collection = reconstruction_of(list(scenes.editable_reconstructions()), active)
    if collection is not None:
        activate_contact(collection, marked[0])
        redraw()


def _is_marker(datablock: bpy.types.ID) -> bool:
    return isinstance(datablock, bpy.types.Object) and marked_contact(datablock) is not None


def _to_adopt(collection: bpy.types.Collection) -> bool:
    return any(_place(item) not in _left_alone for item in moved_markers(collection))


def _place(marker: bpy.types.Object) -> tuple[str, tuple[float, ...]]:
    return marker.name, marker.location.to_tuple()


def _adopt() -> float | None:
    if any("TRANSFORM" in running.bl_idname for window in _windows() for running in window.modal_operators):
        return _SETTLE_SECONDS
    moved = sum(adopt_moved_markers(item) for item in scenes.editable_reconstructions() if _to_adopt(item))
    if moved:
        with bpy.context.temp_override(window=_windows()[0]):
            bpy.ops.ed.undo_push(message="Move Contact")
        redraw()
    return None


def remove_orphans() -> None:
    """Remove the markers of a person whose armature was deleted. Undo brings them back together with it."""
    for collection in scenes.editable_reconstructions():
        remove_orphaned_markers(collection)


def _windows() -> list[Any]:
    return list(bpy.context.window_manager.windows)


@persistent
def _after_step(*_: Any) -> None:
    _left_alone.clear()
    for collection in scenes.editable_reconstructions():
        _left_alone.update(_place(item) for item in moved_markers(collection))


def _select_markers(collection: bpy.types.Collection) -> None:
    touch = active_touch(collection)
    select_markers(bpy.context, collection, [item.id for item in read_contacts(collection) if item.touch == touch])


_HANDLERS = (
    ("depsgraph_update_post", _after_update),
    ("undo_post", _after_step),
    ("redo_post", _after_step),
)


def register() -> None:
    touch_listeners.append(_select_markers)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    touch_listeners.remove(_select_markers)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    for timer in (_adopt, remove_orphans):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
