"""The animator's own keyframes lie over every take: they survive Refine, Use Take and another import, and can become pins."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

from tests.blender.evaluated_scene import bone_heads
from tests.blender.posing import POSE, curve, is_same, key, key_frames, locked_frames, remove_keys, rotation_at
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, add_take, make_reconstruction
from tests.blender.user_actions import press, select_bone


def test_keys_survive_another_take_and_the_way_back(
    scene: ModuleType, contract: ModuleType, made: Made, rig: Any, collection: Any, tmp_path: Path
) -> None:
    key(rig, "left_shoulder", 8)
    key(rig, "left_elbow", 12.5)
    remove_keys(rig, "right_knee", range(10, 15))
    first = rig.animation_data.action
    new = add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    second = rig.animation_data.action
    assert second != first
    for _ in range(2):
        assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)
        assert is_same(rotation_at(rig, "left_elbow", 12.5), POSE)
        assert key_frames(rig, "right_knee") == [*range(1, 10), *range(15, 26)]
        assert key_frames(rig, "left_elbow") == [*range(1, 13), 12.5, *range(13, 26)]
        bpy.context.scene.frame_set(20)
        expected = new.reconstruction.motion if rig.animation_data.action == second else made.reconstruction.motion
        heads = bone_heads(rig, contract.skeleton.JOINTS)
        np.testing.assert_allclose(heads, expected.joints[0, 19], atol=1e-4)
        assert press("use_take", take="take-1") == {"FINISHED"}
        assert rig.animation_data.action == first
    assert press("use_take", take="take-2") == {"FINISHED"}
    assert rig.animation_data.action == second
    assert len(bpy.data.actions) == len({action.name.split(".")[0] for action in bpy.data.actions})


def test_a_take_is_the_same_as_before_after_coming_back_without_polish(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    def all_keys() -> list[tuple[Any, ...]]:
        bag = rig.animation_data.action.layers[0].strips[0].channelbags[0]
        return [
            (item.data_path, item.array_index, point.co.x, point.co.y, point.type, point.interpolation)
            for item in bag.fcurves
            for point in item.keyframe_points
        ]

    before = sorted(all_keys())
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    assert sorted(all_keys()) != before
    press("use_take", take="take-1")
    assert sorted(all_keys()) == before


def test_curves_constraints_and_modifiers_of_the_animator_survive(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    hand = rig.pose.bones["left_wrist"]
    hand.constraints.new("COPY_ROTATION").influence = 0.25
    path = f'pose.bones["left_wrist"].constraints["{hand.constraints[0].name}"].influence'
    assert rig.keyframe_insert(path, frame=5)
    hand.constraints[0].influence = 0.75
    rig.keyframe_insert(path, frame=15)
    noise = curve(rig, "head").modifiers.new("NOISE")
    noise.strength, noise.scale = 0.125, 3.0
    curve(rig, "neck").mute = True
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    bag = rig.animation_data.action.layers[0].strips[0].channelbags[0]
    influence = bag.fcurves.find(path)
    assert [tuple(point.co) for point in influence.keyframe_points] == [(5.0, 0.25), (15.0, 0.75)]
    assert influence.keyframe_points[0].interpolation == "BEZIER"
    assert influence.evaluate(10) == pytest.approx(0.5, abs=1e-3)
    (modifier,) = curve(rig, "head").modifiers
    assert (modifier.type, modifier.strength, modifier.scale) == ("NOISE", 0.125, 3.0)
    assert curve(rig, "neck").mute
    bag.fcurves.remove(influence)
    curve(rig, "neck").mute = False
    press("use_take", take="take-1")
    bag = rig.animation_data.action.layers[0].strips[0].channelbags[0]
    assert bag.fcurves.find(path) is None  # what the animator removed does not come back
    assert not curve(rig, "neck").mute


def test_a_pose_that_is_keyed_as_the_take_has_it_is_kept(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    """Blender's `I` keys location, rotation and scale."""
    pose = rotation_at(rig, "left_elbow", 8)
    for channel in ("location", "rotation_quaternion", "scale"):
        rig.pose.bones["left_elbow"].keyframe_insert(channel, frame=8)
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    assert is_same(rotation_at(rig, "left_elbow", 8), pose)
    assert not is_same(rotation_at(rig, "left_shoulder", 8), pose)
    assert curve(rig, "left_elbow").keyframe_points[7].type == "KEYFRAME"


