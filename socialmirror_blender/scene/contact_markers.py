"""Markers of contacts in the viewport: small spheres on both skins that are visible during the contact.

A marker is parented to three vertices of the skin, so it follows the deformed mesh. It lies at the vertex that is nearest to the
other person's region in the middle of the contact, for a contact with the ground at the lowest vertex. Its colour shows the
contact's state; a rejected contact has no markers.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...core.contract.contact import Contact
from ...core.contract.skeleton import REGIONS
from .. import compat
from .actions import read_channels
from .armature import read_rest_pose
from .colors import CONTACT_COLORS
from .contact_list import read_contacts
from .fcurves import write_fcurves
from .names import MARKER_ROLE_PREFIX, REGION_ATTRIBUTE, marker_role
from .objects import rig_of, role_of, set_role, skin_of
from .pose_conversion import skinning_matrices
from .rest_pose import BONES
from .state import read_state

_RADIUS = 0.02
_SEGMENTS, _RINGS = 12, 7


def sync_markers(collection: bpy.types.Collection) -> None:
    """Make the markers match the list of contacts and the motion. To be called after either has changed."""
    remove_markers(collection)
    for contact in read_contacts(collection):
        if contact.active():
            _add_markers(collection, contact)


def remove_markers(collection: bpy.types.Collection) -> None:
    markers: list[Any] = [item for item in collection.objects if role_of(item).startswith(MARKER_ROLE_PREFIX)]
    actions = {item.animation_data.action for item in markers if item.animation_data and item.animation_data.action}
    bpy.data.batch_remove([*markers, *actions])


def contact_scene_frames(collection: bpy.types.Collection, contact: Contact) -> tuple[int, int]:
    """First and last scene frame of a contact."""
    first, last = read_state(collection).timing.to_scene_frames([contact.frame_start, contact.frame_end]).tolist()
    return first, last


def nearest_vertices(patches: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """For each of one or two patches of skin, its vertex nearest to the other patch; the lowest vertex of a single patch.

    A patch is the indices of its vertices, int [n], with their positions in the world, [n,3].
    """
    if len(patches) == 1:
        vertices, positions_inworld = patches[0]
        return [int(vertices[positions_inworld[:, 2].argmin()])]
    (vertices_a, positions_a), (vertices_b, positions_b) = patches
    distances = np.linalg.norm(positions_a[:, None] - positions_b[None], axis=-1)
    a, b = divmod(int(distances.argmin()), len(vertices_b))
    return [int(vertices_a[a]), int(vertices_b[b])]


def _add_markers(collection: bpy.types.Collection, contact: Contact) -> None:
    first, last = contact_scene_frames(collection, contact)
    sides = [("a", contact.person_a, contact.region_a)]
    if isinstance(contact.person_b, int):
        sides.append(("b", contact.person_b, contact.region_b))
    skins = [skin_of(collection, person) for _, person, _ in sides]
    patches = [_posed_region(collection, person, region, (first + last) // 2) for _, person, region in sides]
    if any(len(vertices) == 0 for vertices, _ in patches):
        return  # the animator replaced the mesh by one without this region
    action = bpy.data.actions.new(f"Contact {contact.region_a} {contact.region_b}")
    slot, channelbag = compat.new_channelbag(action, "Handles")
    frames, hidden = np.array([first - 1, first, last + 1]), np.array([[1.0], [0.0], [1.0]])
    write_fcurves(channelbag, "hide_viewport", frames, hidden, interpolation="CONSTANT")
    for (side, _, region), skin, vertex in zip(sides, skins, nearest_vertices(patches)):
        marker: Any = bpy.data.objects.new(f"Contact {region}", _marker_mesh(contact.state))
        collection.objects.link(marker)
        marker.show_in_front = True
        marker.hide_render = True
        marker.parent = skin
        marker.parent_type = "VERTEX_3"
        marker.parent_vertices = _triangle_with(skin.data, vertex)
        compat.assign_action(marker, action, slot)
        set_role(marker, marker_role(contact.id, side))


def _posed_region(
    collection: bpy.types.Collection, person: int, region: str, frame: int
) -> tuple[np.ndarray, np.ndarray]:
    """The vertices of a region, int [n], and their positions in the world, [n,3], in the armature's action at a scene frame."""
    rig, skin = rig_of(collection, person), skin_of(collection, person)
    mesh: Any = skin.data
    attribute = mesh.attributes.get(REGION_ATTRIBUTE)
    if attribute is None:
        return np.zeros(0, dtype=int), np.zeros((0, 3))
    regions = np.empty(len(mesh.vertices), dtype=np.int32)
    attribute.data.foreach_get("value", regions)
    vertices = np.flatnonzero(regions == REGIONS.index(region))
    matrices = skinning_matrices(read_channels(rig, np.array([frame])), read_rest_pose(rig))[0]
    bones = {group.index: BONES.index(group.name) for group in skin.vertex_groups if group.name in BONES}
    positions = np.empty((len(vertices), 3))
    for row, vertex in enumerate(vertices.tolist()):
        point = mesh.vertices[vertex]
        weighted = [entry.weight * matrices[bones[entry.group]] for entry in point.groups if entry.group in bones]
        positions[row] = (sum(weighted) @ np.array([*point.co, 1.0]))[:3] if weighted else point.co
    return vertices, positions


def _triangle_with(mesh: Any, vertex: int) -> tuple[int, int, int]:
    """Three vertices of a face that has this vertex."""
    corners = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    starts = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    start = starts[np.searchsorted(starts, np.flatnonzero(corners == vertex)[0], side="right") - 1]
    a, b, c = corners[start : start + 3].tolist()
    return a, b, c


def _marker_mesh(state: str) -> bpy.types.Mesh:
    """A small sphere in the colour of a state. All markers of the file with this state share it."""
    name = f"SocialMirror contact {state}"
    mesh = bpy.data.meshes.get(name)
    if mesh is not None:
        return mesh
    mesh = bpy.data.meshes.new(name)
    points, faces = _sphere()
    mesh.from_pydata((points * _RADIUS).tolist(), [], faces)
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*CONTACT_COLORS[state], 1.0)
    mesh.materials.append(material)
    return mesh


def _sphere() -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Vertices [n,3] and faces of a UV sphere of radius 1."""
    azimuths = np.linspace(0, 2 * np.pi, _SEGMENTS, endpoint=False)
    polar_angles = np.linspace(0, np.pi, _RINGS)[1:-1]
    points = [(np.sin(u) * np.cos(a), np.sin(u) * np.sin(a), np.cos(u)) for u in polar_angles for a in azimuths]
    points += [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)]
    top, bottom = len(points) - 2, len(points) - 1
    last_ring = (len(polar_angles) - 1) * _SEGMENTS
    faces: list[tuple[int, ...]] = []
    for i in range(_SEGMENTS):
        j = (i + 1) % _SEGMENTS
        faces.append((top, i, j))
        for ring in range(0, last_ring, _SEGMENTS):
            faces.append((ring + i, ring + _SEGMENTS + i, ring + _SEGMENTS + j, ring + j))
        faces.append((bottom, last_ring + j, last_ring + i))
    return np.array(points), faces
