"""Where on the two skins a contact is: a vertex of each person, given by the animator or nearest to the other side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import bmesh
import bpy
import numpy as np

from ...core.contract.contact import Contact
from ...core.contract.skeleton import REGIONS
from .actions import read_channels, take_channelbag
from .armature import read_rest_pose
from .names import REGION_ATTRIBUTE, rig_role, skin_role
from .objects import object_with_role
from .pose_conversion import skinning_matrices
from .rest_pose import BONES
from .skin_weights import read_vertex_weights

Side = Literal["a", "b"]
Patch = tuple[np.ndarray, np.ndarray]
"""Vertices of a piece of skin, int [n], and their positions in the world, [n,3]."""


def sides_of(contact: Contact) -> list[tuple[Side, int, str, int | None]]:
    """Name, person, region and given vertex of each side that lies on a skin: two, or one for a contact with the ground."""
    sides: list[tuple[Side, int, str, int | None]] = [("a", contact.person_a, contact.region_a, contact.vertex_a)]
    if isinstance(contact.person_b, int):
        sides.append(("b", contact.person_b, contact.region_b, contact.vertex_b))
    return sides


class PosedSkins:
    """The skins of a reconstruction in the poses that the armatures' actions say; what was read of the meshes is kept.

    It holds no datablock but the collection. Meshes and weights are to stay as they are, and once an anchor was asked for,
    the motion is, too.
    """

    def __init__(self, collection: bpy.types.Collection) -> None:
        self._collection = collection
        self._regions: dict[int, np.ndarray | None] = {}
        self._patches: dict[tuple[int, str, int | None], _RestPatch] = {}
        self._posed_patches: dict[tuple[int, str, int | None, int], Patch] = {}
        self._matrices: dict[tuple[int, int], np.ndarray] = {}

    def read(self, contact: Contact) -> None:
        """Read of the meshes what the anchors of a contact need in any pose. A skin that is missing may be made later."""
        for _, person, region, vertex in sides_of(contact):
            if object_with_role(self._collection, skin_role(person)) is not None:
                self._patch(person, region, vertex)

    def anchor_vertices(self, contact: Contact, scene_frame: int) -> list[int] | None:
        """The vertex of each side, in the pose of a scene frame.

        None if a side has no place: the animator deleted or replaced a skin or its armature, or unlinked the armature's action.
        """
        patches = [self._posed(*side[1:], scene_frame) for side in sides_of(contact)]
        return None if any(len(vertices) == 0 for vertices, _ in patches) else nearest_vertices(patches)

    def _posed(self, person: int, region: str, vertex: int | None, scene_frame: int) -> Patch:
        """A region, or the vertex that is given in its place, in the pose of the armature's action at a scene frame."""
        key = (person, region, vertex, scene_frame)
        if key not in self._posed_patches:
            self._posed_patches[key] = self._pose(*key)
        return self._posed_patches[key]

    def _pose(self, person: int, region: str, vertex: int | None, scene_frame: int) -> Patch:
        rig, skin = (object_with_role(self._collection, role(person)) for role in (rig_role, skin_role))
        if rig is None or skin is None or take_channelbag(rig) is None:
            return np.zeros(0, dtype=int), np.zeros((0, 3))
        if (person, scene_frame) not in self._matrices:
            channels = read_channels(rig, np.array([scene_frame]))
            self._matrices[person, scene_frame] = skinning_matrices(channels, read_rest_pose(rig))[0]
        patch = self._patch(person, region, vertex)
        blended = patch.weights @ self._matrices[person, scene_frame][:, :3].reshape(len(BONES), -1)
        return patch.vertices, (blended.reshape(-1, 3, 4) * patch.points[:, None]).sum(-1)

    def _patch(self, person: int, region: str, vertex: int | None) -> _RestPatch:
        key = (person, region, vertex)
        if key not in self._patches:
            self._patches[key] = self._read_patch(*key)
        return self._patches[key]

    def _read_patch(self, person: int, region: str, vertex: int | None) -> _RestPatch:
        skin = object_with_role(self._collection, skin_role(person))
        if skin is None or skin.type != "MESH":
            return _RestPatch(np.zeros(0, dtype=int), np.zeros((0, 4)), np.zeros((0, len(BONES))))
        mesh: Any = skin.data
        if person not in self._regions:
            self._regions[person] = vertex_regions(mesh)
        regions = self._regions[person]
        if regions is None:
            vertices = np.zeros(0, dtype=int)
        elif vertex is not None and vertex < len(regions):
            vertices = np.array([vertex])
        else:
            vertices = np.flatnonzero(regions == REGIONS.index(region))
        chosen = vertices.tolist()
        weights, points = np.zeros((len(vertices), len(BONES))), np.ones((len(vertices), 4))
        entries = read_vertex_weights(skin, {bone: number for number, bone in enumerate(BONES)}, chosen)
        for row, index in enumerate(chosen):
            points[row, :3] = mesh.vertices[index].co
            for bone, weight in entries[row]:
                weights[row, bone] = weight
        return _RestPatch(vertices, points, weights)


