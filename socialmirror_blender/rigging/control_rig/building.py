"""Builds a person's control armature, and lets the SMPL-X bones follow it."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ... import compat
from ...scene.armature import read_rest_pose
from ...scene.names import control_rig_role
from ...scene.objects import rig_of, set_role
from ...scene.state import read_state
from .layout import CONTROLLED, LIMBS, ControlBone, Limb, control_bones, fk_control, pole_angle
from .shapes import color_bone, shape_bone

CONSTRAINT_PREFIX = "SocialMirror control"
_SWITCH = "Blends the limb from FK (0) to IK (1)"


def build_control_rig(context: bpy.types.Context, collection: bpy.types.Collection, person: int) -> bpy.types.Object:
    """The control armature of a person at rest, where their armature stands, without motion; nothing follows it yet."""
    rig = rig_of(collection, person)
    armature: Any = bpy.data.armatures.new(f"{rig.name} controls")
    controls: Any = bpy.data.objects.new(f"{rig.name} controls", armature)
    collection.objects.link(controls)
    set_role(controls, control_rig_role(person), read_state(collection).id)
    stand_with(controls, rig)
    controls.show_in_front = True
    controls.lock_location = controls.lock_rotation = controls.lock_scale = (True, True, True)
    bones = control_bones(read_rest_pose(rig))
    with compat.edit_mode(context, controls):
        for bone in bones:
            edit_bone = armature.edit_bones.new(bone.name)
            edit_bone.length = bone.length
            edit_bone.matrix = Matrix(bone.matrix.tolist())
            if bone.parent:
                edit_bone.parent = armature.edit_bones[bone.parent]
    _group(armature, bones)
    for bone in bones:
        pose_bone = controls.pose.bones[bone.name]
        pose_bone.rotation_mode = "QUATERNION"
        armature.bones[bone.name].use_deform = False
        shape_bone(pose_bone, bone)
        color_bone(pose_bone, person)
    for limb in LIMBS:
        _add_ik(controls, limb, {bone.name: bone for bone in bones})
    return controls


def stand_with(controls: Any, rig: bpy.types.Object) -> None:
    """Let controls stand where the person's armature does, also when it is moved, and whatever it is parented to."""
    controls.parent = rig
    controls.matrix_parent_inverse = Matrix.Identity(4)


def stands_at_origin(controls: Any) -> bool:
    """Whether controls are of a version that left them at the world's origin, and nobody has moved them."""
    return controls.parent is None and not len(controls.constraints) and controls.matrix_basis == Matrix.Identity(4)


def follow(rig: Any, controls: Any) -> None:
    """Let the SMPL-X bones follow the controls."""
    for bone in CONTROLLED:
        _copy(rig.pose.bones[bone], controls, fk_control(bone))
    for limb in LIMBS:
        for bone, source in zip(limb.joints, (*limb.twists, limb.end)):
            constraint = _copy(rig.pose.bones[bone], controls, source)
            driver = constraint.driver_add("influence").driver
            driver.type = "AVERAGE"  # a scripted expression would be slower
            variable = driver.variables.new()
            variable.targets[0].id = controls
            variable.targets[0].data_path = f'["{limb.name}"]'


def let_go(rig: Any) -> None:
    """Let no SMPL-X bone follow controls any more."""
    for bone in rig.pose.bones:
        for constraint in [item for item in bone.constraints if item.name.startswith(CONSTRAINT_PREFIX)]:
            constraint.driver_remove("influence")
            bone.constraints.remove(constraint)


def _copy(bone: Any, controls: Any, source: str) -> Any:
    constraint = bone.constraints.new("COPY_TRANSFORMS")
    constraint.name = f"{CONSTRAINT_PREFIX} {source}"
    constraint.target, constraint.subtarget = controls, source
    return constraint


def _group(armature: Any, bones: list[ControlBone]) -> None:
    groups = {name: armature.collections.new(name) for name in ("Body", "IK", "FK", "Mechanism")}
    for bone in bones:
        groups[bone.group].assign(armature.bones[bone.name])
    groups["Mechanism"].is_visible = False
    groups["FK"].is_visible = False


def _add_ik(controls: Any, limb: Limb, bones: dict[str, ControlBone]) -> None:
    controls[limb.name] = 1.0
    controls.id_properties_ui(limb.name).update(min=0.0, max=1.0, description=_SWITCH)
    controls.property_overridable_library_set(f'["{limb.name}"]', True)
    constraint = controls.pose.bones[limb.chain[1]].constraints.new("IK")
    constraint.target, constraint.subtarget = controls, limb.end
    constraint.pole_target, constraint.pole_subtarget = controls, limb.pole
    constraint.chain_count = 2
    constraint.use_stretch = False
    upper, lower = (bones[name] for name in limb.chain)
    tail = lower.matrix[:3, 3] + lower.matrix[:3, 1] * lower.length
    constraint.pole_angle = pole_angle(upper, tail, np.asarray(bones[limb.pole].matrix)[:3, 3])
    controls.pose.bones[limb.pole].lock_rotation = (True, True, True)
