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
from tests.blender.kept import Kept
from tests.blender.posing import locked_frames
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press, select_bone


@pytest.fixture
def made(kept: Kept, tmp_path: Path) -> Made:
    return kept.files(tmp_path, make_reconstruction, first_frame=10)


@pytest.fixture
def collection(kept: Kept, made: Made, tmp_path: Path) -> Any:
    """Frame 10 of the clip is scene frame 1."""
    return kept.imported(tmp_path)


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
    assert pins[0].rotation is None and is_same_rotation(pins[0].world_rotation, motion.global_orient[1, 5])
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
    assert locked_frames(rig, "head") == [8]
    assert locked_frames(rig, "root") == [8]
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
        for name in ("rotation", "position", "world_rotation"):
            if getattr(old, name) is not None:
                np.testing.assert_allclose(getattr(old, name), getattr(kept, name), atol=2e-5)
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


@pytest.fixture
def posed(imported: Any, scene: ModuleType) -> Any:
    """The armature of Person A in pose mode at frame 7, the left arm turned at the shoulder without a keyframe."""
    rig = scene.rig_of(imported, 0)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    bpy.context.scene.frame_set(7)
    shoulder = rig.pose.bones["left_shoulder"]
    shoulder.rotation_quaternion = shoulder.rotation_quaternion @ Quaternion((0, 0, 1), 0.5)
    bpy.context.view_layer.update()
    return rig


def select_only(rig: Any, *names: str) -> None:
    for bone in rig.pose.bones:
        select_bone(bone, bone.name in names)


def place(rig: Any, bone: str) -> np.ndarray:
    return bone_heads(rig, [bone])[0]


def test_a_locked_hand_is_pinned_where_it_is_seen_in_the_world(posed: Any, scene: ModuleType, imported: Any) -> None:
    seen = place(posed, "left_wrist")
    select_only(posed, "left_wrist")
    press("pin")
    (pin,) = scene.read_edits(imported).pins
    assert (pin.joint, pin.frame, pin.rotation) == ("left_wrist", 6, None)
    np.testing.assert_allclose(pin.position, seen, atol=1e-4)
    turn = Quaternion(Vector(pin.world_rotation).normalized(), Vector(pin.world_rotation).length).to_matrix()
    bone = posed.pose.bones["left_wrist"]
    rest = bone.bone.matrix_local.to_3x3()
    to_armature = Quaternion((1, 0, 0), np.pi / 2).to_matrix()
    np.testing.assert_allclose(turn @ to_armature.transposed() @ rest, bone.matrix.to_3x3(), atol=1e-4)
    bpy.context.scene.frame_set(1)
    bpy.context.scene.frame_set(7)
    np.testing.assert_allclose(place(posed, "left_wrist"), seen, atol=1e-4)


def test_a_hand_that_is_locked_over_ten_frames_stays_in_its_place(posed: Any, scene: ModuleType, imported: Any) -> None:
    seen, objects = place(posed, "left_wrist"), set(bpy.data.objects)
    select_only(posed, "left_wrist")
    press("pin_range", first=7, last=16)
    assert set(bpy.data.objects) == objects and not any(bone.constraints for bone in posed.pose.bones)
    pins = scene.read_edits(imported).pins
    assert [pin.frame for pin in pins] == list(range(6, 16))
    far = [np.linalg.norm(np.array(pin.position) - seen) for pin in pins]
    assert max(far) < 0.005
    for pin in pins[1:]:
        assert is_same_rotation(pin.world_rotation, pins[0].world_rotation) or np.dot(
            pin.world_rotation, pins[0].world_rotation
        ) > 0.999 * np.dot(pins[0].world_rotation, pins[0].world_rotation)
    assert [(row.joint, row.first, row.last) for row in scene.list_pins(imported)] == [("left_wrist", 7, 16)]


def test_a_hand_is_pinned_where_hips_and_root_were_moved_to_without_keys(
    posed: Any, scene: ModuleType, imported: Any
) -> None:
    for bone, offset in (("root", (0.3, 0.0, 0.1)), ("pelvis", (0.0, 0.2, 0.0))):
        posed.pose.bones[bone].location = Vector(posed.pose.bones[bone].location) + Vector(offset)
    bpy.context.view_layer.update()
    seen = place(posed, "left_wrist")
    select_only(posed, "left_wrist")
    press("pin")
    (pin,) = scene.read_edits(imported).pins
    np.testing.assert_allclose(pin.position, seen, atol=1e-4)
    bpy.context.scene.frame_set(1)
    bpy.context.scene.frame_set(7)
    np.testing.assert_allclose(place(posed, "left_wrist"), seen, atol=1e-4)


