"""Reads what retargeting needs from the scene: the people as they move, and target armatures with their meshes at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import bpy
import numpy as np

from ....core.contract.skeleton import JOINT_INDEX, JOINTS
from ...scene.armature import read_rest_pose
from ...scene.evaluated_poses import evaluated_poses, evaluation_scene
from ...scene.names import REGION_ATTRIBUTE
from ...scene.objects import rig_of
from ...scene.rest_pose import BONES
from ...scene.skin_weights import read_vertex_weights
from .anchors import Skin, concatenate_skins, joints_of_bones
from .bone_maps import ResolvedMap
from .rest import SIDES, RestCharacter, make_rest_character, present_parents
from .transfer import SourceMotion

_SOLE_HEIGHT = 0.03
"""Part of the body's size above the lowest point of a foot in which its sole is looked for."""
_SOLE_SLOPES = (0.0, -0.6, -2.0)
"""Slopes of the directions in which the outermost points of a sole are found, all around."""
_SOLE_DIRECTIONS = 24


@dataclass(frozen=True)
class DeformWeights:
    """The weights of a mesh's vertices on the bones that deform it. V vertices, K weights a vertex."""

    bones: tuple[str, ...]
    indices: np.ndarray
    """int [V,K] into `bones`."""
    weights: np.ndarray
    """[V,K]; rows sum to 1."""


@dataclass(frozen=True)
class Target:
    """A target armature at rest."""

    rig: bpy.types.Object
    placed: np.ndarray
    """[4,4] of its object in the world, where it is at rest. In other frames a parent or a constraint may carry it elsewhere."""
    bones: ResolvedMap
    rest: RestCharacter
    skin: Skin | None
    deform: DeformWeights | None
    """Of the vertices of `skin`, in the same order."""


def read_people(
    scene: bpy.types.Scene, collection: bpy.types.Collection, persons: Sequence[int], frames: np.ndarray
) -> list[SourceMotion]:
    """The people in scene frames [T], with all that animates them: layers, constraints, the placement of the object."""
    rigs = [rig_of(collection, person) for person in persons]
    with evaluation_scene(rigs, (scene.render.fps, scene.render.fps_base)) as temporary:
        places, poses = evaluated_poses(temporary, rigs, BONES, frames.tolist())
    poses = places[:, :, None] @ poses
    motions = []
    for number, rig in enumerate(rigs):
        rest = read_rest_pose(rig)
        rotations = _orthonormal(poses[number, :, 1:, :3, :3]) @ rest.axes_inarmature[1:].transpose(0, 2, 1)
        present = np.ones(len(JOINTS), dtype=bool)
        nothing = np.zeros((0, 3))
        character = RestCharacter(
            rest.heads_inarmature[1:], present, present_parents(present), (nothing, nothing), np.eye(4)
        )
        motions.append(SourceMotion(character, rotations, poses[number, :, 1:, :3, 3]))
    return motions


def read_person_skin(skin: bpy.types.Object) -> Skin:
    """A person's skin in the axes of the armature, with the regions of its vertices (-1 where the mesh has none)."""
    mesh: Any = skin.data
    weights = _read_weights(skin, JOINTS)
    regions = np.full(len(mesh.vertices), -1, dtype=np.int32)
    attribute = mesh.attributes.get(REGION_ATTRIBUTE)
    if attribute is not None and len(attribute.data) == len(regions):
        attribute.data.foreach_get("value", regions)
    dense = np.zeros((len(regions), len(JOINTS)))
    for column in range(weights.indices.shape[1]):
        joints = np.array([JOINT_INDEX[name] for name in weights.bones])[weights.indices[:, column]]
        np.add.at(dense, (np.arange(len(dense)), joints), weights.weights[:, column])
    local = np.array(cast("Any", skin.matrix_local))
    return Skin(_transformed(_coordinates(mesh), local), dense, regions, _turned(_normals(mesh), local))


def read_target(rig: bpy.types.Object, bones: ResolvedMap) -> Target:
    """UserError `not-upright`."""
    data: Any = rig.data
    placed = np.array(rig.matrix_world)
    heads = {
        joint: _transformed(np.array(data.bones[bone].head_local)[None], placed)[0]
        for joint, bone in bones.bones.items()
    }
    bare = make_rest_character(heads, {}, rig.name)
    meshes = _meshes_of(rig)
    deforming = sorted({group.name for mesh in meshes for group in mesh.vertex_groups if group.name in data.bones})
    if not deforming:
        return Target(rig, placed, bones, bare, None, None)
    middles = np.array([(data.bones[name].head_local + data.bones[name].tail_local) / 2 for name in deforming])
    to_canonical = np.linalg.inv(bare.T_wc)
    joints = joints_of_bones(bare, _transformed(middles, to_canonical @ placed))
    joint_of = dict(zip(deforming, joints.tolist()))
    skins, tables, places = [], [], []
    for mesh in meshes:
        table = _read_weights(mesh, deforming)
        vertices = _transformed(_coordinates(mesh.data), np.array(mesh.matrix_world))
        weighted = table.weights.sum(-1) > 0
        table = DeformWeights(table.bones, table.indices[weighted], table.weights[weighted])
        tables.append(table)
        places.append(vertices[weighted])
        dense = np.zeros((len(places[-1]), len(JOINTS)), dtype=np.float32)
        of_bone = np.array([joint_of[name] for name in table.bones])
        for column in range(table.indices.shape[1]):
            np.add.at(dense, (np.arange(len(dense)), of_bone[table.indices[:, column]]), table.weights[:, column])
        normals = _turned(_normals(mesh.data)[weighted], np.array(mesh.matrix_world))
        skins.append(Skin(places[-1], dense, np.full(len(dense), -1), normals))
    world_skin = concatenate_skins(skins)
    assert world_skin is not None
    rest = make_rest_character(heads, _sole_points(world_skin, bare), rig.name)
    to_canonical = np.linalg.inv(rest.T_wc)
    skin = replace(
        world_skin,
        vertices=_transformed(world_skin.vertices, to_canonical),
        normals=_turned(world_skin.normals, to_canonical),
    )
    return Target(rig, placed, bones, rest, skin, _joined(tables))


