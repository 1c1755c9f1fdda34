"""A temporary scene with copies of people, from which Blender's exporters write a file.

So the user's scene, names, selection and current frame stay as they are. The copies have the unit, the names and the weights that
the file should have, the planned motion from frame 0 on, and the rest pose in the frame before: exporters take a node's
default transform from the current frame.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ...core.contract.rotations import Y_UP_TO_Z_UP
from ...core.export.animation import AnimatedPerson
from ...core.export.layout import FilePlan
from ...core.export.weights import limit_weights
from .. import compat
from ..scene.armature import read_rest_pose
from ..scene.datablocks import remove_new_datablocks, temporary_name
from ..scene.fcurves import location_path, rotation_path, write_fcurves
from ..scene.objects import rig_of, skin_of
from ..scene.pose_conversion import basis_matrices
from ..scene.rest_pose import BONES, RestPose
from ..scene.rotations import make_sign_continuous, matrix_to_quaternion, rigid_transform
from .skin import copy_skin, is_of_rig, read_weights

_REST_FRAME = -1


@dataclass(frozen=True)
class TemporaryScene:
    scene: bpy.types.Scene
    names: ExitStack
    """Gives names that are borrowed for the export back."""


@contextmanager
def temporary_scene(source: bpy.types.Scene, name: str) -> Generator[TemporaryScene]:
    """An empty scene with the frame rate of `source`. FBX names the take after the scene."""
    with (
        remove_new_datablocks(("objects", "armatures", "meshes", "actions", "scenes")),
        ExitStack() as names,
    ):
        scene = bpy.data.scenes.new(name)
        scene.render.fps, scene.render.fps_base = source.render.fps, source.render.fps_base
        names.enter_context(temporary_name(bpy.data.scenes, scene, name))
        yield TemporaryScene(scene, names)


@contextmanager
def planned_scene(
    source: bpy.types.Scene, collection: bpy.types.Collection, plan: FilePlan
) -> Generator[bpy.types.Scene]:
    """A temporary scene that holds what a file should hold, in its unit of length."""
    with temporary_scene(source, plan.title) as temporary:
        scene = temporary.scene
        scene.unit_settings.scale_length = plan.unit
        scene.frame_start, scene.frame_end = 0, len(plan.people[0].positions) - 1
        for person, names, title in zip(plan.people, plan.bone_names, plan.object_names):
            _add_person(temporary, collection, plan, person, names, title)
        scene.frame_set(_REST_FRAME)
        yield scene


def _add_person(
    temporary: TemporaryScene,
    collection: bpy.types.Collection,
    plan: FilePlan,
    person: AnimatedPerson,
    names: Sequence[str],
    title: str,
) -> None:
    rig = rig_of(collection, person.index)
    rest = read_rest_pose(rig)
    rig_copy = _copy_rig(rig, names, plan.unit)
    temporary.scene.collection.objects.link(rig_copy)
    rig_copy.hide_viewport = False
    _disconnect_bones(temporary.scene, rig_copy)
    _key(rig_copy, names, _channels(person, rest), plan.unit)
    added: list[tuple[Any, str]] = [(rig_copy, title)]
    if not plan.animation_only:
        skin = skin_of(collection, person.index)
        skin_copy = _copy_skin(rig, skin, rig_copy, names, plan)
        temporary.scene.collection.objects.link(skin_copy)
        added.append((skin_copy, skin.name))
    for item, name in added:
        item.hide_viewport = item.hide_render = False
        temporary.names.enter_context(temporary_name(bpy.data.objects, item, name))


def _copy_rig(rig: bpy.types.Object, names: Sequence[str], unit: float) -> Any:
    """A copy at the world's origin, without animation or constraints; bones that the animator added do not deform."""
    copy: Any = rig.copy()
    copy.data = copy.data.copy()
    copy.animation_data_clear()
    copy.data.animation_data_clear()
    for constraint in list(copy.constraints):
        copy.constraints.remove(constraint)
    copy.parent = None
    copy.matrix_world = Matrix.Identity(4)
    copy.data.pose_position = "POSE"
    copy.data.transform(Matrix.Scale(1 / unit, 4))
    for bone in copy.pose.bones:
        bone.rotation_mode = "QUATERNION"
        bone.matrix_basis = Matrix.Identity(4)
        for constraint in list(bone.constraints):
            bone.constraints.remove(constraint)
    own = [bone for bone in copy.data.bones if bone.name not in BONES]
    for number, bone in enumerate(own):  # one of them may have a name that the file needs
        bone.use_deform = False
        bone.name = f"not exported {number}"
    for bone, name in zip([copy.data.bones[name] for name in BONES], names):
        bone.use_deform = True
        bone.name = name
    return copy


