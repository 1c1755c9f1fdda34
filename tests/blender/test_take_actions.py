"""Whatever the animator does with the actions of the armatures, choosing a take loses none of their keys."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.evaluated_scene import bone_heads
from tests.blender.posing import POSE, curve, is_same, key, rotation_at
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, add_take
from tests.blender.user_actions import press


def test_a_take_whose_action_was_unlinked_is_chosen_again_with_its_keys(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    key(rig, "left_shoulder", 8)
    action = rig.animation_data.action
    action.use_fake_user = True
    rig.animation_data.action = None  # the cross in the Action Editor
    press("use_take", take="take-1")
    assert rig.animation_data.action == action
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)
    rig.animation_data.action = None
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)  # they lie over every take
    assert rig.animation_data.action != action


def test_a_take_that_was_baked_to_a_new_action_is_still_there_after_saving_with_its_keys(
    scene: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    key(rig, "left_shoulder", 8)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    bpy.ops.nla.bake(frame_start=1, frame_end=3, only_selected=True, bake_types={"POSE"})
    assert rig.animation_data.action.name == "Action"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"), check_existing=False)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    (collection,) = scene.reconstruction_collections()
    rig = scene.rig_of(collection, 0)
    press("use_take", take="take-1")
    assert rig.animation_data.action.name == "Person 1 take-1"
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)
    assert bpy.data.actions["Action"].use_fake_user


def bake_over_current_action(rig: Any, channels: set[str] | None = None) -> None:
    """Pose > Animation > Bake Action, with Overwrite Current Action, and another pose in it."""
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.select_all(action="SELECT")
    more: Any = {} if channels is None else {"channel_types": channels}
    bpy.ops.nla.bake(
        frame_start=1, frame_end=25, only_selected=True, use_current_action=True, bake_types={"POSE"}, **more
    )
    bpy.ops.object.mode_set(mode="OBJECT")


def head_at(rig: Any, frame: int) -> np.ndarray:
    bpy.context.scene.frame_set(frame)
    return bone_heads(rig, ["head"])[0]


def test_a_take_that_was_baked_over_is_the_animators_and_a_new_take_is_seen_beside_it(
    scene: ModuleType, contract: ModuleType, made: Made, rig: Any, collection: Any, tmp_path: Path
) -> None:
    key(rig, "left_shoulder", 8)
    bake_over_current_action(rig)
    baked = rig.animation_data.action
    key(rig, "head", 20)
    new = add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    np.testing.assert_allclose(head_at(rig, 20), new.reconstruction.motion.joints[0, 19, 15], atol=1e-4)
    assert baked.name == "Person 1 take-1 baked" and baked.use_fake_user
    assert "“Person 1 take-1 baked” is kept as you baked it" in " ".join(draw_sidebar().texts)
    press("use_take", take="take-1")
    assert rig.animation_data.action.name == "Person 1 take-1" and rig.animation_data.action != baked
    assert not is_same(rotation_at(rig, "left_shoulder", 8), POSE)
    np.testing.assert_allclose(head_at(rig, 20), made.reconstruction.motion.joints[0, 19, 15], atol=1e-4)
    rig.animation_data.action = baked  # in the Action Editor
    for frame, bone in ((8, "left_shoulder"), (20, "head")):
        assert is_same(rotation_at(rig, bone, frame), POSE)
    press("use_take", take="take-2")
    press("use_take", take="take-1")
    assert rig.animation_data.action.name == "Person 1 take-1"
    rig.animation_data.action = baked
    assert is_same(rotation_at(rig, "head", 20), POSE)


def test_a_baked_action_that_was_unlinked_is_not_taken_for_its_take(
    scene: ModuleType, made: Made, rig: Any, collection: Any
) -> None:
    key(rig, "head", 20)
    bake_over_current_action(rig)
    baked = rig.animation_data.action
    baked.use_fake_user = True
    rig.animation_data.action = None
    press("use_take", take="take-1")
    np.testing.assert_allclose(head_at(rig, 20), made.reconstruction.motion.joints[0, 19, 15], atol=1e-4)
    rig.animation_data.action = baked
    assert is_same(rotation_at(rig, "head", 20), POSE)


def test_nothing_is_written_into_a_baked_action(rig: Any, collection: Any) -> None:
    key(rig, "head", 20)
    bake_over_current_action(rig)
    baked = rig.animation_data.action
    with pytest.raises(RuntimeError, match="its action is another one"):
        press("take_blend", take="take-1", first=3, last=22)
    assert rig.animation_data.action == baked
    assert is_same(rotation_at(rig, "head", 20), POSE)
    press("key_for_scene_rate")
    assert rig.animation_data.action != baked
    rig.animation_data.action = baked
    assert is_same(rotation_at(rig, "head", 20), POSE)


def test_controls_are_not_baked_back_into_an_action_that_was_baked_over_meanwhile(
    rig: Any, collection: Any, product: Product
) -> None:
    key(rig, "head", 20)
    press("control_rig_add", both=True)
    hand = product("socialmirror_blender.scene.objects").control_rig_of(collection, 0).pose.bones["right_hand.ik"]
    hand.location[2] += 0.1
    hand.keyframe_insert("location", frame=20)
    rig.hide_set(False)
    bake_over_current_action(rig)
    baked, before = rig.animation_data.action, rotation_at(rig, "head", 20)
    with pytest.raises(RuntimeError, match="its action is another one"):
        press("control_rig_remove")
    assert rig.animation_data.action == baked
    press("control_rig_remove", keep=False)
    assert rig.animation_data.action == baked
    assert is_same(rotation_at(rig, "head", 20), before)


def test_a_failing_take_leaves_a_baked_action_as_it_was(
    scene: ModuleType, rig: Any, collection: Any, product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key(rig, "head", 20)
    bake_over_current_action(rig)
    monkeypatch.setattr(product("socialmirror_blender.scene.takes"), "write_import", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scene.update_take(collection, tmp_path)
    assert rig.animation_data.action.name == "Person 1 take-1"
    assert is_same(rotation_at(rig, "head", 20), POSE)


def test_keys_that_cover_a_take_stay_over_every_take_and_the_panel_says_so(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    """Rotations alone were baked, and another take was blended in over all frames."""
    add_take(tmp_path, contract, "take-2", seed=7)
    bake_over_current_action(rig, {"ROTATION"})
    press("take_blend", take="take-2", first=1, last=25, ease=0, strength=50)
    text = " ".join(draw_sidebar().texts)
    assert text.count("They cover the whole take") == 2
    blended = head_at(rig, 20)
    scene.update_take(collection, tmp_path)
    np.testing.assert_allclose(head_at(rig, 20), blended, atol=1e-4)


def test_an_action_of_the_animators_gives_way_to_the_take_and_stays_in_the_file(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any
) -> None:
    key(rig, "left_shoulder", 8)
    take = rig.animation_data.action
    take.use_fake_user = True
    own = bpy.data.actions.new("mine")
    rig.animation_data.action = own
    key(rig, "head", 3)
    press("use_take", take="take-1")
    assert rig.animation_data.action == take and own.use_fake_user
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)


def test_a_failing_take_leaves_an_armature_without_action(
    scene: ModuleType, rig: Any, collection: Any, product: Product, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rig.animation_data.action.use_fake_user = True
    rig.animation_data.action = None
    monkeypatch.setattr(product("socialmirror_blender.scene.takes"), "write_import", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scene.update_take(collection, tmp_path)
    assert rig.animation_data.action is None


def test_the_camera_is_not_corrected_while_an_armature_shows_no_take(
    scene: ModuleType, rig: Any, collection: Any
) -> None:
    values = collection.socialmirror
    values.camera_height = 0.1
    take = rig.animation_data.action
    take.use_fake_user = True
    own = bpy.data.actions.new("mine")
    rig.animation_data.action = own
    values.camera_height = 0.3
    assert rig.animation_data.action == own
    assert values.camera_height == pytest.approx(0.1, abs=1e-4)  # as it is shown
    assert "its action is another one" in scene.folder_note(collection)
    with pytest.raises(RuntimeError, match="its action is another one"):
        press("reset_camera")
    rig.animation_data.action = take
    values.camera_height = 0.3
    assert values.camera_height == pytest.approx(0.3) and scene.folder_note(collection) == ""


def test_two_armatures_with_one_merged_action_keep_their_own_keys(
    scene: ModuleType, made: Made, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path, product: Product
) -> None:
    """Blender's Merge Animation gives both armatures one action, with a slot for each."""
    other = scene.rig_of(collection, 1)
    key(rig, "left_shoulder", 8)
    key(other, "right_shoulder", 9)
    for item in (rig, other):
        item.select_set(True)
    bpy.context.view_layer.objects.active = other
    bpy.ops.anim.merge_animation()
    assert rig.animation_data.action == other.animation_data.action
    new = add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    for take, motion in (("take-1", made.reconstruction.motion), ("take-2", new.reconstruction.motion)):
        press("use_take", take=take)
        assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)
        assert is_same(rotation_at(other, "right_shoulder", 9), POSE)
        bpy.context.scene.frame_set(20)
        for person, item in enumerate((rig, other)):
            np.testing.assert_allclose(bone_heads(item, ["head"])[0], motion.joints[person, 19, 15], atol=1e-4)
    own_keys = product("socialmirror_blender.scene.own_keys")
    own_keys.forget_own_keys()
    (_, first), (_, second) = own_keys.count_own_keys(collection)
    assert (list(first.frames), list(second.frames)) == (["left_shoulder"], ["right_shoulder"])


