"""Builds a Blender scene of people in a room from arrays, for Workbench. Runs in Blender's Python: needs bpy and numpy only."""

from __future__ import annotations

import math
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from .room_mesh import room_mesh
from .rooms import ROOMS, Colour, Room

_LIGHT = (0.35, -0.75, 0.55)
"""From the right, from behind the camera."""
_EXPOSURE = 0.6
_AMBIENT = 0.16
"""Light from all sides, of 1, so that surfaces without direct light are not black."""


def build_scene(arrays: dict[str, np.ndarray]) -> bpy.types.Scene:
    """An empty file with room, people, camera and light; the arrays are those of `render_clip.py`."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    assert scene is not None
    room, room_world = ROOMS[int(arrays["room"])], np.asarray(arrays.get("room_world", np.eye(4)), float)
    _add_room(scene, room, room_world)
    for person in range(len(arrays["vertices"])):
        _add_person(scene, f"person{person}", arrays, person)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    width, height = (int(side) for side in arrays["image_size"])
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.frame_start, scene.frame_end = 0, arrays["vertices"].shape[1] - 1
    rate = float(arrays["rate"])
    scene.render.fps, scene.render.fps_base = math.ceil(rate), math.ceil(rate) / rate
    light = room_world[:3, :3] @ np.asarray(arrays.get("light", _LIGHT), float)
    _set_shading(scene, room.sky, light, float(arrays.get("exposure", _EXPOSURE)))
    if arrays.get("overcast", False):
        scene.display.shading.show_shadows = scene.display.shading.show_cavity = False
    if "light" in arrays:
        _set_studio_light(np.asarray(arrays["camera_world"][0], float)[:3, :3] @ light)
    return scene


def show_frame(scene: bpy.types.Scene, arrays: dict[str, np.ndarray], frame: int) -> None:
    """Move people and camera to their positions in a frame."""
    for person, vertices in enumerate(arrays["vertices"][:, frame]):
        mesh = scene.objects[f"person{person}"].data
        assert isinstance(mesh, bpy.types.Mesh)
        mesh.vertices.foreach_set("co", np.ascontiguousarray(vertices, np.float32).ravel())
        mesh.update()
    _place_camera(scene, arrays["camera_K"][frame], arrays["camera_world"][frame])


def show_only(scene: bpy.types.Scene, person: int) -> None:
    """Hide all people except one."""
    for item in scene.objects:
        if item.name.startswith("person"):
            item.hide_render = item.name != f"person{person}"


def _place_camera(scene: bpy.types.Scene, K: np.ndarray, T_cw: np.ndarray) -> None:
    camera = scene.camera
    assert camera is not None and isinstance(camera.data, bpy.types.Camera)
    width, height = scene.render.resolution_x, scene.render.resolution_y
    longer = max(width, height)
    camera.data.sensor_fit = "AUTO"
    camera.data.sensor_width = 36.0
    camera.data.lens = float(K[0, 0]) * 36.0 / longer
    camera.data.shift_x = (width / 2 - float(K[0, 2])) / longer
    camera.data.shift_y = (float(K[1, 2]) - height / 2) / longer
    flip = np.diag([1.0, -1.0, -1.0, 1.0])  # Blender's cameras look along -Z with Y up
    camera.matrix_world = Matrix((np.linalg.inv(np.asarray(T_cw, float)) @ flip).tolist())


def _add_person(scene: bpy.types.Scene, name: str, arrays: dict[str, np.ndarray], person: int) -> None:
    faces = arrays["faces"]
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(arrays["vertices"][person, 0].tolist(), [], faces.tolist())
    if "textures" in arrays:
        mesh.materials.append(_textured_material(name, arrays["textures"][person]))
        layer: Any = mesh.uv_layers.new()
        layer.uv.foreach_set("vector", arrays["uv"].astype(np.float32).ravel())
    else:
        for index, (red, green, blue) in enumerate(arrays["colours"][person].tolist()):
            mesh.materials.append(_material(f"{name} {index}", (red, green, blue)))
        mesh.polygons.foreach_set("material_index", arrays["materials"][person].astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    scene.collection.objects.link(bpy.data.objects.new(name, mesh))


def _add_room(scene: bpy.types.Scene, room: Room, room_world: np.ndarray) -> None:
    """The room casts no shadow, because the light comes through its walls."""
    made = room_mesh(room)
    vertices = made.vertices @ room_world[:3, :3].T + room_world[:3, 3]
    mesh = bpy.data.meshes.new("room")
    mesh.from_pydata(vertices.tolist(), [], made.faces)
    for colour in made.colours:
        mesh.materials.append(_material("room", colour))
    mesh.polygons.foreach_set("material_index", np.array(made.face_colours, np.int32))
    mesh.polygons.foreach_set("use_smooth", np.array(made.is_smooth))
    item = bpy.data.objects.new("room", mesh)
    item.display.show_shadows = False
    scene.collection.objects.link(item)


def _material(name: str, colour: Colour) -> Any:
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*colour, 1.0)
    material.roughness = 0.8
    material.specular_intensity = 0.15
    return material


def _textured_material(name: str, texture: np.ndarray) -> Any:
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
    nodes.active = node  # Workbench shows the active texture
    return material


def _set_shading(scene: Any, sky: Colour, light: np.ndarray, exposure: float) -> None:
    """`light` [3] is the direction in the world that light comes from."""
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.exposure = exposure
    display = scene.display
    display.render_aa = "FXAA"
    # in Workbench's axes: y up, z backwards
    display.light_direction = (float(light[0]), float(light[2]), float(-light[1]))
    scene.world = bpy.data.worlds.new("sky")
    scene.world.color = sky
    shading = display.shading
    shading.light = "STUDIO"
    shading.color_type = "TEXTURE"  # the material's colour if it has no texture
    shading.show_shadows = True
    shading.shadow_intensity = 0.4
    shading.show_cavity = True
    shading.cavity_type = "BOTH"


def _set_studio_light(light_incam: np.ndarray) -> None:
    """Shade by a light of our own [3] (camera axes), because Workbench's light is fixed to the camera."""
    preferences: Any = bpy.context.preferences
    preferences.system.use_studio_light_edit = True
    preferences.system.light_ambient = (_AMBIENT, _AMBIENT, _AMBIENT)
    lamp = preferences.system.solid_lights[1]
    lamp.direction = (float(light_incam[0]), float(-light_incam[1]), float(-light_incam[2]))
