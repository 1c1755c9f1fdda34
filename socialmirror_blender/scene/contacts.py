"""Contacts: the list on the collection, and the handles in the viewport that follow both skins.

The list holds clip frames, like the contract. A handle is a small sphere on the triangle that comes nearest the other
person in the middle of the contact; it is seen during the contact only, and its colour is the contact's state.
A rejected contact has no handles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ...core.contract.contact import Contact
from ...core.contract.skeleton import GROUND, REGIONS
from .. import compat
from .basis import BONES, skin_matrices
from .keys import read_keys, write_curve
from .mesh import REGION_ATTRIBUTE
from .rig import read_rest
from .state import ROLE, clip_times, read_state, rig_of, skin_of, tag

_COLORS = {"auto": (1.0, 0.75, 0.1), "enforced": (0.15, 0.9, 0.3)}
_HANDLE_RADIUS = 0.02
_ROLE_PREFIX = "contact:"


def write_list(collection: Any, contacts: Iterable[Contact]) -> None:
    """Replace the collection's list of contacts."""
    items = collection.socialmirror.contacts
    items.clear()
    for contact in contacts:
        write_item(items.add(), contact)


def read_list(collection: Any) -> tuple[Contact, ...]:
    """The list as the animator left it. UserError `bad-contact` names what is not valid."""
    return tuple(read_item(item) for item in collection.socialmirror.contacts)


def write_item(item: Any, contact: Contact) -> None:
    """Contact -> item of the list (the properties have its fields' names, `contact_id` for `id`)."""
    item.contact_id = contact.id
    item.person_a = str(contact.person_a)
    item.region_a = contact.region_a
    item.person_b = str(contact.person_b)
    item.region_b = contact.region_b
    item.frame_start = contact.frame_start
    item.frame_end = contact.frame_end
    item.weight = contact.weight
    item.source = contact.source
    item.state = contact.state
    item.distance = -1.0 if contact.distance is None else contact.distance


def read_item(item: Any) -> Contact:
    return Contact(
        person_a=int(item.person_a),
        region_a=item.region_a,
        person_b=GROUND if item.person_b == GROUND else int(item.person_b),
        region_b=item.region_b,
        frame_start=item.frame_start,
        frame_end=item.frame_end,
        weight=round(item.weight, 6),
        source=item.source,
        state=item.state,
        distance=None if item.distance < 0 else round(item.distance, 6),
        id=item.contact_id,
    )


def sync_handles(collection: bpy.types.Collection) -> None:
    """Make the handles in the viewport match the list: call it after the list or the take changed."""
    remove_handles(collection)
    for contact in read_list(collection):
        if contact.active():
            _add_handles(collection, contact)


def remove_handles(collection: bpy.types.Collection) -> None:
    handles = [item for item in collection.objects if item.get(ROLE, "").startswith(_ROLE_PREFIX)]
    actions = {item.animation_data.action for item in handles if item.animation_data and item.animation_data.action}
    bpy.data.batch_remove([*handles, *actions])


def scene_range(collection: bpy.types.Collection, contact: Contact) -> tuple[int, int]:
    """First and last whole scene frame of a contact."""
    clip_frames, seconds = clip_times(collection)
    ends = np.interp([contact.frame_start, contact.frame_end], clip_frames, seconds)
    first, last = np.round(read_state(collection).timeline.frames(ends)).astype(int).tolist()
    return first, last


def _add_handles(collection: bpy.types.Collection, contact: Contact) -> None:
    first, last = scene_range(collection, contact)
    middle = (first + last) // 2
    sides = [("a", contact.person_a, contact.region_a)]
    if isinstance(contact.person_b, int):
        sides.append(("b", contact.person_b, contact.region_b))
    skins = [skin_of(collection, person) for _, person, _ in sides]
    patches = [_posed_region(collection, person, region, middle) for _, person, region in sides]
    if any(len(vertices) == 0 for vertices, _ in patches):
        return  # the animator's mesh has no such region any more
    action = bpy.data.actions.new(f"Contact {contact.region_a} {contact.region_b}")
    slot, bag = compat.new_channels(action, "Handles")
    shown = np.array([first - 1, first, last + 1])
    write_curve(bag, "hide_viewport", 0, shown, np.array([1.0, 0.0, 1.0]), interpolation="CONSTANT")
    for (side, _, region), skin, vertex in zip(sides, skins, _nearest(patches)):
        handle: Any = bpy.data.objects.new(f"Contact {region}", _handle_mesh(contact.state))
        collection.objects.link(handle)
        handle.show_in_front = True
        handle.hide_render = True
        handle.parent = skin
        handle.parent_type = "VERTEX_3"
        handle.parent_vertices = _triangle_at(skin.data, vertex)
        compat.assign_action(handle, action, slot)
        tag(handle, f"{_ROLE_PREFIX}{contact.id}:{side}")


