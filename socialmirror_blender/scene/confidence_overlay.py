"""Shows on the skins which limbs the clip shows: each limb gets a material whose viewport colour is keyed.

Colours of materials cost nothing while the motion plays, are saved with the file, and need no handler. While the overlay is
hidden the skins have the materials that they had before.
"""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...core.contract.errors import UserError
from ...core.contract.reconstruction import PEOPLE
from .. import compat
from .actions import mark_of_take, take_of
from .colors import FILLED_IN_COLOR, PERSON_COLORS, UNCERTAIN_COLOR
from .fcurves import write_fcurves
from .limb_states import FILLED_IN, LIMBS, SEEN, UNCERTAIN, LimbStretch, limb_of_joint, limb_stretches
from .names import (
    LIMB_ATTRIBUTE,
    LIMB_MATERIAL_PROPERTY,
    LIMB_STATES_PROPERTY,
    MATERIAL_ATTRIBUTE,
    OVERLAY_PROPERTY,
    rig_role,
    skin_role,
)
from .objects import object_with_role
from .rest_pose import BONES
from .skin_weights import read_vertex_weights

FramesAndStates = tuple[np.ndarray, np.ndarray]
"""Scene frames int [S], and the states uint8 [S,6] of the limbs at them."""


def write_limb_states(action: bpy.types.Action, states: np.ndarray) -> None:
    """Remember the states [S,6] of the limbs at the frames of the take's mark."""
    stored: Any = action
    if LIMB_STATES_PROPERTY in stored:  # bytes that are assigned to a property that exists end at their first zero
        del stored[LIMB_STATES_PROPERTY]
    stored[LIMB_STATES_PROPERTY] = states.astype(np.uint8).tobytes()


def limb_states_of(rig: bpy.types.Object) -> FramesAndStates | None:
    """The states of the limbs in the take that an armature shows; None if it does not say so."""
    shown, mark = take_of(rig), mark_of_take(rig)
    if shown is None or mark is None:
        return None
    stored: Any = shown[0]
    states = stored.get(LIMB_STATES_PROPERTY)
    if not isinstance(states, bytes) or len(states) != len(mark.own.frames) * len(LIMBS):
        return None
    return mark.own.frames, np.frombuffer(states, np.uint8).reshape(-1, len(LIMBS))


def collection_stretches(collection: bpy.types.Collection) -> list[LimbStretch]:
    """The stretches of both people in which a limb was not plainly seen."""
    found: list[LimbStretch] = []
    for person in range(PEOPLE):
        rig = object_with_role(collection, rig_role(person))
        states = None if rig is None else limb_states_of(rig)
        if states is not None:
            empty = np.full_like(states[1], SEEN)
            found += limb_stretches(states[0], [states[1] if other == person else empty for other in range(PEOPLE)])
    return sorted(found, key=lambda stretch: (stretch.first, stretch.person))


def is_overlay_shown(collection: bpy.types.Collection) -> bool:
    return any(OVERLAY_PROPERTY in skin.data for skin in _skins(collection).values())


def is_skin_edited(collection: bpy.types.Collection) -> bool:
    """Whether a skin is in edit mode, where Blender takes no values for its faces."""
    return any(skin.data.is_editmode for skin in _skins(collection).values())


def show_overlay(collection: bpy.types.Collection) -> None:
    """Colour the limbs of both skins by the take that their armatures show, anew if they are coloured already.

    UserError `edit-mode` as `hide_overlay`.
    """
    hide_overlay(collection)
    for person, skin in _skins(collection).items():
        rig = object_with_role(collection, rig_role(person))
        states = None if rig is None else limb_states_of(rig)
        if states is not None:
            _show_on(skin, person, *states)


def hide_overlay(collection: bpy.types.Collection) -> None:
    """Give both skins the materials back that they had. What the animator assigned meanwhile stays.

    UserError `edit-mode` if a skin is in edit mode.
    """
    if is_skin_edited(collection):
        raise UserError(
            "edit-mode", "A skin is in Edit Mode, where its colours cannot be changed.", "Leave Edit Mode first."
        )
    for skin in _skins(collection).values():
        remove_overlay(skin.data)


def remove_overlay(mesh: Any) -> None:
    """Give a mesh, such as a copy of a skin's, the materials back that it had without the overlay, if it has that."""
    if OVERLAY_PROPERTY in mesh:
        _hide_on(mesh)


