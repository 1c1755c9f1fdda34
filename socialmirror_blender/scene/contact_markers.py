"""Markers of contacts in the viewport: small spheres on both skins that are visible during the contact.

A marker is parented to a vertex of the skin, so it follows the deformed mesh; contact_anchors.py says to which. One that the
animator moves takes the contact with it. Its colour shows the contact's state; a rejected contact has no markers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ...core.contract.contact import Contact
from ...core.contract.reconstruction import PEOPLE
from .. import compat
from ..reconstruction_properties import contact_list
from .colors import CONTACT_COLORS
from .contact_anchors import PosedSkins, Side, moved_to, nearest_skin_vertex, sides_of
from .contact_list import read_contacts, read_item, write_edited_contacts
from .datablocks import Steps
from .fcurves import write_fcurves
from .moved_objects import moved_objects
from .names import MARKER_ROLE_PREFIX, marker_role, rig_role, skin_role
from .objects import made_objects, object_with_role, role_of, set_role, skin_of
from .recent import Recent
from .state import read_state

_RADIUS = 0.012  # metres: smaller than a finger tip
_SEGMENTS, _RINGS = 12, 7
_CONTACTS_AT_ONCE = 6
_MOVED = 1e-4
"""metres from its vertex from which on a marker counts as moved."""

_moved_names: Recent[list[str]] = Recent(seconds=1.0)
"""Names of the markers in other collections, by the `session_uid` of the reconstruction's collection."""


def sync_markers(collection: bpy.types.Collection, skins: PosedSkins | None = None) -> None:
    """Make the markers match the list of contacts and the motion. To be called after either has changed.

    `skins`: what `skin_steps` has read of the skins, none of whose poses was asked for yet.
    """
    remove_markers(collection)
    skins = skins or PosedSkins(collection)
    for contact in read_contacts(collection):
        if contact.active():
            _add_markers(collection, contact, skins)


def skin_steps(collection: bpy.types.Collection, contacts: Iterable[Contact]) -> Steps[PosedSkins]:
    """Read in steps what takes the most time of making the markers of contacts, whatever the motion will be."""
    skins = PosedSkins(collection)
    for number, contact in enumerate(item for item in contacts if item.active()):
        if number and number % _CONTACTS_AT_ONCE == 0:
            yield
        skins.read(contact)
    return skins


def remove_markers(collection: bpy.types.Collection) -> None:
    _remove(_markers(collection))


def remove_orphaned_markers(collection: bpy.types.Collection) -> None:
    _remove(orphaned_markers(collection))


def _remove(markers: list[Any]) -> None:
    actions = {item.animation_data.action for item in markers if item.animation_data and item.animation_data.action}
    bpy.data.batch_remove([*markers, *actions])


def orphaned_markers(collection: bpy.types.Collection) -> list[bpy.types.Object]:
    """The markers of contacts of a person whose armature was deleted."""
    gone = {person for person in range(PEOPLE) if object_with_role(collection, rig_role(person)) is None}
    if not gone:
        return []
    orphaned = {item.id for item in read_contacts(collection) if gone & {person for _, person, *_ in sides_of(item)}}
    return [item for item in _markers(collection) if (marked := marked_contact(item)) and marked[0] in orphaned]


def marker_pairs(collection: bpy.types.Collection) -> dict[str, list[bpy.types.Object]]:
    """The markers of all contacts by the contact's id, that of side `a` first.

    Asked for at every drawing: which ones were moved to other collections may be a second old.
    """
    names = _moved_names.get(
        collection.session_uid, lambda: [item.name for item in moved_objects(collection, MARKER_ROLE_PREFIX)]
    )
    elsewhere = [item for item in map(bpy.data.objects.get, names) if item is not None]
    return _pairs([*collection.all_objects, *elsewhere])


def _pairs(items: list[bpy.types.Object]) -> dict[str, list[bpy.types.Object]]:
    """The markers among objects by the contact's id, that of side `a` first. Of duplicates the first one counts."""
    found: dict[str, dict[Side, bpy.types.Object]] = {}
    for item in items:
        marked = marked_contact(item)
        if marked is not None:
            found.setdefault(marked[0], {}).setdefault(marked[1], item)
    return {contact_id: [sides[side] for side in sorted(sides)] for contact_id, sides in found.items()}


def shown_contacts(collection: bpy.types.Collection, clip_frame: int) -> list[Contact]:
    """The contacts whose markers are visible in a frame of the clip."""
    here = [item for item in contact_list(collection).contacts if item.frame_start <= clip_frame <= item.frame_end]
    return [contact for contact in map(read_item, here) if contact.active()]


