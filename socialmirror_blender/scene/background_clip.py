"""The movie that the clip's camera shows as its background image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..folders import may_open
from .timeline import Timeline

_SAME_FRAME_RATE = 0.01
"""Relative difference up to which two frame rates count as equal."""


def add_background_clip(camera: bpy.types.Object, path: Path, timeline: Timeline) -> None:
    """Show the movie behind the scene in camera view.

    No background if it is missing, Blender cannot decode it, or it is on a network place that the user has not opened.
    """
    try:
        if not may_open(path) or not path.is_file():
            return
    except (OSError, ValueError):
        return
    try:
        movie = bpy.data.movieclips.load(str(path), check_existing=False)
    except RuntimeError:
        return
    data: Any = camera.data
    background = data.background_images.new()
    background.source = "MOVIE_CLIP"
    background.clip = movie
    background.alpha = 1.0
    background.frame_method = "FIT"
    data.show_background_images = True
    align_background_clips(camera, timeline)


def align_background_clips(camera: bpy.types.Object, timeline: Timeline) -> None:
    """Let the movies behind the camera start where the clip's time is 0."""
    for movie in background_clips(camera):
        movie.frame_start = round(timeline.zero_frame)


def background_clips(camera: bpy.types.Object) -> list[bpy.types.MovieClip]:
    data: Any = camera.data
    return [background.clip for background in data.background_images if background.clip is not None]


def background_note(camera: bpy.types.Object, path: Path, timeline: Timeline, clip_rate: float) -> str:
    """What the user should know about the background, empty if it is as it should be.

    Blender shows one frame of the movie per scene frame, so the movie drifts if the frame rates differ.
    """
    if not background_clips(camera) and not may_open(path):
        return (
            f"The camera has no background: the clip is on another computer and is not opened unasked: {path}. "
            "If you trust it, choose it under the camera's Background Images."
        )
    if not background_clips(camera):
        return f"The camera has no background, because the clip is not there or Blender cannot show it: {path}."
    if abs(timeline.frame_rate - clip_rate) > _SAME_FRAME_RATE * clip_rate:
        return (
            f"The scene has {timeline.frame_rate:g} frames per second, the clip {clip_rate:g}: the motion is right, but "
            "the clip behind the camera drifts. Set the scene's frame rate to the clip's and import again."
        )
    return ""
