"""The rest pose has bones along the limbs that an animator can mirror, bend and use with IK."""

from __future__ import annotations

from itertools import pairwise
from math import degrees
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from tests.blender.evaluated_scene import bone_heads
from tests.blender.kept import Kept
from tests.blender.synthetic_reconstruction import make_reconstruction


@pytest.fixture
def rig(kept: Kept, scene: ModuleType, tmp_path: Path) -> Any:
    kept.files(tmp_path, make_reconstruction, frames=8)
    return scene.rig_of(kept.imported(tmp_path), 0)


@pytest.fixture
def rig_at_rest(rig: Any) -> Any:
    """The armature without animation, in its rest pose."""
    rig.animation_data_clear()
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    bpy.context.view_layer.update()
    return rig


def test_bones_of_the_limbs_end_at_the_next_joint_and_are_connected(rig: Any) -> None:
    bones = rig.data.bones
    chains = [["spine1", "spine2", "spine3", "neck", "head"]]
    for side in ("left", "right"):
        limbs = (["hip", "knee", "ankle", "foot"], ["collar", "shoulder", "elbow", "wrist"])
        fingers = ([f"{finger}{i}" for i in (1, 2, 3)] for finger in ("index", "middle", "pinky", "ring", "thumb"))
        chains += [[f"{side}_{joint}" for joint in chain] for chain in (*limbs, *fingers)]
    for chain in chains:
        assert not bones[chain[0]].use_connect, chain[0]
        for bone, child in pairwise(chain):
            assert (bones[bone].tail_local - bones[child].head_local).length < 1e-6, bone
            assert bones[child].parent == bones[bone] and bones[child].use_connect, child


def test_bones_start_at_the_joints_of_the_body(contract: ModuleType, rig: Any, tmp_path: Path) -> None:
    joints = contract.reconstruction.load(tmp_path).motion.rest_joints[0]
    heads = np.array([rig.data.bones[name].head_local for name in contract.skeleton.JOINTS])
    up = joints[:, [0, 2, 1]] * (1, -1, 1)
    np.testing.assert_allclose(heads - heads[0], up - up[0], atol=1e-6)


def test_root_is_the_only_bone_without_parent_and_lies_at_the_origin(rig: Any) -> None:
    bones = rig.data.bones
    assert len(bones) == 56
    assert [bone.name for bone in bones if bone.parent is None] == ["root"]
    assert bones["root"].head_local.length == 0


def test_the_rest_pose_stands_on_the_floor_and_faces_minus_y(scene: ModuleType, rig: Any) -> None:
    bones = rig.data.bones
    assert bones["pelvis"].head_local.xy.length < 1e-6
    assert bones["left_shoulder"].head_local.x > 0.1
    assert bones["left_foot"].head_local.y < bones["left_ankle"].head_local.y
    collection = next(iter(scene.reconstruction_collections()))
    assert min(vertex.co.z for vertex in scene.skin_of(collection, 0).data.vertices) == pytest.approx(0, abs=1e-6)


def test_left_and_right_bones_are_mirror_images(rig: Any) -> None:
    """Blender mirrors a pose by negating y and z of the other side's quaternion, which takes mirrored bone axes."""
    mirror = Matrix.Diagonal((-1, 1, 1))
    for bone in rig.data.bones:
        counterpart = rig.data.bones[bpy.utils.flip_name(bone.name)]
        assert (counterpart == bone) == (not bone.name.startswith(("left_", "right_")))
        mirrored = mirror @ bone.matrix_local.to_3x3() @ mirror
        error = np.abs(np.array(mirrored) - np.array(counterpart.matrix_local.to_3x3())).max()
        assert error < 1e-5, (bone.name, error)


def test_paste_flipped_mirrors_the_body(contract: ModuleType, rig_at_rest: Any) -> None:
    bones = rig_at_rest.pose.bones
    bones["left_shoulder"].rotation_quaternion = Matrix.Rotation(0.7, 3, (1, 2, 3)).to_quaternion()
    bones["left_elbow"].rotation_quaternion = Matrix.Rotation(1.2, 3, (1, 0, 0)).to_quaternion()
    bones["right_hip"].rotation_quaternion = Matrix.Rotation(-0.5, 3, (1, 0, 0.4)).to_quaternion()
    bones["spine2"].rotation_quaternion = Matrix.Rotation(0.4, 3, (0, 1, 1)).to_quaternion()
    names = contract.skeleton.JOINTS
    before = bone_heads(rig_at_rest, names)
    bpy.context.view_layer.objects.active = rig_at_rest
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    bpy.ops.pose.copy()
    bpy.ops.pose.paste(flipped=True)
    bpy.ops.object.mode_set(mode="OBJECT")
    after = bone_heads(rig_at_rest, [contract.skeleton.mirrored(name) for name in names])
    assert np.abs(before[names.index("left_wrist")] - before[names.index("right_wrist")] * (-1, 1, 1)).max() > 0.2
    np.testing.assert_allclose(after, before * (-1, 1, 1), atol=1e-3)


@pytest.mark.parametrize(
    ("bone", "moved_joint", "direction"),
    [
        ("left_knee", "left_ankle", (0, 1, 0)),
        ("right_knee", "right_ankle", (0, 1, 0)),
        ("left_elbow", "left_wrist", (0, -1, 0)),
        ("right_elbow", "right_wrist", (0, -1, 0)),
        ("left_index2", "left_index3", (0, 0, -1)),
        ("right_ring1", "right_ring2", (0, 0, -1)),
        ("spine2", "neck", (0, -1, 0)),
    ],
)
def test_a_positive_rotation_about_x_flexes_the_joint(
    rig_at_rest: Any, bone: str, moved_joint: str, direction: tuple[int, int, int]
) -> None:
    """Knees bend backward, elbows forward, fingers towards the palm, the spine forward."""
    before = bone_heads(rig_at_rest, [moved_joint])[0]
    rig_at_rest.pose.bones[bone].rotation_quaternion = Matrix.Rotation(0.5, 3, "X").to_quaternion()
    bpy.context.view_layer.update()
    moved = bone_heads(rig_at_rest, [moved_joint])[0] - before
    assert np.dot(moved, direction) > 0.9 * np.linalg.norm(moved) > 0


@pytest.mark.parametrize(("lower", "end"), [("left_elbow", "left_wrist"), ("right_knee", "right_ankle")])
def test_ik_reaches_its_target_and_flexes_the_joint(rig_at_rest: Any, lower: str, end: str) -> None:
    upper = rig_at_rest.pose.bones[lower].parent
    limb = rig_at_rest.pose.bones[end].head - upper.head
    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = upper.head + limb * 0.75 + Vector((0, -0.03, 0))
    constraint = rig_at_rest.pose.bones[lower].constraints.new("IK")
    constraint.target = target
    constraint.chain_count = 2
    bpy.context.view_layer.update()
    evaluated = rig_at_rest.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
    assert (evaluated[lower].tail - target.location).length < 0.01
    bones = rig_at_rest.data.bones
    rest_inparent = bones[lower].parent.matrix_local.inverted() @ bones[lower].matrix_local
    pose_inparent = evaluated[lower].parent.matrix.inverted() @ evaluated[lower].matrix
    axis, angle = (rest_inparent.inverted() @ pose_inparent).to_quaternion().to_axis_angle()
    assert degrees(angle) > 45
    assert axis.x > 0.9