def test_bones_that_do_not_rotate_by_quaternions_are_not_pinned_silently(
    posed: Any, scene: ModuleType, imported: Any, product: Any
) -> None:
    select_only(posed, "left_wrist")
    press("pin")
    posed.pose.bones["left_shoulder"].rotation_mode = "XYZ"  # above the hand
    for operator, values in (("pin", {}), ("pin_range", {"first": 5, "last": 9})):
        with pytest.raises(RuntimeError, match="Set the bone's rotation mode to Quaternion"):
            press(operator, **values)
    assert locked_frames(posed, "left_wrist") == [7]
    errors = product("core.contract.errors")
    with pytest.raises(errors.UserError, match="'left_shoulder' of Person 1 has another rotation mode"):
        product("socialmirror_blender.requests").refine_request(bpy.context, imported)
    posed.pose.bones["left_shoulder"].rotation_mode = "QUATERNION"
    product("socialmirror_blender.requests").refine_request(bpy.context, imported)


def test_other_bones_cannot_be_locked(posed: Any, imported: Any) -> None:
    operators: Any = bpy.ops
    buttons = [getattr(operators.socialmirror, name) for name in ("pin", "pin_range", "unpin", "give_back")]
    select_only(posed, "left_wrist")
    assert all(button.poll() for button in buttons)
    press("control_rig_add", both=True)
    controls: Any = bpy.context.object
    for bone in controls.pose.bones:
        select_bone(bone, True)
    assert bpy.context.selected_pose_bones and not any(button.poll() for button in buttons)
    with pytest.raises(RuntimeError, match="Press Bake Back first"):
        press("pin")


def test_going_to_a_pin_selects_its_bone_alone(posed: Any, scene: ModuleType, imported: Any) -> None:
    select_only(posed, "left_wrist", "left_elbow", "head")
    press("pin")
    bpy.ops.object.mode_set(mode="OBJECT")
    other = scene.rig_of(imported, 1)
    posed.select_set(False)
    bpy.context.view_layer.objects.active = other
    bpy.ops.object.mode_set(mode="POSE")
    press("pin_jump", person=0, joint="left_elbow", first=7, last=7)
    assert bpy.context.object == posed and bpy.context.mode == "POSE"
    assert [bone.name for bone in bpy.context.selected_pose_bones] == ["left_elbow"]
    assert bpy.context.active_pose_bone == posed.pose.bones["left_elbow"]


def test_pins_are_listed_muted_and_removed_by_ranges(
    posed: Any, scene: ModuleType, imported: Any, product: Any
) -> None:
    select_only(posed, "left_wrist", "left_elbow")
    press("pin")
    panel = product("socialmirror_blender.panels.pins")
    pins = scene.list_pins(imported)
    assert [panel.pin_text(pin) for pin in pins] == ["A left elbow  7", "A left hand  7"]
    assert panel.pins_heading(pins) == "2 pins in 1 frame"
    hand = {"person": 0, "joint": "left_wrist", "first": 7, "last": 7}
    press("pin_mute", mute=True, **hand)
    assert [pin.joint for pin in scene.read_edits(imported).pins] == ["left_elbow"]
    assert panel.pins_heading(scene.list_pins(imported)) == "1 pin in 1 frame, 1 muted"
    press("pin_mute", mute=False, **hand)
    assert len(scene.read_edits(imported).pins) == 2
    bpy.context.scene.frame_set(2)
    press("pin_jump", **hand)
    assert bpy.context.scene.frame_current == 7
    press("pin_remove", **hand)
    assert [pin.joint for pin in scene.list_pins(imported)] == ["left_elbow"]


def test_a_take_made_with_a_pin_keeps_its_own_way_there_and_another_one_gets_the_pose(
    contract: ModuleType, scene: ModuleType, made: Made, collection: Any, tmp_path: Path
) -> None:
    rig = scene.rig_of(collection, 0)
    bpy.context.scene.frame_set(8)
    before = place(rig, "left_wrist")
    scene.lock_keyframes(rig, ["left_wrist"], 8)
    make_reconstruction(tmp_path, contract, first_frame=10, take="take-2", seed=5)  # its hand is elsewhere
    scene.update_take(collection, tmp_path)
    bpy.context.scene.frame_set(8)
    np.testing.assert_allclose(place(rig, "left_wrist"), before, atol=1e-3)
    make_reconstruction(tmp_path, contract, first_frame=10, take="take-3")  # as the first one: its hand is at the pin
    scene.update_take(collection, tmp_path)
    bpy.context.scene.frame_set(8)
    np.testing.assert_allclose(place(rig, "left_wrist"), before, atol=1e-3)
    channelbag = rig.animation_data.action.layers[0].strips[0].channelbags[0]
    curve = channelbag.fcurves.find('pose.bones["left_shoulder"].rotation_quaternion', index=0)
    types = {point.type for point in curve.keyframe_points}
    assert "KEYFRAME" not in types and locked_frames(rig, "left_wrist") == [8]


