"""Keyframes that the animator locked become pins in SMPL-X rotations, and new takes keep them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Quaternion, Vector

from tests.blender.evaluated_scene import bone_heads
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press, select_bone


@pytest.fixture
def made(contract: ModuleType, tmp_path: Path) -> Made:
    return make_reconstruction(tmp_path, contract, first_frame=10)


@pytest.fixture
def collection(scene: ModuleType, made: Made, tmp_path: Path) -> Any:
    """Frame 10 of the clip is scene frame 1."""
    return scene.import_reconstruction(bpy.context, tmp_path)


def is_same_rotation(a: Any, b: Any) -> bool:
    """Whether two axis-angles are one rotation; an angle may exceed half a turn."""
    quaternions = [Quaternion(Vector(v).normalized(), Vector(v).length) for v in (a, b)]
    return abs(quaternions[0].dot(quaternions[1])) > 1 - 1e-6


def test_a_locked_keyframe_becomes_a_pin_at_its_frame_of_the_clip(
    scene: ModuleType, made: Made, collection: Any
) -> None:
    scene.lock_keyframes(scene.rig_of(collection, 1), ["left_elbow", "pelvis", "left_index1"], 6)
    pins = scene.read_edits(collection).pins
    assert [(pin.person, pin.joint, pin.frame) for pin in pins] == [(1, "pelvis", 15), (1, "left_elbow", 15)]
    motion = made.reconstruction.motion
    assert is_same_rotation(pins[0].rotation, motion.global_orient[1, 5])
    np.testing.assert_allclose(pins[0].position, motion.pelvis[1, 5], atol=1e-5)
    assert is_same_rotation(pins[1].rotation, motion.body_pose[1, 5, 17])
    assert pins[1].position is None


def test_a_pin_has_the_rotation_that_the_animator_keyed(scene: ModuleType, collection: Any) -> None:
    rig = scene.rig_of(collection, 0)
    knee = rig.pose.bones["right_knee"]
    bpy.context.scene.frame_set(4)
    knee.rotation_quaternion = (np.cos(0.5), np.sin(0.5), 0, 0)
    knee.keyframe_insert("rotation_quaternion", frame=4)
    scene.lock_keyframes(rig, ["right_knee"], 4)
    (pin,) = scene.read_edits(collection).pins
    assert (pin.joint, pin.frame) == ("right_knee", 13)
    assert np.linalg.norm(pin.rotation) == pytest.approx(1.0, abs=1e-5)
    scene.unlock_keyframes(rig, ["right_knee"], 4)
    assert scene.read_edits(collection).pins == ()


def test_locking_does_not_change_the_pose(contract: ModuleType, scene: ModuleType, made: Made, collection: Any) -> None:
    rig = scene.rig_of(collection, 0)
    scene.lock_keyframes(rig, contract.skeleton.BODY_JOINTS, 8)
    assert scene.locked_frames(rig, "head") == [8]
    assert scene.locked_frames(rig, "root") == [8]
    bpy.context.scene.frame_set(8)
    heads = bone_heads(rig, contract.skeleton.JOINTS)
    np.testing.assert_allclose(heads, made.reconstruction.motion.joints[0, 7], atol=1e-4)


def test_a_new_take_keeps_locked_keyframes(
    contract: ModuleType, scene: ModuleType, made: Made, collection: Any, tmp_path: Path
) -> None:
    rig = scene.rig_of(collection, 0)
    scene.lock_keyframes(rig, contract.skeleton.BODY_JOINTS, 8)
    before = scene.read_edits(collection).pins
    new = make_reconstruction(tmp_path, contract, first_frame=10, take="take-2", seed=5)
    scene.update_take(collection, tmp_path)
    after = scene.read_edits(collection).pins
    assert len(before) == 22
    assert [(pin.joint, pin.frame) for pin in after] == [(pin.joint, pin.frame) for pin in before]
    for old, kept in zip(before, after):
        np.testing.assert_allclose(old.rotation, kept.rotation, atol=1e-5)
    joints = contract.skeleton.BODY_JOINTS
    bpy.context.scene.frame_set(8)
    np.testing.assert_allclose(bone_heads(rig, joints), made.reconstruction.motion.joints[0, 7, :22], atol=1e-4)
    bpy.context.scene.frame_set(9)
    np.testing.assert_allclose(bone_heads(rig, joints), new.reconstruction.motion.joints[0, 8, :22], atol=1e-4)


def test_lock_pose_pins_the_visible_pose_of_selected_bones_and_unlock_frees_it(
    imported: Any, scene: ModuleType
) -> None:
    rig = scene.rig_of(imported, 1)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    for bone in rig.pose.bones:
        select_bone(bone, bone.name == "right_elbow")
    bpy.context.scene.frame_set(7)
    rig.pose.bones["right_elbow"].rotation_quaternion = (0.8, 0.6, 0, 0)  # posed without a keyframe
    press("pin")
    (pin,) = scene.read_edits(imported).pins
    assert (pin.person, pin.joint, pin.frame) == (1, "right_elbow", 6)
    assert np.linalg.norm(pin.rotation) == pytest.approx(2 * 0.6435, abs=1e-3)
    press("unpin")
    assert scene.read_edits(imported).pins == ()