def contact_scene_frames(collection: bpy.types.Collection, frame_start: int, frame_end: int) -> tuple[int, int]:
    """First and last scene frame of a contact that lasts over these frames of the clip."""
    first, last = read_state(collection).timing.to_scene_frames([frame_start, frame_end]).tolist()
    return first, last


def marked_contact(item: bpy.types.Object) -> tuple[str, Side] | None:
    """The contact's id and the side that an object marks; None for an object that is no marker."""
    kind, _, rest = role_of(item).partition(":")
    contact_id, _, side = rest.rpartition(":")
    return (contact_id, side) if f"{kind}:" == MARKER_ROLE_PREFIX and side in ("a", "b") else None


def moved_markers(collection: bpy.types.Collection) -> list[bpy.types.Object]:
    """The markers that the animator has moved away from their vertices."""
    return [item for item in _markers(collection) if item.location.length > _MOVED]


def adopt_moved_markers(collection: bpy.types.Collection) -> int:
    """Let contacts follow their markers: the point of the skin nearest to a moved marker is where they touch from now on.

    A contact that another one has come to cover thereby is no longer listed. Returns how many markers had been moved.
    """
    graph = bpy.context.evaluated_depsgraph_get()
    places = [
        (item, np.array(item.evaluated_get(graph).matrix_world.translation)) for item in moved_markers(collection)
    ]
    contacts = {contact.id: contact for contact in read_contacts(collection)} if places else {}
    moved: list[str] = []
    for marker, place_inworld in places:
        marked = marked_contact(marker)
        if marked is not None and marked[0] in contacts:
            contact_id, side = marked
            contacts[contact_id] = _moved(collection, contacts[contact_id], side, place_inworld)
            moved.append(contact_id)
    if moved:
        write_edited_contacts(collection, contacts.values(), moved)
    if places:
        sync_markers(collection)
    return len(places)


def select_markers(context: bpy.types.Context, collection: bpy.types.Collection, contact_ids: Iterable[str]) -> None:
    """Select the markers of these contacts alone; the first becomes the active object. In object mode only."""
    if context.mode != "OBJECT":
        return
    pairs = _pairs(_markers(collection))
    markers = [marker for contact_id in contact_ids for marker in pairs.get(contact_id, [])]
    in_layer = [marker for marker in markers if marker.name in context.view_layer.objects]
    for item in context.selected_objects:
        item.select_set(False)
    for marker in in_layer:
        marker.select_set(True)
    if in_layer:
        context.view_layer.objects.active = in_layer[0]


def _markers(collection: bpy.types.Collection) -> list[Any]:
    return made_objects(collection, MARKER_ROLE_PREFIX)


def _moved(collection: bpy.types.Collection, contact: Contact, side: Side, place_inworld: np.ndarray) -> Contact:
    """The contact with one side where the skin is nearest to a place; as it was, if that side has no skin."""
    person = next((person for name, person, *_ in sides_of(contact) if name == side), None)
    skin = None if person is None else object_with_role(collection, skin_role(person))
    found = None if skin is None else nearest_skin_vertex(skin, place_inworld)
    return contact if found is None else moved_to(contact, side, *found)


def _add_markers(collection: bpy.types.Collection, contact: Contact, skins: PosedSkins) -> None:
    first, last = contact_scene_frames(collection, contact.frame_start, contact.frame_end)
    anchors = skins.anchor_vertices(contact, (first + last) // 2)
    if anchors is None:
        return
    action = bpy.data.actions.new(f"Contact {contact.region_a} {contact.region_b}")
    slot, channelbag = compat.new_channelbag(action, "Handles")
    frames, hidden = np.array([first - 1, first, last + 1]), np.array([[1.0], [0.0], [1.0]])
    write_fcurves(channelbag, "hide_viewport", frames, hidden, interpolation="CONSTANT")
    for (side, person, region, _), vertex in zip(sides_of(contact), anchors):
        marker: Any = bpy.data.objects.new(f"Contact {region}", _marker_mesh(contact.state))
        collection.objects.link(marker)
        marker.show_in_front = True
        marker.hide_render = True
        marker.parent = skin_of(collection, person)
        marker.parent_type = "VERTEX"
        marker.parent_vertices[0] = vertex
        compat.assign_action(marker, action, slot)
        set_role(marker, marker_role(contact.id, side), read_state(collection).id)


def _marker_mesh(state: str) -> bpy.types.Mesh:
    """A small sphere in the colour of a state. All markers of the file with this state share it."""
    name = f"SocialMirror contact marker {state}"
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