def bone_matrix_inworld(target: Target, bone: str) -> np.ndarray:
    """[4,4] of a bone at rest, with the scale of the object."""
    data: Any = target.rig.data
    return target.placed @ np.array(data.bones[bone].matrix_local)


def bone_axes_inworld(target: Target, bone: str) -> np.ndarray:
    """[3,3] rotation of a bone at rest."""
    return _orthonormal(bone_matrix_inworld(target, bone)[:3, :3])


def _sole_axes() -> np.ndarray:
    """[3,n] directions in which a foot may touch the floor when it is tilted."""
    angles = np.linspace(0, 2 * np.pi, _SOLE_DIRECTIONS, endpoint=False)
    axes = [(np.cos(angle), np.sin(angle), slope) for angle in angles for slope in _SOLE_SLOPES]
    return np.array(axes).T


_SOLE_AXES = _sole_axes()


def _sole_points(skin: Skin, bare: RestCharacter) -> dict[str, np.ndarray]:
    """World positions [n,3] of points of the soles: the outermost vertices near the floor, in all directions."""
    strongest = skin.weights.argmax(-1)
    points: dict[str, np.ndarray] = {}
    for side in SIDES:
        feet = [JOINT_INDEX[f"{side}_ankle"], JOINT_INDEX[f"{side}_foot"]]
        foot = skin.vertices[np.isin(strongest, feet)]
        if len(foot):
            near_floor = foot[foot[:, 2] < foot[:, 2].min() + _SOLE_HEIGHT * bare.size]
            outermost = (near_floor @ _SOLE_AXES).argmax(0)
            points[side] = near_floor[np.unique([*outermost, near_floor[:, 2].argmin()])]
    return points


def _meshes_of(rig: bpy.types.Object) -> list[Any]:
    """The mesh objects that an armature deforms."""
    found: list[Any] = []
    item: Any
    for item in bpy.data.objects:
        if item.type != "MESH":
            continue
        modified = any(each.type == "ARMATURE" and each.object == rig for each in item.modifiers)
        if modified or (item.parent == rig and item.parent_type == "ARMATURE"):
            found.append(item)
    return found


def _read_weights(mesh_object: Any, names: Sequence[str]) -> DeformWeights:
    """At most eight weights a vertex, of the vertex groups with these names."""
    entries = read_vertex_weights(mesh_object, {name: number for number, name in enumerate(names)})
    indices, weights = np.zeros((len(entries), 8), dtype=np.int32), np.zeros((len(entries), 8))
    for row, each in enumerate(entries):
        largest = sorted(each, key=lambda entry: -entry[1])[:8] if len(each) > 8 else each
        for column, (bone, weight) in enumerate(largest):
            indices[row, column], weights[row, column] = bone, weight
    total = weights.sum(-1, keepdims=True)
    return DeformWeights(tuple(names), indices, np.divide(weights, total, out=np.zeros_like(weights), where=total > 0))


def _joined(tables: Sequence[DeformWeights]) -> DeformWeights:
    """The tables of several meshes with the same bones."""
    return DeformWeights(
        tables[0].bones,
        np.concatenate([table.indices for table in tables]),
        np.concatenate([table.weights for table in tables]),
    )


def _coordinates(mesh: Any) -> np.ndarray:
    points = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertices.foreach_get("co", points)
    return points.reshape(-1, 3).astype(np.float64)


def _normals(mesh: Any) -> np.ndarray:
    """[V,3] of the vertices."""
    normals = np.empty(3 * len(mesh.vertices), dtype=np.float32)
    mesh.vertex_normals.foreach_get("vector", normals)
    return normals.reshape(-1, 3).astype(np.float64)


def _turned(normals: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Unit normals [V,3] of a surface that is transformed by a matrix [4,4], also one that scales unevenly."""
    turned = normals @ np.linalg.inv(matrix[:3, :3])
    return turned / np.maximum(np.linalg.norm(turned, axis=-1, keepdims=True), 1e-12)


def _transformed(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:3, :3].T + matrix[:3, 3]


def _orthonormal(matrices: np.ndarray) -> np.ndarray:
    """Rotations [...,3,3] of matrices with a scale."""
    y = matrices[..., :, 1] / np.linalg.norm(matrices[..., :, 1], axis=-1, keepdims=True)
    z = np.cross(matrices[..., :, 0], y)
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    return np.stack([np.cross(y, z), y, z], -1)
