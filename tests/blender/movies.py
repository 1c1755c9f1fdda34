"""Small movies for tests, rendered by Blender."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy


def write_movie(path: Path, frames: int) -> None:
    """Render an empty scene to an H.264 movie."""
    scene: Any = bpy.data.scenes.new("Movie")
    render = scene.render
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.resolution_x, render.resolution_y, render.resolution_percentage = 64, 36, 100
    render.engine = "BLENDER_WORKBENCH"
    render.filepath, render.use_file_extension = str(path), False
    scene.frame_start, scene.frame_end = 1, frames
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.batch_remove([scene.camera, scene])
