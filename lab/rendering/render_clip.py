"""Render people in a room to an H.264 clip or to pictures, with Workbench. Runs where Blender is a Python module (4.5 - 5.2):

    .venv-blender-4.5/bin/python lab/rendering/render_clip.py SCENE.npz --clip CLIP.mp4
    .venv-blender-4.5/bin/python lab/rendering/render_clip.py SCENE.npz --frames FOLDER

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
and, where people are painted rather than of one colour for each face,
    uv            float [F,3,2] of the faces' corners
    textures      uint8 [P,S,S,3] sRGB, the row at the top first
and, where they are not the room's own,
    room_world    float [4,4] room -> world: about Z and along the floor, to bring its back wall behind the people
    light         float [3], where from the sun or lamp shines, in the room's axes
    exposure      float, stops brighter or darker
    overcast      bool, no shadows, which are half of what a frame costs
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np
from mathutils import Matrix

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Box:
    """Furniture: centre, extent in metres, colour (linear RGB); a box, or the ball or upright tube that fits into one."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    colour: Colour
    shape: Literal["box", "ball", "tube"] = "box"


@dataclass(frozen=True)
class Room:
    """A floor with what stands on it; people are around the origin, seen from -y. Walls, if any, at x = -5.5 and 5.5 and
    y = 3.25, and a ceiling over all."""

    floor: Colour
    walls: Colour | None
    furniture: tuple[Box, ...]
    slab: tuple[float, float] = (2.09, 0.184)
    """metres along x and y of a board or tile of the floor; they have slightly different shades, so that its perspective
    can be seen."""
    uneven: float = 0.22
    """How much the shades of the slabs differ."""
    sky: Colour = (0.05, 0.05, 0.05)


def _tree(x: float, y: float, height: float, crown: Colour) -> tuple[Box, ...]:
    wide = 0.55 * height
    return (
        Box((x, y, height * 0.25), (0.3, 0.3, height * 0.5), (0.13, 0.08, 0.05), "tube"),
        Box((x, y, height * 0.7), (wide, wide, height * 0.6), crown, "ball"),
        Box((x + wide * 0.3, y - wide * 0.2, height * 0.55), (wide * 0.6, wide * 0.6, height * 0.4), crown, "ball"),
    )


