"""Reads a person's skin as the scene shows it: shape keys and modifiers applied in the rest pose, weights, and materials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from mathutils.kdtree import KDTree

from ...core.contract.rotations import Y_UP_TO_Z_UP
from ...core.export.animation import Material, Skin
from ..scene.confidence_overlay import remove_overlay
from ..scene.rest_pose import BONES
from ..scene.skin_weights import read_vertex_weights
from .textures import read_material

Weights = list[list[tuple[int, float]]]
"""For each vertex numbers of bones, as in BONES, and weights."""


def read_skin(scene: bpy.types.Scene, rig: bpy.types.Object, skin: bpy.types.Object) -> Skin:
    """The mesh in the rest pose as shape keys and modifiers shape it, with the weights that the animator may have painted.

    `scene` is a temporary one, in the frame whose shape is wanted. The shape keys have the values that they have now.
    """
    copy = copy_skin(skin)
    keys = copy.data.shape_keys
    if keys is not None:
        keys.animation_data_clear()
    for modifier in copy.modifiers:
        if is_of_rig(modifier, rig):
            modifier.show_viewport = False
    copy.constraints.clear()
    copy.parent = None
    copy.matrix_world = skin.matrix_world
    copy.hide_viewport = False
    scene.collection.objects.link(copy)
    layer: Any = scene.view_layers[0]
    layer.update()
    evaluated: Any = copy.evaluated_get(layer.depsgraph)
    shaped = _read(evaluated, copy, np.array(rig.matrix_world.inverted() @ skin.matrix_world))
    bpy.data.objects.remove(copy)
    return shaped


def copy_skin(skin: bpy.types.Object) -> Any:
    """A copy with its own mesh, without the object's animation and without the colours of *Show Confidence*.

    It has what was edited so far if the skin is in Edit Mode, where Blender gives no data of faces.
    """
    if skin.mode == "EDIT":
        skin.update_from_editmode()
    copy: Any = skin.copy()
    copy.data = copy.data.copy()
    remove_overlay(copy.data)
    copy.animation_data_clear()
    return copy


def is_of_rig(modifier: Any, rig: bpy.types.Object) -> bool:
    """Whether a modifier lets an armature deform the mesh."""
    return modifier.type == "ARMATURE" and modifier.object == rig


def read_weights(skin: bpy.types.Object) -> tuple[np.ndarray, np.ndarray]:
    """Bones (int, indices of BONES) and weights of the vertices, both [V,K]; groups of no bone are left out."""
    return _padded(_entries(skin))


def uv_layer_of(mesh: Any) -> Any | None:
    """The UV map that a file gets: the one for rendering, which image textures use."""
    return next((layer for layer in mesh.uv_layers if layer.active_render), mesh.uv_layers.active)


def _read(evaluated: Any, base: Any, to_armature: np.ndarray) -> Skin:
    """`base` is the object before modifiers, with whose weights those vertices go that have lost theirs."""
    mesh = evaluated.data
    mesh.calc_loop_triangles()
    triangles = mesh.loop_triangles
    local = _points(mesh)
    vertices = local @ to_armature[:3, :3].T + to_armature[:3, 3]
    loops, faces = np.empty(3 * len(triangles), np.int32), np.empty(len(triangles), np.int32)
    triangles.foreach_get("loops", loops)
    triangles.foreach_get("polygon_index", faces)
    corners, slots = np.empty(len(mesh.loops), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("material_index", slots)
    uv = np.zeros((len(mesh.loops), 2), np.float32)
    layer = uv_layer_of(mesh)
    if layer is not None:
        layer.uv.foreach_get("vector", flat := uv.ravel())
        uv = flat.reshape(-1, 2)
    materials = _materials(evaluated, "" if layer is None else layer.name)
    return Skin(
        vertices @ Y_UP_TO_Z_UP,
        corners[loops].reshape(-1, 3),
        uv[loops].reshape(-1, 3, 2),
        *_padded(_with_lost(_entries(evaluated), local, base)),
        materials,
        np.clip(slots[faces], 0, len(materials) - 1),
    )


def _points(mesh: Any) -> np.ndarray:
    points = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3)


def _entries(skin: Any) -> Weights:
    return read_vertex_weights(skin, {bone: number for number, bone in enumerate(BONES)})


def _padded(entries: Sequence[Sequence[tuple[int, float]]]) -> tuple[np.ndarray, np.ndarray]:
    most = max((len(each) for each in entries), default=0)
    bones, weights = np.zeros((len(entries), max(most, 1)), int), np.zeros((len(entries), max(most, 1)))
    for row, each in enumerate(entries):
        for column, (bone, weight) in enumerate(each):
            bones[row, column], weights[row, column] = bone, weight
    return bones, weights


def _with_lost(entries: Weights, points: np.ndarray, base: Any) -> Weights:
    """The weights, and those of the nearest vertex of the base mesh for vertices that modifiers made without any."""
    before = _entries(base)
    if sum(not each for each in entries) <= sum(not each for each in before):
        return entries
    weighted = [row for row, each in enumerate(before) if each]
    tree: Any = KDTree(len(weighted))
    for row in weighted:
        tree.insert(base.data.vertices[row].co, row)
    tree.balance()
    return [each or before[tree.find(point)[1]] for each, point in zip(entries, points.tolist())]


def _materials(evaluated: Any, uv_layer: str) -> tuple[Material, ...]:
    """Of all slots; at least one."""
    slots = [slot.material for slot in evaluated.material_slots]
    slots += list(evaluated.data.materials)[len(slots) :]  # modifiers may add some
    return tuple(read_material(each.original if each is not None else None, uv_layer) for each in slots or [None])