@dataclass(frozen=True)
class _RestPatch:
    vertices: np.ndarray
    """int [n]"""
    points: np.ndarray
    """[n,4] homogeneous, in the armature's rest pose."""
    weights: np.ndarray
    """[n,56] of the bones."""


def nearest_vertices(patches: list[Patch]) -> list[int]:
    """For each of one or two patches of skin, its vertex nearest to the other patch; the lowest vertex of a single patch."""
    if len(patches) == 1:
        vertices, positions_inworld = patches[0]
        return [int(vertices[positions_inworld[:, 2].argmin()])]
    (vertices_a, positions_a), (vertices_b, positions_b) = patches
    middle = positions_a.mean(0)  # near it, 32 bits are exact enough
    near_a, near_b = ((positions - middle).astype(np.float32) for positions in (positions_a, positions_b))
    squared = (near_a**2).sum(-1)[:, None] + (near_b**2).sum(-1) - 2 * near_a @ near_b.T
    a, b = divmod(int(squared.argmin()), len(vertices_b))
    return [int(vertices_a[a]), int(vertices_b[b])]


def moved_to(contact: Contact, side: Side, vertex: int, region: str) -> Contact:
    """The contact with one side at another vertex, which lies in `region`: the animator's, made in any case."""
    moved = {f"vertex_{side}": vertex, f"region_{side}": region}
    return replace(contact, **moved, source="user", state="enforced", distance=None, reached=None, probability=None)


def nearest_skin_vertex(skin: bpy.types.Object, point_inworld: np.ndarray) -> tuple[int, str] | None:
    """The vertex of a skin, as it is deformed now, nearest to a point, with its region; None for a mesh without regions."""
    regions = vertex_regions(skin.data)
    if regions is None:
        return None
    evaluated: Any = skin.evaluated_get(bpy.context.evaluated_depsgraph_get())
    vertices = evaluated.data.vertices
    if len(vertices) != len(regions):
        return None  # a modifier of the animator has added vertices: their numbers mean nothing
    positions = np.empty(3 * len(vertices), np.float32)
    vertices.foreach_get("co", positions)
    matrix = np.array(evaluated.matrix_world)
    positions_inworld = positions.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    distances: np.ndarray = np.where(regions >= 0, np.linalg.norm(positions_inworld - point_inworld, axis=1), np.inf)
    vertex = int(distances.argmin())
    return vertex, REGIONS[int(regions[vertex])]


def selected_vertex(mesh: Any) -> int | None:
    """The vertex that a selection in edit mode means: the active one, else the one nearest to the middle of the selected ones."""
    edited: Any = bmesh.from_edit_mesh(mesh)
    active = edited.select_history.active
    if isinstance(active, bmesh.types.BMVert) and active.select:
        return active.index
    selected = [vertex for vertex in edited.verts if vertex.select]
    if not selected:
        return None
    positions = np.array([tuple(vertex.co) for vertex in selected])
    nearest = np.linalg.norm(positions - positions.mean(0), axis=1).argmin()
    return selected[int(nearest)].index


def vertex_regions(mesh: Any) -> np.ndarray | None:
    """Index into REGIONS of each vertex, int [V], -1 for none; None for a mesh that is not a skin of ours."""
    attribute = mesh.attributes.get(REGION_ATTRIBUTE)
    if attribute is None:
        return None
    if mesh.is_editmode:  # then the mesh's own arrays are empty
        edited: Any = bmesh.from_edit_mesh(mesh)
        layer = edited.verts.layers.int[REGION_ATTRIBUTE]
        return np.array([vertex[layer] for vertex in edited.verts], np.int32)
    regions = np.empty(len(mesh.vertices), dtype=np.int32)
    attribute.data.foreach_get("value", regions)
    return regions