_SKIRTING = Box((0, 3.17, 0.05), (11, 0.03, 0.1), (0.75, 0.73, 0.68))
_LEAVES: tuple[Colour, ...] = ((0.05, 0.14, 0.04), (0.09, 0.19, 0.05), (0.04, 0.10, 0.05))
ROOMS = (
    Room(  # a living room
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
    Room(  # an office
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
    Room(  # a park
        (0.13, 0.20, 0.06),
        None,
        (
            Box((0, 1.9, 0.004), (60, 1.6, 0.01), (0.42, 0.36, 0.27)),
            Box((-2.6, 2.9, 0.45), (1.7, 0.45, 0.06), (0.24, 0.13, 0.06)),
            Box((-2.6, 3.12, 0.75), (1.7, 0.05, 0.35), (0.24, 0.13, 0.06)),
            Box((-3.3, 2.9, 0.21), (0.08, 0.4, 0.42), (0.05, 0.05, 0.05)),
            Box((-1.9, 2.9, 0.21), (0.08, 0.4, 0.42), (0.05, 0.05, 0.05)),
            *_tree(2.6, 5.5, 4.5, _LEAVES[0]),
            *_tree(-5.5, 8.5, 6.0, _LEAVES[1]),
            *_tree(7.5, 10.0, 7.0, _LEAVES[2]),
            *_tree(-1.0, 13.0, 6.5, _LEAVES[0]),
            *_tree(-11.0, 6.0, 5.0, _LEAVES[2]),
            *_tree(12.0, 5.0, 5.5, _LEAVES[1]),
            Box((0, 18, 1.0), (80, 1.5, 2.0), (0.07, 0.15, 0.06)),
            Box((-14, 30, 4), (12, 8, 8), (0.48, 0.40, 0.33)),
            Box((10, 34, 5), (16, 8, 10), (0.42, 0.30, 0.25)),
        ),
        (0.9, 0.7),
        0.06,
        (0.33, 0.55, 0.85),
    ),
    Room(  # a street
        (0.30, 0.29, 0.28),
        None,
        (
            Box((0, 4.5, 2.5), (40, 0.5, 5.0), (0.36, 0.17, 0.12)),
            Box((0, 4.22, 0.3), (40, 0.06, 0.6), (0.30, 0.28, 0.26)),
            *(Box((x, 4.22, 1.9), (1.3, 0.06, 1.5), (0.16, 0.22, 0.28)) for x in (-6.6, -3.9, 3.6, 6.3)),
            *(Box((x, 4.24, 1.9), (1.5, 0.05, 1.7), (0.62, 0.60, 0.55)) for x in (-6.6, -3.9, 3.6, 6.3)),
            Box((-0.6, 4.20, 1.1), (1.1, 0.08, 2.2), (0.07, 0.16, 0.12)),
            Box((-0.6, 4.22, 1.15), (1.3, 0.05, 2.35), (0.62, 0.60, 0.55)),
            Box((1.4, 3.6, 0.45), (0.5, 0.5, 0.9), (0.06, 0.10, 0.07), "tube"),
            Box((-2.4, 3.7, 0.3), (0.6, 0.6, 0.6), (0.38, 0.20, 0.13), "tube"),
            Box((-2.4, 3.7, 0.9), (0.9, 0.9, 0.9), _LEAVES[1], "ball"),
            Box((4.9, 3.3, 1.9), (0.12, 0.12, 3.8), (0.06, 0.06, 0.06), "tube"),
        ),
        (0.6, 0.6),
        0.15,
        (0.40, 0.46, 0.52),
    ),
    Room(  # a sports hall
        (0.50, 0.33, 0.17),
        (0.62, 0.64, 0.62),
        (
            Box((0, 3.18, 0.6), (11, 0.05, 1.2), (0.08, 0.22, 0.20)),
            *(Box((-4.0, 3.12, 0.25 * step), (1.2, 0.05, 0.05), (0.40, 0.25, 0.12)) for step in range(1, 12)),
            Box((-4.6, 3.12, 1.4), (0.08, 0.10, 2.8), (0.40, 0.25, 0.12)),
            Box((-3.4, 3.12, 1.4), (0.08, 0.10, 2.8), (0.40, 0.25, 0.12)),
            Box((2.4, 2.6, 0.15), (2.0, 1.1, 0.3), (0.10, 0.15, 0.42)),
            Box((4.6, 2.6, 0.32), (0.64, 0.64, 0.64), (0.60, 0.10, 0.10), "ball"),
            Box((0, 0.9, 0.002), (11, 0.06, 0.006), (0.80, 0.80, 0.75)),
            Box((-1.5, -2.5, 0.002), (0.06, 13, 0.005), (0.10, 0.20, 0.50)),
        ),
        (3.1, 0.10),
    ),
)
_NEAR, _FAR, _WIDE = -9.0, 3.2, 5.5
"""metres: the floor inside from the near to the far end, and to both sides."""
_OUTSIDE = 18.0
"""metres that a floor outside has slabs around the middle; plain beyond."""
_SHADES = (-1.0, -0.6, -0.2, 0.2, 0.6, 1.0)
_CEILING = (0.9, 0.9, 0.9)
_LIGHT = (0.35, -0.75, 0.55)
"""From the right, from behind the camera."""
_EXPOSURE = 0.6
_AMBIENT = 0.16
"""Light from everywhere, of 1: what no lamp shines on is not black."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("--clip", type=Path, help="write an H.264 clip")
    parser.add_argument(
        "--alone", action="store_true", help="CLIP_alone0.mp4, ... too, each with one of the people only"
    )
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
        for person in range(len(arrays["vertices"]) if arguments.alone else 0):
            show_only(stage, person)
            alone = arguments.clip.with_name(f"{arguments.clip.stem}_alone{person}{arguments.clip.suffix}")
            render_movie(stage, arrays, alone, arguments.quality)
    else:
        render_pictures(stage, arrays, arguments.frames, arguments.every)


def build_stage(arrays: dict[str, np.ndarray]) -> bpy.types.Scene:
    """An empty file with room, people, camera and light, ready to be rendered."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    assert scene is not None
    room, placed = ROOMS[int(arrays["room"])], np.asarray(arrays.get("room_world", np.eye(4)), float)
    build_room(scene, room, placed)
    for person in range(len(arrays["vertices"])):
        add_person(scene, f"person{person}", arrays, person)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    width, height = (int(side) for side in arrays["image_size"])
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.frame_start, scene.frame_end = 0, arrays["vertices"].shape[1] - 1
    set_rate(scene, float(arrays["rate"]))
    light = np.asarray(arrays.get("light", _LIGHT), float)
    _light(scene, room.sky, placed[:3, :3] @ light, float(arrays.get("exposure", _EXPOSURE)))
    if arrays.get("overcast", False):
        scene.display.shading.show_shadows = scene.display.shading.show_cavity = False
    if "light" in arrays:
        _main_lamp(np.asarray(arrays["camera_world"][0], float)[:3, :3] @ placed[:3, :3] @ light)
    return scene


def show_frame(scene: bpy.types.Scene, arrays: dict[str, np.ndarray], frame: int) -> None:
    """Put people and camera where they are in a frame."""
    for person, vertices in enumerate(arrays["vertices"][:, frame]):
        mesh = scene.objects[f"person{person}"].data
        assert isinstance(mesh, bpy.types.Mesh)
        mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
        mesh.update()
    place_camera(scene, arrays["camera_K"][frame], arrays["camera_world"][frame])


def show_only(scene: bpy.types.Scene, person: int) -> None:
    for thing in scene.objects:
        if thing.name.startswith("person"):
            thing.hide_render = thing.name != f"person{person}"


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
    if "textures" in arrays:
        mesh.materials.append(_painted(name, arrays["textures"][person]))
        layer: Any = mesh.uv_layers.new()
        layer.uv.foreach_set("vector", arrays["uv"].astype(np.float32).ravel())
    else:
        for index, (red, green, blue) in enumerate(arrays["colours"][person].tolist()):
            mesh.materials.append(_material(f"{name} {index}", (red, green, blue)))
        mesh.polygons.foreach_set("material_index", arrays["materials"][person].astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    scene.collection.objects.link(bpy.data.objects.new(name, mesh))


def build_room(scene: bpy.types.Scene, room: Room, placed: np.ndarray) -> None:
    """All in one object, which is drawn faster than many; it casts no shadow, for the light comes through its walls."""
    near, far, wide = (_NEAR, _FAR, _WIDE) if room.walls else (-_OUTSIDE / 2, _OUTSIDE / 2, _OUTSIDE / 2)
    boxes = [*_slabs(room, near, far, wide), *room.furniture]
    boxes.append(Box((0, (near + far) / 2, -0.06), (2 * wide, far - near, 0.06), (0.02, 0.015, 0.01)))
    if room.walls is None:
        boxes.append(Box((0, 0, -0.13), (160, 160, 0.1), room.floor))
    else:
        boxes.append(Box((0, far + 0.05, 1.6), (2 * wide, 0.1, 3.2), room.walls))
        boxes += [Box((x, (near + far) / 2, 1.6), (0.1, far - near, 3.2), room.walls) for x in (-wide, wide)]
        boxes.append(Box((0, (near + far) / 2, 3.25), (2 * wide, far - near, 0.1), _CEILING))
    solids = [_turned(box) for box in boxes]
    start = np.cumsum([0, *(len(corners) for corners, _ in solids)]).tolist()
    corners = np.concatenate([corners for corners, _ in solids]) @ placed[:3, :3].T + placed[:3, 3]
    sides = [tuple(low + k for k in side) for low, (_, sides) in zip(start, solids) for side in sides]
    colours = sorted({box.colour for box in boxes})
    mesh = bpy.data.meshes.new("room")
    mesh.from_pydata(corners.tolist(), [], sides)
    for colour in colours:
        mesh.materials.append(_material("room", colour))
    painted = [colours.index(box.colour) for box, (_, sides) in zip(boxes, solids) for _ in sides]
    smooth = [box.shape != "box" and len(side) == 4 for box, (_, sides) in zip(boxes, solids) for side in sides]
    mesh.polygons.foreach_set("material_index", np.array(painted, np.int32))
    mesh.polygons.foreach_set("use_smooth", np.array(smooth))
    thing = bpy.data.objects.new("room", mesh)
    thing.display.show_shadows = False
    scene.collection.objects.link(thing)


def _slabs(room: Room, near: float, far: float, wide: float) -> list[Box]:
    rng = np.random.default_rng(0)
    along, across = room.slab
    boxes = []
    for row, y in enumerate(np.arange(near, far - 0.01, across)):
        for x in np.arange(-wide - (row % 3) * along / 3, wide, along):
            low, high = max(float(x), -wide), min(float(x) + along, wide)
            shade = 1 + room.uneven * float(rng.choice(_SHADES))
            colour = (room.floor[0] * shade, room.floor[1] * shade, room.floor[2] * shade)
            size = (high - low - 0.01, across - 0.006, 0.04)
            if size[0] > 0:
                boxes.append(Box(((low + high) / 2, float(y) + across / 2, -0.02), size, colour))
    return boxes


def _turned(box: Box) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Corners [N,3] and faces of a solid that is a profile turned about Z; a box has four sides."""
    if box.shape == "ball":
        angle = np.linspace(-math.pi / 2, math.pi / 2, 12)[1:-1]
        count, profile = 20, np.stack([np.cos(angle), np.sin(angle)], 1) / 2
    else:
        count = 24 if box.shape == "tube" else 4
        radius = 0.5 if box.shape == "tube" else math.sqrt(0.5)
        profile = np.array([(radius, -0.5), (radius, 0.5)])
    around = 2 * math.pi * (np.arange(count) + 0.5) / count
    corners = [(r * math.cos(a), r * math.sin(a), z) for r, z in profile for a in around]
    sides: list[tuple[int, ...]] = [
        (low + k, low + (k + 1) % count, low + count + (k + 1) % count, low + count + k)
        for low in range(0, (len(profile) - 1) * count, count)
        for k in range(count)
    ]
    top = (len(profile) - 1) * count
    return np.array(corners) * box.size + box.centre, [
        *sides,
        tuple(reversed(range(count))),
        tuple(range(top, top + count)),
    ]


def _material(name: str, colour: Colour) -> Any:
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*colour, 1.0)
    material.roughness = 0.8
    material.specular_intensity = 0.15
    return material


def _painted(name: str, texture: np.ndarray) -> Any:
    material = _material(name, (0.5, 0.5, 0.5))
    height, width = texture.shape[:2]
    image: Any = bpy.data.images.new(name, width, height)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = texture[::-1] / np.float32(255)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    material.use_nodes = True
    nodes = material.node_tree.nodes
    node = nodes.new("ShaderNodeTexImage")
    node.image = image
    nodes.active = node  # what Workbench shows
    return material


def _light(scene: Any, sky: Colour, towards: np.ndarray, exposure: float) -> None:
    """`towards` [3] is where the light comes from, world."""
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.exposure = exposure
    display = scene.display
    display.render_aa = "FXAA"
    # as Workbench counts: y up, z backwards
    display.light_direction = (float(towards[0]), float(towards[2]), float(-towards[1]))
    scene.world = bpy.data.worlds.new("sky")
    scene.world.color = sky
    shading = display.shading
    shading.light = "STUDIO"
    shading.color_type = "TEXTURE"  # the material's colour where it has none
    shading.show_shadows = True
    shading.shadow_intensity = 0.4
    shading.show_cavity = True
    shading.cavity_type = "BOTH"


def _main_lamp(towards: np.ndarray) -> None:
    """Shade what faces `towards` [3] (camera axes), not only what Workbench's own lamp, fixed to the camera, shines on."""
    preferences: Any = bpy.context.preferences
    preferences.system.use_studio_light_edit = True
    preferences.system.light_ambient = (_AMBIENT, _AMBIENT, _AMBIENT)
    lamp = preferences.system.solid_lights[1]
    lamp.direction = (float(towards[0]), float(-towards[1]), float(-towards[2]))


if __name__ == "__main__":
    main()
