"""Where in the clip's picture a click in the window is: through the clip's camera, or in the preview of the sequencer."""

from __future__ import annotations

from typing import Any

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d

from ..core.contract.marks import PersonMark
from . import compat
from . import scene as scenes
from .reconstructions import active_reconstruction, read_info
from .scene.clip import clip_info
from .scene.objects import camera_of


def mark_at(context: bpy.types.Context, area: Any, region: Any, x: float, y: float) -> tuple[PersonMark, str] | None:
    """The mark of a click at (x, y) of a region with the path of the movie, None where no clip is shown there."""
    point = None
    if area.type == "VIEW_3D":
        point = _in_camera_view(context, area.spaces.active, region, x, y)
    elif area.type == "SEQUENCE_EDITOR" and region.type == "PREVIEW":
        point = _in_preview(context, region, x, y)
    if point is None:
        return None
    frame, (px, py), (width, height), movie = point
    if not (0 <= px <= width and 0 <= py <= height and frame >= 0):
        return None
    return PersonMark.from_numbers([frame, round(px, 1), round(py, 1)]), movie


def picture_point(
    click: tuple[float, float], frame_left: float, frame_right: float, middle: float, size: tuple[int, int]
) -> tuple[float, float]:
    """The pixel (from the top left corner) of a click, where a picture of this size lies between two columns of a region.

    `middle` is the row of the region in the middle of the picture; rows of a region count from below.
    """
    width, height = size
    scale = width / (frame_right - frame_left)
    return (click[0] - frame_left) * scale, height / 2 - (click[1] - middle) * scale


_Point = tuple[int, tuple[float, float], tuple[int, int], str]
"""Frame of the clip, pixel, size of the picture, and the movie's path."""


def _in_camera_view(context: bpy.types.Context, space: Any, region: Any, x: float, y: float) -> _Point | None:
    collection = active_reconstruction(context)
    info = None if collection is None else read_info(collection)
    camera = None if collection is None else camera_of(collection)
    view = space.region_3d
    if collection is None or info is None or camera is None or view.view_perspective != "CAMERA":
        return None
    if context.scene.camera != camera:
        return None
    data: Any = camera.data
    corners = [
        location_3d_to_region_2d(region, view, camera.matrix_world @ each)
        for each in data.view_frame(scene=context.scene)
    ]
    if any(corner is None for corner in corners):
        return None
    left, right = min(corner.x for corner in corners), max(corner.x for corner in corners)
    middle = sum(corner.y for corner in corners) / len(corners)
    clip = clip_info(info)
    size = clip.image_size
    frame = scenes.read_state(collection).timing.to_clip_frame(context.scene.frame_current)
    return frame, picture_point((x, y), left, right, middle, size), size, str(clip.path)


def _in_preview(context: bpy.types.Context, region: Any, x: float, y: float) -> _Point | None:
    scene: Any = compat.sequencer_scene(context)
    for strip in compat.movie_strips(context):
        first, last = compat.strip_handles(strip)
        if strip.name != context.scene.socialmirror.strip or not first <= scene.frame_current <= last:
            continue
        width, height = strip.elements[0].orig_width, strip.elements[0].orig_height
        shown = region.view2d.region_to_view(x, y)  # pixels of the scene's picture from its middle
        transform = strip.transform
        half = transform.scale_x * width / 2
        left, right = transform.offset_x - half, transform.offset_x + half
        frame, _ = compat.strip_frames(strip, scene.frame_current, scene.frame_current)
        point = picture_point(shown, left, right, transform.offset_y, (width, height))
        return frame, point, (width, height), strip.filepath
    return None