def test_marks_show_where_joints_are_pinned(posed: Any, imported: Any, product: Any) -> None:
    select_only(posed, "left_wrist", "left_elbow")
    press("pin")
    marks = product("socialmirror_blender.overlays.pin_marks")
    (mark,) = marks.pin_marks(imported)
    assert mark.frame == 7
    np.testing.assert_allclose(mark.place, place(posed, "left_wrist"), atol=1e-4)
    np.testing.assert_allclose(marks.mark_lines(mark).mean(0), mark.place, atol=1e-6)


@pytest.fixture
def pinned_outside(posed: Any, imported: Any, scene: ModuleType) -> Any:
    """As `posed`, with the hand pinned in frame 7 of a clip of 25, and keyed and locked in frames 40 and 41 as well."""
    select_only(posed, "left_wrist")
    press("pin")
    for frame in (40, 41):
        posed.pose.bones["left_wrist"].keyframe_insert("rotation_quaternion", frame=frame)
        scene.lock_keyframes(posed, ["left_wrist"], frame)
    return posed


def test_pins_outside_the_clip_are_listed_as_such_and_not_refined(
    pinned_outside: Any, scene: ModuleType, imported: Any, product: Any
) -> None:
    assert [(pin.joint, pin.frame) for pin in scene.read_edits(imported).pins] == [("left_wrist", 6)]
    panel, pins = product("socialmirror_blender.panels.pins"), scene.list_pins(imported)
    assert [panel.pin_text(pin) for pin in pins] == ["A left hand  7", "A left hand  40–41 (outside)"]
    assert panel.pins_heading(pins) == "1 pin in 1 frame, 1 outside the clip"
    assert scene.count_pins_outside(imported) == 2
    pinned_outside.pose.bones["left_collar"].rotation_mode = "XYZ"
    press("pin_remove", person=0, joint="left_wrist", first=7, last=7)
    product("socialmirror_blender.requests").refine_request(bpy.context, imported)  # nothing that it gets is in doubt


def test_a_range_that_crosses_the_clips_end_is_a_pin_up_to_there(scene: ModuleType, imported: Any) -> None:
    rig = scene.rig_of(imported, 0)
    for frame in range(23, 29):
        rig.pose.bones["left_elbow"].keyframe_insert("rotation_quaternion", frame=frame)
        scene.lock_keyframes(rig, ["left_elbow"], frame)
    assert [(pin.first, pin.last, pin.outside) for pin in scene.list_pins(imported)] == [
        (23, 25, False),
        (26, 28, True),
    ]
    assert [pin.frame for pin in scene.read_edits(imported).pins] == [22, 23, 24]


@pytest.mark.parametrize("frame", [0, 26, 60])
def test_a_pose_outside_the_clip_cannot_be_pinned(posed: Any, scene: ModuleType, frame: int) -> None:
    select_only(posed, "left_wrist")
    bpy.context.scene.frame_set(frame)
    with pytest.raises(RuntimeError, match=r"not in the clip \(1–25\), so there is no pose to hold"):
        press("pin")
    with pytest.raises(RuntimeError, match="so there is no pose to hold"):
        press("pin_range", first=frame, last=frame + 9)
    assert locked_frames(posed, "left_wrist") == []


def test_pin_own_keys_leaves_keys_outside_the_clip(scene: ModuleType, imported: Any) -> None:
    rig = scene.rig_of(imported, 0)
    elbow = rig.pose.bones["left_elbow"]
    elbow.rotation_quaternion = (0.8, 0.6, 0, 0)
    elbow.keyframe_insert("rotation_quaternion", frame=40)
    with pytest.raises(RuntimeError, match="outside the clip"):
        press("pin_own_keys")
    elbow.keyframe_insert("rotation_quaternion", frame=7)
    press("pin_own_keys")
    assert locked_frames(rig, "left_elbow") == [7]
