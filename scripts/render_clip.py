"""Render people in a room to an H.264 clip or to pictures, with Workbench. Runs where Blender is a Python module (4.5 - 5.2):

    .venv-blender-4.5/bin/python scripts/render_clip.py SCENE.npz --clip CLIP.mp4
    .venv-blender-4.5/bin/python scripts/render_clip.py SCENE.npz --frames FOLDER

SCENE.npz, world frame, metres, Z up, P people of V vertices, T frames:
    vertices      float [P,T,V,3]
    faces         int [F,3]
    materials     int [P,F], index into `colours`
    colours       float [P,M,3], linear RGB
    camera_K      float [T,3,3] px
    camera_world  float [T,4,4] world -> camera (x right, y down, z forward)
    image_size    int [2], width and height in px
    rate          float, frames a second
    room          int, number of the room (see `ROOMS`)
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """Furniture: centre, extent in metres, colour (linear RGB)."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    colour: Colour


@dataclass(frozen=True)
class Room:
    """A floor and three walls around x = -5.5..5.5, y <= 3.2, with what stands in it."""

    floor: Colour
    walls: Colour
    furniture: tuple[Box, ...]


_SKIRTING = Box((0, 3.17, 0.05), (11, 0.03, 0.1), (0.75, 0.73, 0.68))
ROOMS = (
    Room(
        (0.30, 0.20, 0.12),
        (0.55, 0.53, 0.47),
        (
            _SKIRTING,
            Box((-2.3, 2.95, 0.9), (1.2, 0.4, 1.8), (0.22, 0.12, 0.06)),
            Box((-2.3, 2.73, 1.25), (1.0, 0.05, 0.06), (0.40, 0.25, 0.14)),
            Box((-2.3, 2.73, 0.65), (1.0, 0.05, 0.06), (0.40, 0.25, 0.14)),
            Box((-2.55, 2.72, 1.45), (0.3, 0.06, 0.34), (0.35, 0.07, 0.06)),
            Box((-2.15, 2.72, 0.85), (0.4, 0.06, 0.30), (0.07, 0.18, 0.30)),
            Box((0.9, 3.15, 1.75), (1.0, 0.04, 0.7), (0.12, 0.26, 0.22)),
            Box((0.9, 3.12, 1.75), (0.8, 0.04, 0.5), (0.50, 0.42, 0.22)),
            Box((3.0, 2.7, 0.35), (1.8, 0.8, 0.4), (0.10, 0.17, 0.14)),
            Box((3.0, 3.0, 0.65), (1.8, 0.25, 0.7), (0.09, 0.15, 0.12)),
        ),
    ),
    Room(
        (0.16, 0.17, 0.18),
        (0.30, 0.38, 0.42),
        (
            _SKIRTING,
            Box((-1.6, 3.14, 1.5), (1.5, 0.05, 1.2), (0.62, 0.72, 0.80)),
            Box((1.5, 2.8, 0.37), (1.4, 0.7, 0.74), (0.45, 0.30, 0.16)),
            Box((1.3, 2.7, 0.95), (0.5, 0.05, 0.35), (0.02, 0.02, 0.03)),
            Box((3.2, 3.0, 1.0), (0.9, 0.4, 2.0), (0.40, 0.40, 0.36)),
        ),
    ),
)
_PLANK = 0.19
"""metres; the floor is boards of slightly different shades, so that its perspective can be seen."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--clip", type=Path, help="write an H.264 clip")
    parser.add_argument("--frames", type=Path, help="write pictures 0000.png, 0001.png, ... into this folder")
    parser.add_argument("--every", type=int, default=1, help="only every n-th frame (pictures)")
    parser.add_argument("--quality", choices=("LOW", "MEDIUM", "HIGH"), default="MEDIUM")
    arguments = parser.parse_args()
    if (arguments.clip is None) == (arguments.frames is None):
        parser.error("give either --clip or --frames")
    with np.load(arguments.scene, allow_pickle=False) as scene:
        arrays = dict(scene)
    stage = build_stage(arrays)
    if arguments.clip is not None:
        render_movie(stage, arrays, arguments.clip, arguments.quality)
    else:
        render_pictures(stage, arrays, arguments.frames, arguments.every)


def build_stage(arrays: dict[str, np.ndarray]) -> bpy.types.Scene:
    """An empty file with room, people, camera and light, ready to be rendered."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    assert scene is not None
    build_room(scene, ROOMS[int(arrays["room"])])
    for person in range(len(arrays["vertices"])):
        add_person(scene, f"person{person}", arrays, person)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    width, height = (int(side) for side in arrays["image_size"])
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.frame_start, scene.frame_end = 0, arrays["vertices"].shape[1] - 1
    set_rate(scene, float(arrays["rate"]))
    _light(scene)
    return scene


