"""The Blender part of `scripts/demo`: import a reconstruction with the add-on, save the file, export FBX, render pictures.

    .venv-blender-4.5/bin/python scripts/demo_blender.py FOLDER

Reads FOLDER/reconstruction; writes FOLDER/demo.blend, FBX files, and FOLDER/pictures with `overlay_NNNN.png` (transparent,
through the clip's camera) and `side_NNNN.png` (from the other side) for some frames of the clip.
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
_SIZE = (640, 360)

# Blender reads this once, when it is first imported: the user's own settings stay out of it, and the checkout is the add-on
_resources = Path(tempfile.mkdtemp(prefix="socialmirror-demo-"))
atexit.register(shutil.rmtree, _resources, ignore_errors=True)
os.environ["BLENDER_USER_RESOURCES"] = str(_resources)
_place = _resources / "extensions" / "user_default" / "socialmirror"
_place.parent.mkdir(parents=True)
_place.symlink_to(ROOT, target_is_directory=True)

import bpy  # noqa: E402
from mathutils import Vector  # noqa: E402

EXTENSION = "bl_ext.user_default.socialmirror"


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    importlib.import_module("addon_utils").enable(EXTENSION, default_set=True)
    product: Any = importlib.import_module(f"{EXTENSION}.socialmirror_blender.scene")
    fbx: Any = importlib.import_module(f"{EXTENSION}.socialmirror_blender.export.fbx")

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    collection = product.import_reconstruction(bpy.context, folder / "reconstruction", match_scene=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "demo.blend"))
    with quiet():
        written = fbx.export_fbx(bpy.context, collection, folder)
        written += fbx.export_fbx(bpy.context, collection, folder, together=True)
        render_pictures(bpy.context.scene, product, collection, folder / "pictures")
    for path in written:
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


@contextmanager
def quiet() -> Iterator[None]:
    """Blender prints a line for every picture and every exporter its timings; Python's own errors still come out after."""
    sys.stdout.flush()
    kept = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            for number, copy in zip((1, 2), kept):
                os.dup2(copy, number)
                os.close(copy)


def render_pictures(scene: Any, product: Any, collection: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _workbench(scene)
    clip_camera = scene.camera
    side_camera = bpy.data.objects.new("other side", bpy.data.cameras.new("other side"))
    scene.collection.objects.link(side_camera)
    floor = _floor(scene)
    first, last = scene.frame_start, scene.frame_end
    for number in range(PICTURES):
        frame = round(first + (number + 0.5) * (last - first) / PICTURES)
        scene.frame_set(frame)
        for name, camera, transparent in (("overlay", clip_camera, True), ("side", side_camera, False)):
            if camera is side_camera:
                _look_from_the_side(camera, clip_camera, _middle(product, collection))
            floor.hide_render = transparent
            scene.camera, scene.render.film_transparent = camera, transparent
            scene.render.filepath = str(folder / f"{name}_{frame - first:04d}.png")
            bpy.ops.render.render(write_still=True)


def _workbench(scene: Any) -> None:
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = _SIZE
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_mode = "RGBA"
    scene.view_settings.view_transform = "Standard"
    scene.display.render_aa = "FXAA"
    world: Any = bpy.data.worlds.new("picture")
    world.color = (0.55, 0.58, 0.62)
    scene.world = world
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "MATERIAL"
    shading.show_cavity, shading.show_shadows = True, True


def _middle(product: Any, collection: Any) -> Vector:
    roots = [product.rig_of(collection, person) for person in (0, 1)]
    heads = [rig.matrix_world @ rig.pose.bones["pelvis"].head for rig in roots]
    return (heads[0] + heads[1]) / 2


def _look_from_the_side(camera: Any, clip_camera: Any, target: Vector) -> None:
    """From two thirds around the people, at the clip camera's distance, a little from above."""
    away = clip_camera.matrix_world.translation - target
    angle = math.atan2(away.y, away.x) + math.radians(125)
    distance = min(max(away.xy.length, 2.5), 4.4)
    camera.location = target + Vector((math.cos(angle) * distance, math.sin(angle) * distance, 0.9))
    camera.rotation_euler = (target - camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.lens = clip_camera.data.lens


def _floor(scene: Any) -> Any:
    """A checked floor at z = 0, so that feet can be seen to stand on it."""
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