def _disconnect_bones(scene: bpy.types.Scene, rig: Any) -> None:
    """So that bones follow their location: one that the animator has stretched moves the next one away from its place."""
    context: Any = bpy.context
    with (
        context.temp_override(scene=scene, view_layer=scene.view_layers[0]),
        compat.edit_mode(bpy.context, rig),
    ):
        for bone in rig.data.edit_bones:
            bone.use_connect = False


def _copy_skin(
    rig: bpy.types.Object, skin: bpy.types.Object, rig_copy: Any, names: Sequence[str], plan: FilePlan
) -> Any:
    to_armature = rig.matrix_world.inverted() @ skin.matrix_world
    copy = copy_skin(skin)
    bones, weights = read_weights(copy)
    copy.data.transform(Matrix.Scale(1 / plan.unit, 4) @ to_armature, shape_keys=True)
    copy.parent = rig_copy
    copy.matrix_parent_inverse = Matrix.Identity(4)
    copy.matrix_basis = Matrix.Identity(4)
    for modifier in copy.modifiers:
        if is_of_rig(modifier, rig):
            modifier.object = rig_copy
    _write_weights(copy, names, *limit_weights(bones, weights, plan.most_weights), weights)
    return copy


def _write_weights(skin: Any, names: Sequence[str], bones: np.ndarray, limited: np.ndarray, before: np.ndarray) -> None:
    """Vertex groups with the names of the file. Only vertices whose weights change are written anew: all would take seconds."""
    groups: dict[str, Any] = {}
    for bone, name in zip(BONES, names):
        group = skin.vertex_groups.get(bone) or skin.vertex_groups.new(name=bone)
        group.name = name
        groups[bone] = group
    total = before.sum(1)
    changed = ((before > 0).sum(1) > limited.shape[1]) | (np.abs(total - 1) > 1e-4)
    vertices = np.flatnonzero(changed).tolist()
    for group in groups.values():
        group.remove(vertices)
    for vertex in vertices:
        for bone, weight in zip(bones[vertex], limited[vertex]):
            if weight > 0:
                groups[BONES[bone]].add((vertex,), float(weight), "REPLACE")


def _channels(person: AnimatedPerson, rest: RestPose) -> np.ndarray:
    """`PoseBone.matrix_basis` [T,56,4,4] that puts the bones where the person's are."""
    rotations = person.rotations @ Y_UP_TO_Z_UP.T @ rest.axes_inarmature
    return basis_matrices(rigid_transform(rotations, person.positions), rest)


def _key(rig: Any, names: Sequence[str], basis: np.ndarray, unit: float) -> None:
    """A new action with the rest pose in `_REST_FRAME` and the motion from frame 0 on."""
    basis = np.concatenate([np.tile(np.eye(4), (1, len(BONES), 1, 1)), basis])
    rotations = make_sign_continuous(matrix_to_quaternion(basis[..., :3, :3]))
    locations = basis[..., :3, 3] / unit
    frames = np.arange(len(basis)) + _REST_FRAME
    action = bpy.data.actions.new(rig.name)
    slot, channelbag = compat.new_channelbag(action, rig.name)
    for index, name in enumerate(names):
        write_fcurves(channelbag, rotation_path(name), frames, rotations[:, index])
        write_fcurves(channelbag, location_path(name), frames, locations[:, index])
    compat.assign_action(rig, action, slot)
