"""Bones along the limbs that an animator can mirror and bend, and a conversion to SMPL-X rotations that is exact."""

from __future__ import annotations

from collections.abc import Callable
from math import degrees
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Matrix, Vector

from tests.blender.evaluated_scene import bone_heads
from tests.blender.synthetic_reconstruction import make_reconstruction


@pytest.fixture
def rig(contract: ModuleType, scene: ModuleType, tmp_path: Path) -> Any:
    make_reconstruction(tmp_path, contract, frames=8)
    return scene.rig_of(scene.import_reconstruction(bpy.context, tmp_path), 0)


@pytest.fixture
def resting(rig: Any) -> Any:
    """The rig without animation, in its rest pose."""
    rig.animation_data_clear()
    for bone in rig.pose.bones:
        bone.matrix_basis.identity()
    bpy.context.view_layer.update()
    return rig


def test_conversion_there_and_back_is_exact(product: Callable[[str], ModuleType]) -> None:
    """Any rotations, near half turns and upside down too, come back to 1e-9 rad."""
    basis = product("socialmirror_blender.scene.pose_conversion")
    rotations = product("socialmirror_blender.scene.rotations")
    rng = np.random.default_rng(3)
    source = rng.normal(size=(500, 55, 4))
    source[:20, 0] = rotations.axis_angle_to_quaternion(np.array([-np.pi / 2, 0, 0]) + rng.normal(0, 0.01, (20, 3)))
    source /= np.linalg.norm(source, axis=-1, keepdims=True)
    pelvis = rng.normal(size=(500, 3))
    rest = product("socialmirror_blender.scene.rest_pose").make_rest_pose(
        rng.normal(size=(55, 3)), np.array([0.1, 0.2, 0.3])
    )
    back, place = basis.bones_to_smplx(basis.smplx_to_bones(source, pelvis, rest), rest)
    np.testing.assert_allclose(np.abs((back * source).sum(-1)), 1, atol=1e-12)
    np.testing.assert_allclose(place, pelvis, atol=1e-9)
    angles = rotations.quaternion_to_axis_angle(source)
    again = rotations.axis_angle_to_quaternion(angles)
    np.testing.assert_allclose(np.abs((again * source).sum(-1)), 1, atol=1e-12)


def test_limbs_run_from_joint_to_joint(rig: Any) -> None:
    bones = rig.data.bones
    for bone, child in (
        ("left_hip", "left_knee"),
        ("right_knee", "right_ankle"),
        ("left_shoulder", "left_elbow"),
        ("right_elbow", "right_wrist"),
        ("left_index1", "left_index2"),
        ("spine1", "spine2"),
        ("neck", "head"),
    ):
        assert (bones[bone].tail_local - bones[child].head_local).length < 5e-4, bone
    assert bones["root"].head_local.length == 0
    assert len(bones) == 56
    assert [bone.name for bone in bones if bone.parent is None] == ["root"]


def test_rest_stands_on_the_floor_facing_minus_y(scene: ModuleType, rig: Any) -> None:
    bones = rig.data.bones
    assert bones["pelvis"].head_local.xy.length < 1e-6
    assert bones["left_shoulder"].head_local.x > 0.1
    assert bones["left_foot"].head_local.y < bones["left_ankle"].head_local.y
    collection = next(iter(scene.reconstruction_collections()))
    assert min(vertex.co.z for vertex in scene.skin_of(collection, 0).data.vertices) == pytest.approx(0, abs=1e-6)


def test_left_and_right_are_mirror_images(rig: Any) -> None:
    """Blender mirrors a pose by turning the sign of y and z of the other side's quaternion; that takes mirrored axes."""
    mirror = Matrix.Diagonal((-1, 1, 1))
    for bone in rig.data.bones:
        twin = rig.data.bones[bpy.utils.flip_name(bone.name)]
        assert (twin == bone) == (not bone.name.startswith(("left_", "right_")))
        turned = mirror @ bone.matrix_local.to_3x3() @ mirror
        error = np.abs(np.array(turned) - np.array(twin.matrix_local.to_3x3())).max()
        assert error < 1e-5, (bone.name, error)


def test_a_mirrored_pose_is_the_mirrored_body(contract: ModuleType, resting: Any) -> None:
    """Copy, Paste Flipped, as Blender's own operator does it."""
    resting.pose.bones["left_shoulder"].rotation_quaternion = Matrix.Rotation(0.7, 3, (1, 2, 3)).to_quaternion()
    resting.pose.bones["left_elbow"].rotation_quaternion = Matrix.Rotation(1.2, 3, (1, 0, 0)).to_quaternion()
    resting.pose.bones["right_hip"].rotation_quaternion = Matrix.Rotation(-0.5, 3, (1, 0, 0.4)).to_quaternion()
    resting.pose.bones["spine2"].rotation_quaternion = Matrix.Rotation(0.4, 3, (0, 1, 1)).to_quaternion()
    names = contract.skeleton.JOINTS
    before = bone_heads(resting, names)
    bpy.context.view_layer.objects.active = resting
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    bpy.ops.pose.copy()
    bpy.ops.pose.paste(flipped=True)
    bpy.ops.object.mode_set(mode="OBJECT")
    after = bone_heads(resting, [contract.skeleton.mirrored(name) for name in names])
    assert np.abs(before[names.index("left_wrist")] - before[names.index("right_wrist")] * (-1, 1, 1)).max() > 0.2
    np.testing.assert_allclose(after, before * (-1, 1, 1), atol=1e-3)


@pytest.mark.parametrize(
    ("bone", "tip", "direction"),
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
def test_positive_x_bends_the_natural_way(resting: Any, bone: str, tip: str, direction: tuple[int, int, int]) -> None:
    """Knees backward, elbows forward, fingers to the palm, spine forward."""
    before = bone_heads(resting, [tip])[0]
    resting.pose.bones[bone].rotation_quaternion = Matrix.Rotation(0.5, 3, "X").to_quaternion()
    bpy.context.view_layer.update()
    moved = bone_heads(resting, [tip])[0] - before
    assert np.dot(moved, direction) > 0.9 * np.linalg.norm(moved) > 0


@pytest.mark.parametrize(("lower", "tip"), [("left_elbow", "left_wrist"), ("right_knee", "right_ankle")])
def test_ik_reaches_its_target_and_bends_the_right_way(resting: Any, lower: str, tip: str) -> None:
    upper = resting.pose.bones[lower].parent
    straight = resting.pose.bones[tip].head - upper.head
    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    target.location = upper.head + straight * 0.75 + Vector((0, -0.03, 0))
    goal = resting.pose.bones[lower].constraints.new("IK")
    goal.target = target
    goal.chain_count = 2
    bpy.context.view_layer.update()
    seen = resting.evaluated_get(bpy.context.evaluated_depsgraph_get()).pose.bones
    assert (seen[lower].tail - target.location).length < 0.01
    parent_to_rest = resting.data.bones[lower].parent.matrix_local.inverted() @ resting.data.bones[lower].matrix_local
    bend = (parent_to_rest.inverted() @ seen[lower].parent.matrix.inverted() @ seen[lower].matrix).to_quaternion()
    axis, angle = bend.to_axis_angle()
    assert degrees(angle) > 45
    assert axis.x > 0.9
