"""Renders people in a room to an H.264 clip or to images, with Workbench. Runs in a Python that has Blender 4.5 to 5.2 as a
module:

    .venv-blender-4.5/bin/python -m lab.rendering.render_clip SCENE.npz --clip CLIP.mp4
    .venv-blender-4.5/bin/python -m lab.rendering.render_clip SCENE.npz --frames FOLDER

It needs bpy and numpy, nothing else of the lab. `blender_process.py` starts it.

SCENE.npz; world frame, metres, Z up; P people with V vertices, T frames:
    vertices      float [P,T,V,3]
    faces         int [F,3]
    materials     int [P,F], index into `colours`
    colours       float [P,M,3], linear RGB
    camera_K      float [T,3,3] px
    camera_world  float [T,4,4] world -> camera (x right, y down, z forward)
    image_size    int [2], width and height in px
    rate          float, frames per second
    room          int, index into `rooms.ROOMS`
and, for people with textures instead of one colour per face,
    uv            float [F,3,2] of the faces' corners
    textures      uint8 [P,S,S,3] sRGB, top row first
and, optionally,
    room_world    float [4,4] room -> world: a rotation about Z and a horizontal translation
    light         float [3], direction that light comes from, in the room's axes
    exposure      float, stops brighter or darker
    overcast      bool, without shadows, which take half of a frame's time
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .blender_scene import build_scene, show_frame, show_only


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--clip", type=Path, help="write an H.264 clip")
    parser.add_argument(
        "--alone", action="store_true", help="also write CLIP_alone0.mp4, ..., with one of the people each"
    )
    parser.add_argument("--frames", type=Path, help="write images 0000.png, 0001.png, ... into this folder")
    parser.add_argument("--every", type=int, default=1, help="only every n-th frame (images)")
    parser.add_argument("--quality", choices=("LOW", "MEDIUM", "HIGH"), default="MEDIUM")
    arguments = parser.parse_args()
    if (arguments.clip is None) == (arguments.frames is None):
        parser.error("give either --clip or --frames")
    with np.load(arguments.scene, allow_pickle=False) as archive:
        arrays = dict(archive)
    scene = build_scene(arrays)
    if arguments.frames is not None:
        render_images(scene, arrays, arguments.frames, arguments.every)
        return
    render_movie(scene, arrays, arguments.clip, arguments.quality)
    for person in range(len(arrays["vertices"]) if arguments.alone else 0):
        show_only(scene, person)
        alone = arguments.clip.with_name(f"{arguments.clip.stem}_alone{person}{arguments.clip.suffix}")
        render_movie(scene, arrays, alone, arguments.quality)


def render_movie(scene: Any, arrays: dict[str, np.ndarray], path: Path, quality: str) -> None:
    """Render all frames into one H.264 file."""
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):  # since Blender 5.0
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    settings.color_mode = "RGB"
    scene.render.ffmpeg.format = "MPEG4"
    scene.render.ffmpeg.codec = "H264"
    scene.render.ffmpeg.constant_rate_factor = quality
    scene.render.ffmpeg.ffmpeg_preset = "GOOD"
    scene.render.ffmpeg.gopsize = 25
    path.parent.mkdir(parents=True, exist_ok=True)
    scene.render.use_file_extension = False
    scene.render.filepath = str(path.resolve())

    def before(current: bpy.types.Scene, *_: object) -> None:
        show_frame(current, arrays, current.frame_current)

    bpy.app.handlers.frame_change_pre.append(before)
    try:
        bpy.ops.render.render(animation=True)
    finally:
        bpy.app.handlers.frame_change_pre.remove(before)


def render_images(scene: Any, arrays: dict[str, np.ndarray], folder: Path, every: int) -> None:
    """Render frames as PNG files named by their number."""
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.compression = 15
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(0, arrays["vertices"].shape[1], every):
        show_frame(scene, arrays, frame)
        scene.render.filepath = str((folder / f"{frame:04d}.png").resolve())
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main()
