"""Ghosts: another take as transparent bodies that play along, cannot be selected and are not rendered."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...core.contract.reconstruction import PEOPLE, Reconstruction
from .. import compat
from .armature import read_rest_pose
from .colors import PERSON_COLORS
from .confidence_overlay import remove_overlay
from .correction_state import as_shown
from .fcurves import write_fcurves
from .motion import motion_at_scene_frames
from .names import GHOST_TAKE_PROPERTY, ghost_role, rig_role
from .objects import camera_of, object_with_role, rig_of, set_role, skin_of
from .pose_conversion import smplx_to_bones
from .state import read_state
from .take_values import CHANNELS, COLUMNS, take_values

_ALPHA = 0.3


def ghost_take(collection: bpy.types.Collection) -> str:
    """Id of the take that the ghosts show, empty if there are none."""
    ghost = object_with_role(collection, ghost_role("skin", 0))
    stored: Any = ghost
    return "" if stored is None else str(stored.get(GHOST_TAKE_PROPERTY, ""))


def show_ghost(collection: bpy.types.Collection, reconstruction: Reconstruction, offset: float) -> None:
    """Show a take, the active one of `reconstruction`, as ghosts, in place of others. For `offset` see `place_ghosts`."""
    remove_ghosts(collection)
    motion = as_shown(collection, reconstruction).motion
    motion = motion_at_scene_frames(motion, read_state(collection).timing.timeline)
    for person in range(PEOPLE):
        shown = rig_of(collection, person)
        rig: Any = shown.copy()
        rig.animation_data_clear()
        rig.name = f"{shown.name} ghost"
        for constrained in (rig, *rig.pose.bones):
            for constraint in list(constrained.constraints):
                constrained.constraints.remove(constraint)
        set_role(rig, ghost_role("rig", person), read_state(collection).id)
        rest = read_rest_pose(shown)
        moving = motion.people[person]
        values = take_values(motion.frames, smplx_to_bones(moving.rotations, moving.pelvis_inworld, rest))
        action = bpy.data.actions.new(rig.name)
        slot, channelbag = compat.new_channelbag(action, rig.name)
        for _, path, size in CHANNELS:
            columns = [COLUMNS[path, index] for index in range(size)]
            write_fcurves(channelbag, path, motion.frames, values.values[:, columns])
        compat.assign_action(rig, action, slot)
        collection.objects.link(rig)
        rig.hide_viewport = rig.hide_render = rig.hide_select = True
        _add_skin(collection, person, rig, reconstruction.info.take)
    place_ghosts(collection, offset)


def remove_ghosts(collection: bpy.types.Collection) -> None:
    removed: list[Any] = []
    for person in range(PEOPLE):
        for kind in ("skin", "rig"):
            ghost: Any = object_with_role(collection, ghost_role(kind, person))
            if ghost is None:
                continue
            removed.append(ghost)
            if kind == "rig":
                assigned = compat.assigned_action(ghost)
                removed += [] if assigned is None else [assigned[0]]
            else:
                removed += [slot.material for slot in ghost.material_slots if slot.material is not None][:1]
                removed.append(ghost.data)
    bpy.data.batch_remove(list(dict.fromkeys(removed)))


def place_ghosts(collection: bpy.types.Collection, offset: float) -> None:
    """Move the ghosts `offset` metres from the people to the right of the clip's camera, on the floor; 0 lays them over them."""
    camera = camera_of(collection)
    right = np.array([1.0, 0.0, 0.0]) if camera is None else np.array(camera.matrix_world)[:3, 0] * (1, 1, 0)
    right /= max(float(np.linalg.norm(right)), 1e-6)
    for person in range(PEOPLE):
        ghost: Any = object_with_role(collection, ghost_role("rig", person))
        rig = object_with_role(collection, rig_role(person))
        if ghost is not None and rig is not None:
            _put_on(ghost, rig)
            ghost.location = rig.matrix_world.to_3x3().inverted_safe() @ Vector((offset * right).tolist())


def _put_on(ghost: Any, rig: bpy.types.Object) -> None:
    """Let a ghost stand where an armature does, and move with it."""
    ghost.parent, ghost.parent_type = rig, "OBJECT"
    ghost.matrix_parent_inverse = ghost.matrix_basis = Matrix.Identity(4)
    ghost.delta_location, ghost.delta_rotation_euler = (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)
    ghost.delta_rotation_quaternion, ghost.delta_scale = (1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def _add_skin(collection: bpy.types.Collection, person: int, rig: Any, take: str) -> None:
    source: Any = skin_of(collection, person)
    ghost = source.copy()
    ghost.data = source.data.copy()
    remove_overlay(ghost.data)
    ghost.name = f"{source.name} ghost"
    ghost.animation_data_clear()
    set_role(ghost, ghost_role("skin", person), read_state(collection).id)
    ghost[GHOST_TAKE_PROPERTY] = take
    ghost.data.materials.clear()
    ghost.data.materials.append(_material(ghost.name, person))
    ghost.parent = rig
    for modifier in list(ghost.modifiers):
        if modifier.type == "ARMATURE":
            modifier.object = rig
        else:
            ghost.modifiers.remove(modifier)
    collection.objects.link(ghost)
    ghost.hide_select = ghost.hide_render = True


def _material(name: str, person: int) -> bpy.types.Material:
    material: Any = bpy.data.materials.new(name)
    material.diffuse_color = (*PERSON_COLORS[person], _ALPHA)
    shader = compat.principled_bsdf(material)
    shader.inputs["Base Color"].default_value = (*PERSON_COLORS[person], 1.0)
    shader.inputs["Alpha"].default_value = _ALPHA
    material.surface_render_method = "BLENDED"
    return material
