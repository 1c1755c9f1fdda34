"""The movie that the clip's camera shows as its background image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..folders import may_open
from .animation import animate, stop_animating
from .timeline import Timeline

_SAME_FRAME_RATE = 0.01
"""Relative difference up to which two frame rates count as equal."""


def add_background_clip(
    camera: bpy.types.Object,
    path: Path,
    image_size: tuple[int, int],
    timeline: Timeline,
    clip_rate: float,
    frames: np.ndarray,
) -> None:
    """Show the movie behind the scene in camera view, in step with the motion; for the last two see `align_background_clips`.

    `image_size` is the width and height of its picture in square pixels.
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
    _show_in_square_pixels(movie, image_size)
    data: Any = camera.data
    background = data.background_images.new()
    background.source = "MOVIE_CLIP"
    background.clip = movie
    background.alpha = 1.0
    background.frame_method = "FIT"
    data.show_background_images = True
    align_background_clips(camera, timeline, clip_rate, frames)


def _show_in_square_pixels(movie: Any, image_size: tuple[int, int]) -> None:
    """Stretch a movie whose stored pixels are not square, which Blender takes for square, to the shape of its picture."""
    stored, shown = tuple(movie.size), image_size
    if min(*stored, *shown) <= 0:
        return
    if stored[1] == shown[1] or stored[0] == shown[0]:  # else it is another movie, or turned
        movie.display_aspect = shown[0] / stored[0], shown[1] / stored[1]


def align_background_clips(camera: bpy.types.Object, timeline: Timeline, clip_rate: float, frames: np.ndarray) -> None:
    """Let the movies behind the camera play in step with the motion at scene frames [S].

    Blender shows one frame of a movie per scene frame. Where the clip has another rate, its start is keyed so that every scene
    frame shows the frame of that time.
    """
    starts = frames - np.round(timeline.to_seconds(frames) * clip_rate).astype(int)
    for movie in background_clips(camera):
        if abs(timeline.frame_rate - clip_rate) > _SAME_FRAME_RATE * clip_rate:
            animate(movie, "frame_start", starts[:, None], frames, "CONSTANT")
        else:
            stop_animating(movie, "frame_start")
            movie.frame_start = round(timeline.zero_frame)


def background_clips(camera: bpy.types.Object) -> list[bpy.types.MovieClip]:
    data: Any = camera.data
    return [background.clip for background in data.background_images if background.clip is not None]


def background_note(camera: bpy.types.Object, path: Path) -> str:
    """What the user should know about the background, empty if it is as it should be."""
    if not background_clips(camera) and not may_open(path):
        return (
            f"The camera has no background: the clip is on another computer and is not opened automatically: {path}. "
            "If you trust it, choose it under the camera's Background Images."
        )
    if not background_clips(camera):
        return f"The camera has no background, because the clip is not there or Blender cannot show it: {path}."
    return ""