def test_keys_move_along_when_the_take_is_imported_elsewhere_on_the_timeline(
    scene: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    key(rig, "left_shoulder", 8)
    remove_keys(rig, "right_knee", range(10, 15))
    action = rig.animation_data.action
    assert scene.import_reconstruction(bpy.context, tmp_path, frame_start=51) == collection
    assert rig.animation_data.action == action
    assert is_same(rotation_at(rig, "left_shoulder", 58), POSE)
    assert not is_same(rotation_at(rig, "left_shoulder", 57), POSE)
    assert key_frames(rig, "right_knee") == [*range(51, 60), *range(65, 76)]
    bpy.context.scene.render.fps = 48
    scene.import_reconstruction(bpy.context, tmp_path, frame_start=1)
    assert is_same(rotation_at(rig, "left_shoulder", 15), POSE)
    assert key_frames(rig, "right_knee") == [*range(1, 18, 2), *range(29, 50, 2)]


def test_keys_survive_when_bodies_are_built_anew(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    key(rig, "left_shoulder", 8)
    collection.socialmirror.contacts[0].state = "rejected"
    edited = scene.read_contacts(collection)
    bpy.data.objects.remove(scene.rig_of(collection, 1))
    again = scene.import_reconstruction(bpy.context, tmp_path)
    assert scene.read_contacts(again) == edited
    rebuilt = scene.rig_of(again, 0)
    assert is_same(rotation_at(rebuilt, "left_shoulder", 8), POSE)
    assert [action.name for action in bpy.data.actions if action.name.startswith("Person")] == [
        "Person 1 take-1",
        "Person 2 take-1",
    ]


def test_a_deleted_skin_or_camera_is_restored_without_touching_the_armatures(
    scene: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    key(rig, "left_shoulder", 8)
    rig.pose.bones["left_wrist"].constraints.new("LIMIT_ROTATION")
    bpy.data.objects.remove(scene.skin_of(collection, 0))
    bpy.data.objects.remove(bpy.context.scene.camera)
    assert scene.import_reconstruction(bpy.context, tmp_path) == collection
    assert scene.rig_of(collection, 0) == rig
    assert scene.skin_of(collection, 0).parent == rig
    assert bpy.context.scene.camera.name in collection.objects
    assert len(rig.pose.bones["left_wrist"].constraints) == 1
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)


def test_a_layer_of_the_animator_above_the_take_stays(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    """The take is pushed down in the NLA, and an additive action is on top."""
    data = rig.animation_data
    track = data.nla_tracks.new()
    strip = track.strips.new("take", 1, data.action)
    layer = bpy.data.actions.new("layer")
    data.action = layer
    data.action_blend_type = "COMBINE"
    key(rig, "left_shoulder", 8)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    for bone in rig.pose.bones:
        select_bone(bone, bone.name == "left_shoulder")
    with pytest.raises(RuntimeError, match="below your own layers"):
        press("pin")
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    assert data.action == layer
    assert strip.action.name == "Person 1 take-2"
    assert strip.action_slot is not None
    press("use_take", take="take-1")
    assert strip.action.name == "Person 1 take-1"


def test_an_action_of_the_animators_own_is_kept_when_a_take_is_chosen(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    first = rig.animation_data.action
    first.use_fake_user = True
    mine = first.copy()  # the button with the number of users in the Action Editor
    mine.name = "my version"
    rig.animation_data.action = mine
    key(rig, "left_shoulder", 8)
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    press("use_take", take="take-1")
    assert rig.animation_data.action == mine  # the one that was left last
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)
    assert first.use_fake_user
    rig.animation_data.action = first
    assert not is_same(rotation_at(rig, "left_shoulder", 8), POSE)


def test_quaternions_of_the_other_sign_do_not_turn_the_long_way_round(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path
) -> None:
    before = rotation_at(rig, "left_shoulder", 8)
    turned = before @ Quaternion((0, 0, 1), 0.1)
    turned.negate()
    key(rig, "left_shoulder", 8, turned)
    make_reconstruction(tmp_path, contract)  # the same take
    scene.update_take(collection, tmp_path)
    between = rotation_at(rig, "left_shoulder", 7.5)
    assert between.magnitude > 0.9
    assert between.normalized().rotation_difference(before).angle < 0.3


def test_keys_of_the_animator_are_listed_and_become_pins(
    imported: Any, scene: ModuleType, product: Product, contract: ModuleType
) -> None:
    rig = scene.rig_of(imported, 0)
    own_keys = product("socialmirror_blender.scene.own_keys")
    lines = product("socialmirror_blender.panels.own_keys").own_keys_lines
    assert [lines(*counted) for counted in own_keys.count_own_keys(imported)] == [[], []]
    with pytest.raises(RuntimeError, match="differs from the take"):
        press("pin_own_keys")
    for frame in (8, 9, 10, 15):
        key(rig, "left_shoulder", frame)
    key(rig, "left_index1", 9)
    own_keys.forget_own_keys()
    assert [lines(*counted) for counted in own_keys.count_own_keys(imported)] == [
        ["Person 1: 5 keys on 2 bones", "left shoulder: 8–10, 15", "left index1: 9"],
        [],
    ]
    assert press("pin_own_keys") == {"FINISHED"}
    pins = scene.read_edits(imported).pins
    assert [(pin.person, pin.joint, pin.frame) for pin in pins] == [
        (0, "left_shoulder", frame - 1) for frame in (8, 9, 10, 15)
    ]
    assert locked_frames(rig, "left_index1") == []


def test_bones_are_given_back_to_the_take(imported: Any, scene: ModuleType) -> None:
    rig = scene.rig_of(imported, 0)
    before = rotation_at(rig, "left_shoulder", 8)
    types = [point.type for point in curve(rig, "left_shoulder").keyframe_points]
    key(rig, "left_shoulder", 8)
    key(rig, "right_shoulder", 8)
    remove_keys(rig, "left_shoulder", range(12, 14))
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="POSE")
    for bone in rig.pose.bones:
        select_bone(bone, bone.name == "left_shoulder")
    assert press("give_back") == {"FINISHED"}
    assert is_same(rotation_at(rig, "left_shoulder", 8), before)
    assert [point.type for point in curve(rig, "left_shoulder").keyframe_points] == types
    assert is_same(rotation_at(rig, "right_shoulder", 8), POSE)


def test_a_failing_take_leaves_the_polish_alone(
    scene: ModuleType,
    contract: ModuleType,
    rig: Any,
    collection: Any,
    tmp_path: Path,
    product: Product,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the action of the take, which is written in place, was written already."""
    key(rig, "left_shoulder", 8)
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    rotation = rotation_at(rig, "left_elbow", 20)
    names = {action.name for action in bpy.data.actions}
    with monkeypatch.context() as patch:
        patch.setattr(product("socialmirror_blender.scene.takes"), "write_import", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            scene.import_reconstruction(bpy.context, tmp_path, frame_start=30)
    assert rig.animation_data.action.name == "Person 1 take-2"
    assert rig.animation_data.action_slot is not None
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)
    assert is_same(rotation_at(rig, "left_elbow", 20), rotation)
    assert {action.name for action in bpy.data.actions} == names


def test_an_import_of_an_earlier_version_keeps_the_ordinary_keys(
    scene: ModuleType, contract: ModuleType, rig: Any, collection: Any, tmp_path: Path, product: Product
) -> None:
    names = product("socialmirror_blender.scene.names")
    key(rig, "left_shoulder", 8)
    for point in (point for index in range(4) for point in curve(rig, "left_shoulder", index).keyframe_points):
        if point.co.x == 8:
            point.type = "KEYFRAME"
    for person in (0, 1):
        action = scene.rig_of(collection, person).animation_data.action
        for name in (names.ID_PROPERTY, names.TAKE_PROPERTY, names.TAKE_FRAMES_PROPERTY, names.TAKE_VALUES_PROPERTY):
            del action[name]
    add_take(tmp_path, contract, "take-2", seed=7)
    scene.update_take(collection, tmp_path)
    assert is_same(rotation_at(rig, "left_shoulder", 8), POSE)
    assert not is_same(rotation_at(rig, "left_shoulder", 9), POSE)
