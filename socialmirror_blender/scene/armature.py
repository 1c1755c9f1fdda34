"""A person's armature object: built from a rest pose, and read back as the animator left it."""

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
from .colors import BONE_COLOR_SETS
from .rest_pose import BONE_PARENTS, BONES, CONNECTED, ROOT, RestPose

_MOVABLE = (ROOT, "pelvis")
_HINGES = ("left_knee", "right_knee", "left_elbow", "right_elbow")
_LARGEST_BEND = radians(160)
_SIDEWAYS_STIFFNESS = 0.9


def build_armature(
    context: bpy.types.Context, collection: bpy.types.Collection, name: str, rest: RestPose, person: int
) -> bpy.types.Object:
    """An armature object at the world's origin, linked to `collection`, which has to be in the context's view layer."""
    armature: Any = bpy.data.armatures.new(name)
    rig: Any = bpy.data.objects.new(name, armature)
    collection.objects.link(rig)
    rig.show_in_front = True
    # both people, the camera and the contacts share one world: a person is moved by the root bone
    rig.lock_location = rig.lock_rotation = rig.lock_scale = (True, True, True)
    with compat.edit_mode(context, rig):
        for bone, parent, length, matrix in zip(BONES, BONE_PARENTS, rest.lengths, rest.matrices_inarmature):
            edit_bone = armature.edit_bones.new(bone)
            edit_bone.length = length
            edit_bone.matrix = Matrix(matrix.tolist())
            if parent >= 0:
                edit_bone.parent = armature.edit_bones[BONES[parent]]
                edit_bone.use_connect = bone in CONNECTED
    _make_bone_collections(armature)
    for bone in armature.bones:
        bone.color.palette = BONE_COLOR_SETS[person]
    armature.bones[ROOT].use_deform = False
    pose: Any = rig.pose
    _limit_channels(pose.bones)
    return rig


def read_rest_pose(rig: bpy.types.Object) -> RestPose:
    """The rest pose of an existing armature. UserError `bones-missing` if bones were removed or renamed."""
    armature: Any = rig.data
    missing = [name for name in BONES if name not in armature.bones]
    if missing:
        raise UserError(
            "bones-missing",
            f"The armature {rig.name!r} has no bone {missing[0]!r} any more.",
            "Undo the change to the armature, or import the reconstruction again.",
        )
    bones = [armature.bones[name] for name in BONES]
    matrices = np.array([bone.matrix_local for bone in bones], dtype=np.float64)
    return RestPose(matrices[:, :3, 3], matrices[:, :3, :3], np.array([bone.length for bone in bones]))


def _make_bone_collections(armature: Any) -> None:
    hands = {*LEFT_HAND_JOINTS, *RIGHT_HAND_JOINTS}
    members = {
        "Root": [ROOT],
        "Body": [name for name in BONES if name != ROOT and name not in hands and name not in FACE_JOINTS],
        "Hands": [name for name in BONES if name in hands],
        "Face": list(FACE_JOINTS),
    }
    for title, names in members.items():
        bone_collection = armature.collections.new(title)
        for name in names:
            bone_collection.assign(armature.bones[name])


def _limit_channels(pose_bones: Iterable[Any]) -> None:
    """Keep bones in their joints, and let IK bend knees and elbows forward only, hardly to the side.

    Connected bones stay by themselves; Auto IK would not pull one whose location is locked. A locked axis of IK would drop what
    the reconstructed motion turns about it as soon as the limb is pulled, hence the stiffness.
    """
    for bone in pose_bones:
        bone.rotation_mode = "QUATERNION"
        if bone.name not in (*_MOVABLE, *CONNECTED):
            bone.lock_location = (True, True, True)
        if bone.name in _HINGES:
            bone.ik_stiffness_y = bone.ik_stiffness_z = _SIDEWAYS_STIFFNESS
            bone.use_ik_limit_x = True
            bone.ik_min_x, bone.ik_max_x = 0.0, _LARGEST_BEND
