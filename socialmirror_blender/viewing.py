"""Shows a reconstruction in the window: through the clip's camera, at a frame of the clip, with Person A selected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from . import scene as scenes
from .scene.names import rig_role
from .scene.objects import camera_of, object_with_role


def show_result(context: bpy.types.Context, collection: bpy.types.Collection) -> None:
    """Bring the playhead into the clip, select the first armature and let a 3D view look through the clip's camera.

    Who is in another mode than object mode is at work, and keeps the selection. Nothing of it changes the animator's data.
    """
    scene, state = context.scene, scenes.read_state(collection)
    if not state.first_frame <= scene.frame_current <= state.last_frame:
        scene.frame_set(state.first_frame)
    select_only(context, object_with_role(collection, rig_role(0)))
    camera = camera_of(collection)
    if camera is not None and scene.camera == camera:
        _look_through_camera(_views_of(scene))


def is_seen_through_camera(scene: bpy.types.Scene) -> bool:
    """Whether a 3D view that shows a scene looks through its camera; true where there is no window."""
    views = [space.region_3d.view_perspective == "CAMERA" for space, _ in _views_of(scene)]
    return any(views) or not views


def _views_of(scene: bpy.types.Scene) -> Iterator[tuple[Any, int]]:
    """The spaces of the 3D views of all windows that show a scene, with their sizes in pixels."""
    manager = bpy.context.window_manager
    for window in manager.windows if manager else ():
        if window.scene != scene:
            continue
        for area in window.screen.areas:
            space: Any = area.spaces.active
            if area.type == "VIEW_3D" and space.region_3d is not None:
                yield space, area.width * area.height


def _look_through_camera(views: Iterable[tuple[Any, int]]) -> None:
    """Turn the largest view to the scene's camera, unless one looks through it: then the animator has arranged them so.

    Views with another camera of their own stay as they are.
    """
    free = [(space, size) for space, size in views if not space.use_local_camera]
    if not free or any(space.region_3d.view_perspective == "CAMERA" for space, _ in free):
        return
    view = max(free, key=lambda each: each[1])[0].region_3d
    view.view_perspective = "CAMERA"
    view.view_camera_zoom, view.view_camera_offset = _ZOOM, _OFFSET


def select_only(context: bpy.types.Context, item: bpy.types.Object | None) -> None:
    """Make an object active and the only selected one, in object mode only."""
    if item is None or context.mode != "OBJECT" or item.name not in context.view_layer.objects:
        return
    for other in context.selected_objects:
        other.select_set(False)
    context.view_layer.objects.active = item
    item.select_set(True)


_ZOOM, _OFFSET = 12.0, (0.07, 0.0)
"""Blender's zoom and offset of the camera view that show the whole frame large, and beside the sidebar."""
