"""A person's skin: the mesh object of `body.npz` with UVs, regions, vertex groups and a material."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import BodyArrays
from ...core.contract.rotations import Y_UP_TO_Z_UP
from ...core.contract.skeleton import JOINTS
from .. import compat
from .colors import PERSON_COLORS
from .names import REGION_ATTRIBUTE


def build_skin(
    collection: bpy.types.Collection,
    name: str,
    body: BodyArrays,
    person: int,
    offset: np.ndarray,
    rig: bpy.types.Object,
    like: bpy.types.Mesh | None = None,
) -> bpy.types.Object:
    """The person's mesh object, deformed by `rig` and linked to `collection`. `offset` is of `rest_pose.rest_offset`.

    `like` is the mesh that this function has just made of the same body for the other person; copying it saves time.
    UserError `damaged` if the arrays do not fit together.
    """
    check_indices(body)
    vertices = body.rest_vertices[person] @ Y_UP_TO_Z_UP.T + offset
    mesh = build_mesh(name, body, vertices) if like is None else _copy_mesh(like, name, vertices)
    mesh.materials.append(_make_material(name, person))
    skin = bpy.data.objects.new(name, mesh)
    collection.objects.link(skin)
    if like is None:
        _make_vertex_groups(skin, body.skin_joints, body.skin_weights)
    skin.parent = rig
    modifier: Any = skin.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    return skin


def check_indices(body: BodyArrays) -> None:
    """UserError `damaged` if the body has indices out of bounds or arrays of other lengths, whatever the reader let through.

    Blender believes what `foreach_set` gives it: a wrong index writes outside of its memory and ends it.
    """
    vertices = len(body.skin_weights)
    sizes = {
        "faces": (body.faces, (len(body.faces), 3)),
        "uv": (body.uv, (len(body.faces), 3, 2)),
        "rest_vertices": (body.rest_vertices, (len(body.rest_vertices), vertices, 3)),
        "vertex_region": (body.vertex_region, (vertices,)),
        "skin_joints": (body.skin_joints, body.skin_weights.shape),
    }
    wrong = [name for name, (array, shape) in sizes.items() if array.shape != shape]
    for name, array, end in (("faces", body.faces, vertices), ("skin_joints", body.skin_joints, len(JOINTS))):
        if name not in wrong and array.size and (array.min() < 0 or array.max() >= end):
            wrong.append(name)
    wrong += [name for name in ("uv", "rest_vertices", "skin_weights") if not np.isfinite(getattr(body, name)).all()]
    if wrong:
        raise UserError(
            "damaged",
            f"The reconstruction is damaged: its body has {wrong[0]} that cannot be used.",
            "Reconstruct the clip again.",
        )


def build_mesh(name: str, body: BodyArrays, vertices_inarmature: np.ndarray) -> bpy.types.Mesh:
    """A smooth mesh with UVs and regions at vertices [V,3], of a body that passed `check_indices`."""
    mesh: Any = bpy.data.meshes.new(name)
    corners = body.faces.size
    mesh.vertices.add(len(vertices_inarmature))
    mesh.vertices.foreach_set("co", vertices_inarmature.astype(np.float32).ravel())
    mesh.loops.add(corners)
    mesh.loops.foreach_set("vertex_index", body.faces.astype(np.int32).ravel())
    mesh.polygons.add(len(body.faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, corners, 3, dtype=np.int32))
    layer: Any = mesh.uv_layers.new(name="UVMap", do_init=False)
    layer.uv.foreach_set("vector", body.uv.astype(np.float32).ravel())
    regions: Any = mesh.attributes.new(REGION_ATTRIBUTE, "INT", "POINT")
    regions.data.foreach_set("value", body.vertex_region.astype(np.int32))
    mesh.validate()
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    return mesh


def _make_material(name: str, person: int) -> bpy.types.Material:
    """A plain material in the person's colour, for Solid shading and for renders."""
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*PERSON_COLORS[person], 1.0)
    material.roughness = 0.6
    shader = compat.principled_bsdf(material)
    shader.inputs["Base Color"].default_value = (*PERSON_COLORS[person], 1.0)
    shader.inputs["Roughness"].default_value = 0.6
    return material


def _copy_mesh(like: bpy.types.Mesh, name: str, vertices_inarmature: np.ndarray) -> bpy.types.Mesh:
    """A mesh with other vertices [V,3] and without materials; the vertex groups come along."""
    mesh: Any = like.copy()
    mesh.name = name
    mesh.materials.clear()
    mesh.vertices.foreach_set("co", vertices_inarmature.astype(np.float32).ravel())
    mesh.update()
    return mesh


def _make_vertex_groups(skin: bpy.types.Object, joints: np.ndarray, weights: np.ndarray) -> None:
    """One vertex group for every joint. joints and weights are [V,8]; entries of weight zero are unused."""
    groups = [skin.vertex_groups.new(name=name) for name in JOINTS]
    vertices, entries = np.nonzero(weights > 0)
    joints, weights = joints[vertices, entries], weights[vertices, entries]
    order = np.argsort(joints, kind="stable")
    starts = np.searchsorted(joints[order], np.arange(len(groups) + 1))
    for group, start, end in zip(groups, starts[:-1].tolist(), starts[1:].tolist()):
        rows = order[start:end]
        rigid = weights[rows] >= 1
        if rigid.any():
            group.add(vertices[rows[rigid]].tolist(), 1.0, "REPLACE")
        for vertex, weight in zip(vertices[rows[~rigid]].tolist(), weights[rows[~rigid]].tolist()):
            group.add((vertex,), weight, "REPLACE")