def test_keys_are_counted_for_each_person_where_takes_lie_in_strips(
    rig: Any, scene: ModuleType, collection: Any, product: Product
) -> None:
    key(rig, "left_shoulder", 8)
    for person in (0, 1):
        data = scene.rig_of(collection, person).animation_data
        data.nla_tracks.new().strips.new("take", 1, data.action)
        data.action = None
    own_keys = product("socialmirror_blender.scene.own_keys")
    own_keys.forget_own_keys()
    (_, first), (_, second) = own_keys.count_own_keys(collection)
    assert (first.count, second.count) == (1, 0)


def test_no_take_is_keyed_below_a_control_rig(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path, product: Product
) -> None:
    add_take(tmp_path, contract, "take-2", seed=7)
    record = contract.reconstruction
    shown = record.load_info(tmp_path).take
    other = next(take.id for take in record.load_info(tmp_path).takes if take.id != shown)
    scene.update_take(collection, tmp_path)
    press("control_rig_add", both=True)
    action, before = rig.animation_data.action, [tuple(point.co) for point in curve(rig, "head").keyframe_points]
    for operator, values in (
        ("use_take", {"take": other}),
        ("match_scene", {}),
        ("key_for_scene_rate", {}),
        ("take_blend", {"take": other, "first": 5, "last": 9}),
        ("import_folder", {"directory": str(tmp_path)}),
        ("reset_camera", {}),
    ):
        with pytest.raises(RuntimeError, match="Press Bake Back"):
            press(operator, **values)
    assert record.load_info(tmp_path).take == shown
    collection.socialmirror.camera_height = 0.2
    assert collection.socialmirror.camera_height == pytest.approx(0.0, abs=1e-4)
    errors = product("core.contract.errors")
    with pytest.raises(errors.UserError, match="control rig"):
        scene.update_take(collection, tmp_path)
    assert rig.animation_data.action == action
    assert [tuple(point.co) for point in curve(rig, "head").keyframe_points] == before
    assert "Bake the control rig back first" in " ".join(draw_sidebar().texts)
    press("control_rig_remove", keep=True)
    press("use_take", take=other)
    assert scene.read_state(collection).take == other