def _posed_region(
    collection: bpy.types.Collection, person: int, region: str, frame: int
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of a region, int [n], and where the armature's action puts them at a scene frame, [n,3]."""
    rig, skin = rig_of(collection, person), skin_of(collection, person)
    mesh: Any = skin.data
    attribute = mesh.attributes.get(REGION_ATTRIBUTE)
    if attribute is None:
        return np.zeros(0, dtype=int), np.zeros((0, 3))
    regions = np.empty(len(mesh.vertices), dtype=np.int32)
    attribute.data.foreach_get("value", regions)
    vertices = np.flatnonzero(regions == REGIONS.index(region))
    rest = read_rest(rig)
    matrices = skin_matrices(read_keys(rig, np.array([frame])), rest)[0]
    bones = {group.index: BONES.index(group.name) for group in skin.vertex_groups if group.name in BONES}
    places = np.empty((len(vertices), 3))
    for row, vertex in enumerate(vertices.tolist()):
        point = mesh.vertices[vertex]
        blend = sum(entry.weight * matrices[bones[entry.group]] for entry in point.groups if entry.group in bones)
        places[row] = (blend @ np.array([*point.co, 1.0]))[:3] if np.ndim(blend) else point.co
    return vertices, places


def _nearest(patches: list[tuple[np.ndarray, np.ndarray]]) -> list[int]:
    """The vertex of each patch that is nearest to the other patch; of a lone patch the lowest (it meets the floor)."""
    if len(patches) == 1:
        vertices, places = patches[0]
        return [int(vertices[places[:, 2].argmin()])]
    (vertices_a, places_a), (vertices_b, places_b) = patches
    distances = np.linalg.norm(places_a[:, None] - places_b[None], axis=-1)
    a, b = np.unravel_index(distances.argmin(), distances.shape)
    return [int(vertices_a[a]), int(vertices_b[b])]


def _triangle_at(mesh: Any, vertex: int) -> tuple[int, int, int]:
    """Three vertices of a face that has this vertex."""
    corners = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    starts = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    start = starts[np.searchsorted(starts, np.flatnonzero(corners == vertex)[0], side="right") - 1]
    a, b, c = corners[start : start + 3].tolist()
    return a, b, c


def _handle_mesh(state: str) -> bpy.types.Mesh:
    """A small sphere in the colour of a state; one mesh a state, shared by all handles of the file."""
    name = f"SocialMirror contact {state}"
    mesh = bpy.data.meshes.get(name)
    if mesh is not None:
        return mesh
    mesh = bpy.data.meshes.new(name)
    steps, rings = 12, 7
    across = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    up = np.linspace(0, np.pi, rings)[1:-1]
    points = [(np.sin(u) * np.cos(a), np.sin(u) * np.sin(a), np.cos(u)) for u in up for a in across]
    points += [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0)]
    top, bottom = len(points) - 2, len(points) - 1
    faces: list[tuple[int, ...]] = []
    for i in range(steps):
        j = (i + 1) % steps
        faces.append((top, i, j))
        for ring in range(rings - 3):
            here, below = ring * steps, (ring + 1) * steps
            faces.append((here + i, below + i, below + j, here + j))
        last = (rings - 3) * steps
        faces.append((bottom, last + j, last + i))
    mesh.from_pydata((np.array(points) * _HANDLE_RADIUS).tolist(), [], faces)
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*_COLORS[state], 1.0)
    mesh.materials.append(material)
    return mesh
