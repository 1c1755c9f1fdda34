"""Small movies for tests, rendered by Blender."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np


def write_movie(path: Path, frames: int) -> None:
    """Render an empty scene to an H.264 movie."""
    scene = _movie_scene()
    render = scene.render
    render.engine = "BLENDER_WORKBENCH"
    render.filepath, render.use_file_extension = str(path), False
    scene.frame_start, scene.frame_end = 1, frames
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.batch_remove([scene.camera, scene])


def write_numbered_movie(path: Path, frames: int, frame_rate: int) -> None:
    """An H.264 movie whose frame n of `frames` has the grey n / frames."""
    scene = _movie_scene()
    scene.render.fps = frame_rate
    strips = strips_of(scene)
    for number in range(frames):
        length = {"length": 1} if bpy.app.version >= (5, 0) else {"frame_end": number + 2}
        strip = strips.new_effect(f"Grey {number}", "COLOR", channel=1, frame_start=number + 1, **length)
        strip.color = [number / frames] * 3
    scene.render.filepath, scene.render.use_file_extension = str(path), False
    scene.frame_start, scene.frame_end = 1, frames
    bpy.ops.render.render(animation=True, scene=scene.name)
    bpy.data.scenes.remove(scene)


def shown_number(scene: Any, frame: int, frames: int, folder: Path) -> int:
    """Which frame of a numbered movie the sequencer of a scene shows, by rendering a frame of it."""
    picture = folder / "strip.png"
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "PNG"
    scene.render.filepath = str(picture)
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
    scene.view_settings.view_transform = "Standard"
    scene.frame_set(frame)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    image = bpy.data.images.load(str(picture))
    values = np.empty(36 * 64 * 4, dtype=np.float32)
    pixels: Any = image.pixels
    pixels.foreach_get(values)
    grey = float(values.reshape(36, 64, 4)[18, 32, 0])
    bpy.data.images.remove(image)
    return round(grey * frames)


def strips_of(scene: Any) -> Any:
    """The strips of a scene's sequencer, which is made."""
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def _movie_scene() -> Any:
    scene: Any = bpy.data.scenes.new("Movie")
    render = scene.render
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor = "HIGH"
    render.resolution_x, render.resolution_y, render.resolution_percentage = 64, 36, 100
    scene.view_settings.view_transform = "Standard"
    return scene
