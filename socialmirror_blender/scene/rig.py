"""A person's armature: 56 bones, made from a rest pose and read back from what the animator has."""

from __future__ import annotations

from collections.abc import Iterable
from math import radians
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ...core.contract.errors import UserError
from ...core.contract.skeleton import FACE_JOINTS, LEFT_HAND_JOINTS, RIGHT_HAND_JOINTS
from .. import compat
from .basis import BONE_PARENTS, BONES, ROOT, RestBones

COLORS = ("THEME02", "THEME04")
"""Bone colours of the first and second person: orange and blue, as their skins."""

_MOVABLE = (ROOT, "pelvis")
_HINGES = ("left_knee", "right_knee", "left_elbow", "right_elbow")


def build_armature(
    context: bpy.types.Context, collection: bpy.types.Collection, name: str, rest: RestBones, person: int
) -> bpy.types.Object:
    """An armature object at the world's origin, linked to `collection`, which the view layer has to show."""
    armature: Any = bpy.data.armatures.new(name)
    rig = bpy.data.objects.new(name, armature)
    collection.objects.link(rig)
    rig.show_in_front = True
    with compat.edit_mode(context, rig):
        for bone, (bone_name, parent) in enumerate(zip(BONES, BONE_PARENTS)):
            edit_bone = armature.edit_bones.new(bone_name)
            edit_bone.length = rest.lengths[bone]
            edit_bone.matrix = _matrix(rest, bone)
            if parent >= 0:
                edit_bone.parent = armature.edit_bones[BONES[parent]]
    _group_bones(armature, person)
    pose: Any = rig.pose
    _constrain(pose.bones)
    return rig


def read_rest(rig: bpy.types.Object) -> RestBones:
    """The rest pose as it stands in the armature now. UserError `bones-missing` where bones were removed or renamed."""
    armature: Any = rig.data
    missing = [name for name in BONES if name not in armature.bones]
    if missing:
        raise UserError(
            "bones-missing",
            f"The armature {rig.name!r} has no bone {missing[0]!r} any more.",
            "Undo the change of the armature, or import the reconstruction again.",
        )
    bones = [armature.bones[name] for name in BONES]
    matrices = np.array([bone.matrix_local for bone in bones], dtype=np.float64)
    return RestBones(matrices[:, :3, 3], matrices[:, :3, :3], np.array([bone.length for bone in bones]))


def _matrix(rest: RestBones, bone: int) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rest.orientations[bone], rest.heads[bone]
    return Matrix(matrix.tolist())


def _group_bones(armature: Any, person: int) -> None:
    """Bone collections to hide and show, and a colour for the person."""
    hands = {*LEFT_HAND_JOINTS, *RIGHT_HAND_JOINTS}
    groups = {
        "Root": [ROOT],
        "Body": [name for name in BONES if name != ROOT and name not in hands and name not in FACE_JOINTS],
        "Hands": [name for name in BONES if name in hands],
        "Face": list(FACE_JOINTS),
    }
    for title, names in groups.items():
        group = armature.collections.new(title)
        for name in names:
            group.assign(armature.bones[name])
    for bone in armature.bones:
        bone.color.palette = COLORS[person]
    armature.bones[ROOT].use_deform = False


def _constrain(bones: Iterable[Any]) -> None:
    """Only root and pelvis can be moved; IK bends knees and elbows about their hinge, the natural way."""
    for bone in bones:
        bone.rotation_mode = "QUATERNION"
        if bone.name not in _MOVABLE:
            bone.lock_location = (True, True, True)
        if bone.name in _HINGES:
            bone.lock_ik_z = True
            bone.use_ik_limit_x = True
            bone.ik_min_x, bone.ik_max_x = 0.0, radians(160)