def show_frame(scene: bpy.types.Scene, arrays: dict[str, np.ndarray], frame: int) -> None:
    """Put people and camera where they are in a frame."""
    for person, vertices in enumerate(arrays["vertices"][:, frame]):
        mesh = scene.objects[f"person{person}"].data
        assert isinstance(mesh, bpy.types.Mesh)
        mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
        mesh.update()
    place_camera(scene, arrays["camera_K"][frame], arrays["camera_world"][frame])


def place_camera(scene: bpy.types.Scene, K: np.ndarray, world: np.ndarray) -> None:
    """A pinhole camera of intrinsics K [3,3] px and extrinsics world -> camera [4,4]."""
    camera = scene.camera
    assert camera is not None and isinstance(camera.data, bpy.types.Camera)
    width, height = scene.render.resolution_x, scene.render.resolution_y
    longer = max(width, height)
    camera.data.sensor_fit = "AUTO"
    camera.data.sensor_width = 36.0
    camera.data.lens = float(K[0, 0]) * 36.0 / longer
    camera.data.shift_x = (width / 2 - float(K[0, 2])) / longer
    camera.data.shift_y = (float(K[1, 2]) - height / 2) / longer
    looks = np.diag([1.0, -1.0, -1.0, 1.0])  # Blender's cameras look along -Z with Y up
    camera.matrix_world = Matrix((np.linalg.inv(np.asarray(world, float)) @ looks).tolist())


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


def render_pictures(scene: Any, arrays: dict[str, np.ndarray], folder: Path, every: int) -> None:
    """Render frames as PNG files named by their number."""
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.compression = 15
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(0, arrays["vertices"].shape[1], every):
        show_frame(scene, arrays, frame)
        scene.render.filepath = str((folder / f"{frame:04d}.png").resolve())
        bpy.ops.render.render(write_still=True)


def set_rate(scene: bpy.types.Scene, rate: float) -> None:
    scene.render.fps = math.ceil(rate)
    scene.render.fps_base = math.ceil(rate) / rate


def add_person(scene: bpy.types.Scene, name: str, arrays: dict[str, np.ndarray], person: int) -> None:
    faces = arrays["faces"]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(arrays["vertices"][person, 0].tolist(), [], faces.tolist())
    for index, (red, green, blue) in enumerate(arrays["colours"][person].tolist()):
        mesh.materials.append(_material(f"{name} {index}", (red, green, blue)))
    mesh.polygons.foreach_set("material_index", arrays["materials"][person].astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    scene.collection.objects.link(bpy.data.objects.new(name, mesh))


def build_room(scene: bpy.types.Scene, room: Room) -> None:
    rng = np.random.default_rng(0)
    for row, y in enumerate(np.arange(-4.0, 3.2, _PLANK)):
        for x in np.arange(-5.5 - (row % 3) * 0.7, 5.5, 2.1):
            shade = float(rng.uniform(0.75, 1.2))
            colour = (room.floor[0] * shade, room.floor[1] * shade, room.floor[2] * shade)
            add_box(scene, Box((x + 1.05, y + _PLANK / 2, -0.02), (2.09, _PLANK - 0.006, 0.04), colour))
    add_box(scene, Box((0, 0, -0.06), (11, 9, 0.06), (0.02, 0.015, 0.01)))
    add_box(scene, Box((0, 3.25, 1.6), (11, 0.1, 3.2), room.walls))
    for x in (-5.5, 5.5):
        add_box(scene, Box((x, 0, 1.6), (0.1, 9, 3.2), room.walls))
    for box in room.furniture:
        add_box(scene, box)


def add_box(scene: bpy.types.Scene, box: Box) -> None:
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    mesh = bpy.data.meshes.new("box")
    mesh.from_pydata((corners * box.size + box.centre).tolist(), [], sides)
    mesh.materials.append(_material("box", box.colour))
    scene.collection.objects.link(bpy.data.objects.new("box", mesh))


def _material(name: str, colour: Colour) -> Any:
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*colour, 1.0)
    material.roughness = 0.8
    material.specular_intensity = 0.15
    return material


def _light(scene: Any) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.exposure = 0.6
    display = scene.display
    display.render_aa = "FXAA"
    display.light_direction = (0.35, 0.55, 0.75)
    shading = display.shading
    shading.light = "STUDIO"
    shading.color_type = "MATERIAL"
    shading.show_shadows = True
    shading.shadow_intensity = 0.4
    shading.show_cavity = True
    shading.cavity_type = "BOTH"


if __name__ == "__main__":
    main()
