"""The part of `scripts/demo` that needs Blender: import a reconstruction, save a .blend file, export FBX and render images.

    .venv-blender-4.5/bin/python scripts/demo_blender.py FOLDER

Reads FOLDER/reconstruction. Writes FOLDER/demo.blend, FBX files, and for some frames of the clip FOLDER/pictures/overlay_NNNN.png
(through the clip's camera, transparent) and side_NNNN.png (from the side).
"""

from __future__ import annotations

import atexit
import importlib
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PICTURES = 6
_RESOLUTION = (640, 360)

# Blender reads this variable when bpy is first imported: the user's preferences stay untouched and this checkout is installed
_resources = Path(tempfile.mkdtemp(prefix="socialmirror-demo-"))
atexit.register(shutil.rmtree, _resources, ignore_errors=True)
os.environ["BLENDER_USER_RESOURCES"] = str(_resources)
_installed = _resources / "extensions" / "user_default" / "socialmirror"
_installed.parent.mkdir(parents=True)
_installed.symlink_to(ROOT, target_is_directory=True)

import bpy  # noqa: E402
from mathutils import Vector  # noqa: E402

EXTENSION = "bl_ext.user_default.socialmirror"


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    importlib.import_module("addon_utils").enable(EXTENSION, default_set=True)
    addon_scene: Any = importlib.import_module(f"{EXTENSION}.socialmirror_blender.scene")
    addon_export: Any = importlib.import_module(f"{EXTENSION}.socialmirror_blender.export")
    core_export: Any = importlib.import_module(f"{EXTENSION}.core.export")

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    collection = addon_scene.import_reconstruction(bpy.context, folder / "reconstruction", match_scene=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "demo.blend"))
    written: list[Path] = []
    with silenced():
        for people in ("each", "both"):
            settings = core_export.ExportSettings("fbx", people=people)
            written += addon_export.export_people(bpy.context, collection, settings, folder)[:-1]
        rigs = [addon_scene.rig_of(collection, person) for person in (0, 1)]
        render_pictures(bpy.context.scene, rigs, folder / "pictures")
    for path in written:
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what Blender prints about every image and every export; a Python error is printed after the block."""
    sys.stdout.flush()
    saved = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as null:
        os.dup2(null.fileno(), 1)
        os.dup2(null.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            for stream, copy in zip((1, 2), saved):
                os.dup2(copy, stream)
                os.close(copy)


def render_pictures(scene: Any, rigs: list[Any], folder: Path) -> None:
    """Render `PICTURES` frames through the clip's camera and from the side."""
    folder.mkdir(parents=True, exist_ok=True)
    _use_workbench(scene)
    clip_camera = scene.camera
    side_camera = bpy.data.objects.new("side", bpy.data.cameras.new("side"))
    scene.collection.objects.link(side_camera)
    floor = _add_floor(scene)
    first, last = scene.frame_start, scene.frame_end
    for number in range(PICTURES):
        frame = round(first + (number + 0.5) * (last - first) / PICTURES)
        scene.frame_set(frame)
        for name, camera, transparent in (("overlay", clip_camera, True), ("side", side_camera, False)):
            if camera is side_camera:
                _place_side_camera(camera, clip_camera, _center(rigs))
            floor.hide_render = transparent
            scene.camera, scene.render.film_transparent = camera, transparent
            scene.render.filepath = str(folder / f"{name}_{frame - first:04d}.png")
            bpy.ops.render.render(write_still=True)


def _use_workbench(scene: Any) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = _RESOLUTION
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.view_settings.view_transform = "Standard"
    scene.display.render_aa = "FXAA"
    world: Any = bpy.data.worlds.new("background")
    world.color = (0.55, 0.58, 0.62)
    scene.world = world
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_cavity, shading.show_shadows = True, True


def _center(rigs: list[Any]) -> Vector:
    """World position between the two pelvises."""
    first, second = (rig.matrix_world @ rig.pose.bones["pelvis"].head for rig in rigs)
    return (first + second) / 2


def _place_side_camera(camera: Any, clip_camera: Any, target: Vector) -> None:
    """Look at the people from 125 degrees beside the clip's camera, from about its distance and a little from above."""
    to_clip_camera = clip_camera.matrix_world.translation - target
    angle = math.atan2(to_clip_camera.y, to_clip_camera.x) + math.radians(125)
    distance = min(max(to_clip_camera.xy.length, 2.5), 4.4)
    camera.location = target + Vector((math.cos(angle) * distance, math.sin(angle) * distance, 0.9))
    camera.rotation_euler = (target - camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.lens = clip_camera.data.lens


def _add_floor(scene: Any) -> Any:
    """A checkered floor at z = 0, which shows whether feet stand on it."""
    mesh = bpy.data.meshes.new("floor")
    corners, tiles = [], []
    for x in range(-8, 8):
        for y in range(-8, 20):
            start = len(corners)
            corners += [(x * 0.5 + dx, y * 0.5 + dy, 0.0) for dx, dy in ((0, 0), (0.5, 0), (0.5, 0.5), (0, 0.5))]
            tiles.append((start, start + 1, start + 2, start + 3))
    mesh.from_pydata(corners, [], tiles)
    for shade in (0.30, 0.42):
        material: Any = bpy.data.materials.new("floor")
        material.diffuse_color = (shade, shade, shade, 1)
        mesh.materials.append(material)
    mesh.polygons.foreach_set("material_index", [(tile % 28 + tile // 28) % 2 for tile in range(len(tiles))])
    floor = bpy.data.objects.new("floor", mesh)
    scene.collection.objects.link(floor)
    return floor


if __name__ == "__main__":
    main()