def _hide_on(mesh: Any) -> None:
    limbs = [slot for slot, material in enumerate(mesh.materials) if _is_limb_material(material)]
    faces = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("material_index", faces)
    if (stored := mesh.attributes.get(MATERIAL_ATTRIBUTE)) is not None:
        before = np.empty_like(faces)
        stored.data.foreach_get("value", before)
        faces = np.where(np.isin(faces, limbs), before, faces)
        mesh.attributes.remove(stored)
    removed = [mesh.materials.pop(index=slot) for slot in reversed(limbs)]
    faces -= np.searchsorted(limbs, faces).astype(np.int32)  # slots behind removed ones move up
    mesh.polygons.foreach_set("material_index", np.clip(faces, 0, max(len(mesh.materials) - 1, 0)))
    assigned = [compat.assigned_action(material) for material in removed]
    bpy.data.batch_remove([material for material in removed if material.users == 0])
    actions = {each[0] for each in assigned if each is not None}
    bpy.data.batch_remove([action for action in actions if action.users == 0])
    del mesh[OVERLAY_PROPERTY]
    mesh.update()


def _is_limb_material(material: Any) -> bool:
    return material is not None and LIMB_MATERIAL_PROPERTY in material


def _show_on(skin: Any, person: int, frames: np.ndarray, states: np.ndarray) -> None:
    mesh = skin.data
    count = len(mesh.materials)
    indices = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("material_index", indices)
    stored = mesh.attributes.new(MATERIAL_ATTRIBUTE, "INT", "FACE")
    stored.data.foreach_set("value", indices)
    base = mesh.materials[0] if count else None
    action = bpy.data.actions.new(f"{skin.name} confidence")
    colors = _state_colors(person)
    for column, limb in enumerate(LIMBS):
        name = f"{skin.name} {limb}"
        material: Any = bpy.data.materials.new(name) if base is None else base.copy()
        material.name = name
        material[LIMB_MATERIAL_PROPERTY] = True
        mesh.materials.append(material)
        slot, channelbag = compat.add_channelbag(action, name, "MATERIAL")
        compat.assign_action(material, action, slot)
        changes = np.flatnonzero(np.diff(states[:, column], prepend=0))
        values = np.array([colors[state] for state in states[changes, column].tolist()])
        material.diffuse_color = (*values[0], 1.0)
        write_fcurves(channelbag, "diffuse_color", frames[changes], values, interpolation="CONSTANT")
    mesh.polygons.foreach_set("material_index", (count + _limbs_of_faces(skin)).astype(np.int32))
    mesh[OVERLAY_PROPERTY] = count
    mesh.update()


def _limbs_of_faces(skin: Any) -> np.ndarray:
    """int [F], the limb that moves each face most, which is kept as an attribute."""
    mesh = skin.data
    limbs = np.empty(len(mesh.polygons), dtype=np.int32)
    if (stored := mesh.attributes.get(LIMB_ATTRIBUTE)) is not None:
        stored.data.foreach_get("value", limbs)
        return np.clip(limbs, 0, len(LIMBS) - 1)
    of_vertex = np.full(len(mesh.vertices), LIMBS.index("torso"), dtype=np.int32)
    weights = read_vertex_weights(skin, {bone: LIMBS.index(limb_of_joint(bone)) for bone in BONES})
    for vertex, entries in enumerate(weights):
        if entries:
            of_vertex[vertex] = max(entries, key=lambda entry: entry[1])[0]
    corners, starts = np.empty(len(mesh.loops), dtype=np.int32), np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    mesh.polygons.foreach_get("loop_start", starts)
    limbs = of_vertex[corners[starts]]
    mesh.attributes.new(LIMB_ATTRIBUTE, "INT", "FACE").data.foreach_set("value", limbs)
    return limbs


def _state_colors(person: int) -> dict[int, tuple[float, float, float]]:
    return {SEEN: PERSON_COLORS[person], UNCERTAIN: UNCERTAIN_COLOR, FILLED_IN: FILLED_IN_COLOR}


def _skins(collection: bpy.types.Collection) -> dict[int, Any]:
    """The skins that are there, by person."""
    found = {person: object_with_role(collection, skin_role(person)) for person in range(PEOPLE)}
    return {person: skin for person, skin in found.items() if skin is not None and skin.type == "MESH"}
