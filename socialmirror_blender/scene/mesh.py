"""A person's skin: mesh, vertex groups and material, from `body.npz`."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...core.contract.reconstruction import BodyArrays
from ...core.contract.skeleton import JOINTS
from .. import compat
from .basis import UPRIGHT

REGION_ATTRIBUTE = "socialmirror_region"
"""Integer per vertex: index into `skeleton.REGIONS`, -1 for none."""

_SKINS = ((0.80, 0.42, 0.20), (0.16, 0.38, 0.72))


def build_skin(
    collection: bpy.types.Collection, name: str, body: BodyArrays, person: int, shift: np.ndarray, rig: bpy.types.Object
) -> bpy.types.Object:
    """The person's mesh, bound to `rig` and linked to `collection`. `shift` is `basis.rest_shift`."""
    mesh = build_mesh(name, body, body.rest_vertices[person] @ UPRIGHT.T + shift)
    mesh.materials.append(skin_material(name, person))
    skin = bpy.data.objects.new(name, mesh)
    collection.objects.link(skin)
    _weigh(skin, body.skin_joints, body.skin_weights)
    skin.parent = rig
    modifier: Any = skin.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    return skin


def build_mesh(name: str, body: BodyArrays, vertices: np.ndarray) -> bpy.types.Mesh:
    """A smooth mesh with UVs and regions. vertices [V,3] in armature axes, metres."""
    mesh = bpy.data.meshes.new(name)
    corners = body.faces.size
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    mesh.loops.add(corners)
    mesh.loops.foreach_set("vertex_index", body.faces.astype(np.int32).ravel())
    mesh.polygons.add(len(body.faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, corners, 3, dtype=np.int32))
    layer: Any = mesh.uv_layers.new(name="UVMap", do_init=False)
    layer.uv.foreach_set("vector", body.uv.astype(np.float32).ravel())
    regions: Any = mesh.attributes.new(REGION_ATTRIBUTE, "INT", "POINT")
    regions.data.foreach_set("value", body.vertex_region.astype(np.int32))
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    return mesh


def skin_material(name: str, person: int) -> bpy.types.Material:
    """Plain clay, orange for the first person and blue for the second, in Solid view and in renders."""
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*_SKINS[person], 1.0)
    material.roughness = 0.6
    shader = compat.shader(material)
    shader.inputs["Base Color"].default_value = (*_SKINS[person], 1.0)
    shader.inputs["Roughness"].default_value = 0.6
    return material


def _weigh(skin: bpy.types.Object, joints: np.ndarray, weights: np.ndarray) -> None:
    """One vertex group a joint; joints and weights are [V,8], zero weights are unused entries."""
    groups = [skin.vertex_groups.new(name=name) for name in JOINTS]
    for joint, group in enumerate(groups):
        vertices, entries = np.nonzero((joints == joint) & (weights > 0))
        values = weights[vertices, entries]
        whole = values >= 1
        if whole.any():
            group.add(vertices[whole].tolist(), 1.0, "REPLACE")
        add = group.add
        for vertex, weight in zip(vertices[~whole].tolist(), values[~whole].tolist()):
            add((vertex,), weight, "REPLACE")
