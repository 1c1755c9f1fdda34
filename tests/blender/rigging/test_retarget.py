"""Both people on other armatures: the pose, feet that stand, touches that are kept, keyframes on the animator's own controls."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import all_datablocks, bone_heads, person_fcurves
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.rigging.target_rigs import (
    Body,
    Build,
    body_of,
    build_armature,
    mixamo_names,
    reshaped,
    unreal_names,
)
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press

FRAMES = 25


@pytest.fixture
def made(kept: Kept, tmp_path: Path) -> Made:
    made = kept.files(tmp_path / "result", make_reconstruction, frames=FRAMES)
    kept.pressed(tmp_path / "result")
    return made


@pytest.fixture
def collection(made: Made, scene: ModuleType) -> Any:
    (collection,) = scene.reconstruction_collections()
    return collection


@pytest.fixture
def bodies(made: Made, product: Product) -> list[Body]:
    rest_pose_of = product("socialmirror_blender.scene.takes").rest_pose_of
    reconstruction = made.reconstruction
    return [
        body_of(reconstruction.motion.rest_joints[p].astype(float), reconstruction.body, p, rest_pose_of(reconstruction, p)[1])
        for p in (0, 1)
    ]  # fmt: skip


def settings() -> Any:
    scene: Any = bpy.context.scene
    return scene.socialmirror_retarget


def choose(rig_a: Any, rig_b: Any = None) -> None:
    settings().target_a.rig, settings().target_b.rig = rig_a, rig_b


def heads(rig: Any, names: list[str]) -> np.ndarray:
    """[T,N,3] world positions of bones in all frames."""
    positions = []
    for frame in range(1, FRAMES + 1):
        bpy.context.scene.frame_set(frame)
        positions.append(bone_heads(rig, names))
    return np.array(positions)


def target(name: str, body: Body, names: dict[str, str], build: Build, skeleton: ModuleType) -> Any:
    return build_armature(name, reshaped(body, build, skeleton), names, build, skeleton)[0]


def test_the_same_body_moves_as_the_person_does(made: Made, collection: Any, bodies: list[Body], contract: Any) -> None:
    skeleton = contract.skeleton
    rig = target("Same", bodies[0], {name: name for name in skeleton.JOINTS}, Build(), skeleton)
    choose(rig)
    assert settings().target_a.map_name == "SMPL-X"
    settings().keep_touches = False
    assert press("retarget") == {"FINISHED"}
    names = ["spine3", "head", "left_elbow", "right_wrist", "left_index3"]
    expected = made.reconstruction.motion.joints[0][:, [skeleton.JOINT_INDEX[name] for name in names]]
    np.testing.assert_allclose(heads(rig, names), expected, atol=1e-3)


def test_people_and_targets_in_rest_position_move_as_they_are_animated(
    collection: Any, bodies: list[Body], scene: ModuleType, contract: Any
) -> None:
    skeleton = contract.skeleton
    names = {name: name for name in skeleton.JOINTS}
    rig = target("Target", bodies[0], names, Build(), skeleton)
    choose(rig)
    person = scene.rig_of(collection, 0)
    person.data.pose_position = rig.data.pose_position = "REST"
    press("retarget")
    person.data.pose_position = rig.data.pose_position = "POSE"
    bpy.context.scene.frame_set(12)
    np.testing.assert_allclose(heads(rig, ["left_wrist", "head"]), heads(person, ["left_wrist", "head"]), atol=0.002)


def test_a_mixamo_skeleton_in_centimetres_that_faces_elsewhere_gets_the_pose(
    made: Made, collection: Any, bodies: list[Body], contract: Any
) -> None:
    skeleton = contract.skeleton
    names = mixamo_names(skeleton)
    rig = target("Mixamo", bodies[1], names, Build(scale=0.01, turned=70, arm_angle=35), skeleton)
    choose(None, rig)
    assert settings().target_b.map_name == "Mixamo"
    settings().keep_touches = False
    assert press("retarget") == {"FINISHED"}
    joints = ["spine2", "left_elbow", "left_wrist", "right_wrist", "head"]
    expected = made.reconstruction.motion.joints[1][:, [skeleton.JOINT_INDEX[name] for name in joints]]
    np.testing.assert_allclose(heads(rig, [names[name] for name in joints]), expected, atol=2e-3)
    curves = person_fcurves(rig)
    assert {curve.data_path.split('"')[1] for curve in curves} == set(names.values())


def test_an_unreal_skeleton_in_an_a_pose_with_other_bone_axes_gets_the_pose(
    made: Made, collection: Any, bodies: list[Body], contract: Any
) -> None:
    skeleton = contract.skeleton
    names = unreal_names(skeleton)
    rig = target("Manny", bodies[0], names, Build(arm_angle=50, along_x=True), skeleton)
    choose(rig)
    assert settings().target_a.map_name == "UE5 Manny and Quinn"
    settings().keep_touches = False
    assert press("retarget") == {"FINISHED"}
    joints = ["left_elbow", "left_wrist", "left_middle3", "right_wrist", "right_thumb3"]
    expected = made.reconstruction.motion.joints[0][:, [skeleton.JOINT_INDEX[name] for name in joints]]
    np.testing.assert_allclose(heads(rig, [names[name] for name in joints]), expected, atol=2e-3)


def test_hands_that_touch_still_touch_with_longer_arms_and_shorter_legs(
    made: Made, collection: Any, bodies: list[Body], contract: Any, scene: ModuleType
) -> None:
    skeleton = contract.skeleton
    _bring_palms_together(made, collection, scene, skeleton)
    names = {name: name for name in skeleton.JOINTS}
    builds = (Build(arms=1.15), Build(legs=0.8, scale=0.01, arm_angle=30))
    choose(*(target(f"Target {p}", bodies[p], names, builds[p], skeleton) for p in (0, 1)))
    assert press("retarget") == {"FINISHED"}
    clip, before, after = _reported_distances()
    assert before > clip + 0.02
    assert abs(after - clip) < 0.005
    settings().keep_touches = False
    assert press("retarget") == {"FINISHED"}
    assert abs(_reported_distances()[2] - before) < 0.002


def test_standing_feet_stay_where_they_are(
    collection: Any, bodies: list[Body], contract: Any, product: Product
) -> None:
    """Of a person who sways on two feet that do not move, on legs of another length."""
    skeleton = contract.skeleton
    feet = product("socialmirror_blender.rigging.retarget.feet")
    rest = product("socialmirror_blender.rigging.retarget.rest")
    track = np.zeros((40, 55, 3)) + bodies[0].joints
    track[:, :, :2] += 0.0004 * np.arange(40)[:, None, None]  # 1 cm a second, as a reconstruction creeps
    present = np.ones(55, dtype=bool)
    character = rest.RestCharacter(
        bodies[0].joints, present, rest.present_parents(present), (np.zeros((0, 3)),) * 2, np.eye(4)
    )
    plants = feet.find_plants(character, track, 24.0)
    assert plants.spans == (((0, 39),), ((0, 39),))
    held = track[:, skeleton.JOINT_INDEX["left_foot"], :2]
    held = held + feet.hold_in_place(held, plants.spans[0], plants.weights[0])
    assert np.ptp(held, axis=0).max() < 1e-9


def test_an_incomplete_map_names_the_bones_that_are_missing(collection: Any, bodies: list[Body], contract: Any) -> None:
    skeleton = contract.skeleton
    names = mixamo_names(skeleton)
    rig = target("Armless", bodies[0], names, Build(), skeleton)
    rig.data.bones["mixamorig:LeftForeArm"].name = "Something"
    choose(rig)
    for row in settings().target_a.rows:
        if row.joint == "left_elbow":
            assert row.bone == ""
    press("bone_map_choose", person="0", kind="Mixamo")
    before = all_datablocks()
    with pytest.raises(RuntimeError, match=r"lacks: left elbow"):
        press("retarget")
    assert all_datablocks() == before
    assert rig.animation_data is None or rig.animation_data.action is None


def test_a_map_of_ones_own_is_saved_and_loaded(
    collection: Any, bodies: list[Body], contract: Any, tmp_path: Path
) -> None:
    skeleton = contract.skeleton
    names = {joint: f"bone {number}" for number, joint in enumerate(skeleton.JOINTS)}
    rig = target("Own", bodies[0], names, Build(), skeleton)
    choose(rig)
    assert not any(row.bone for row in settings().target_a.rows)
    for row in settings().target_a.rows:
        row.bone = names[row.joint]
    press("bone_map_save", person="0", filepath=str(tmp_path / "own.json"))
    settings().target_a.rig = None
    settings().target_a.rig = rig
    press("bone_map_load", person="0", filepath=str(tmp_path / "own.json"))
    assert {row.joint: row.bone for row in settings().target_a.rows} == names
    (tmp_path / "wrong.json").write_text('{"schema": 1, "name": "x", "joints": {"tail": ["bone 1"]}}')
    with pytest.raises(RuntimeError, match="bone map is not valid"):
        press("bone_map_load", person="0", filepath=str(tmp_path / "wrong.json"))


def test_the_targets_earlier_action_stays_and_a_step_thins_the_keyframes(
    collection: Any, bodies: list[Body], contract: Any
) -> None:
    skeleton = contract.skeleton
    rig = target("Keyed", bodies[0], {name: name for name in skeleton.JOINTS}, Build(), skeleton)
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    earlier = rig.animation_data.action
    choose(rig)
    options = settings()
    options.use_range, options.frame_first, options.frame_last, options.step = True, 3, 12, 4
    assert press("retarget") == {"FINISHED"}
    assert earlier.use_fake_user
    assert rig.animation_data.action != earlier
    points = person_fcurves(rig)[0].keyframe_points
    assert [round(point.co.x) for point in points] == [3, 7, 11, 12]


def test_strips_of_the_target_are_muted_so_that_they_do_not_add_to_the_motion(
    made: Made, collection: Any, bodies: list[Body], contract: Any
) -> None:
    """Of a target whose root, which no map names, walks off in the NLA."""
    rig = _with_walking_root(target("Walker", bodies[0], mixamo_names(contract.skeleton), Build(), contract.skeleton))
    data = rig.animation_data
    data.action_blend_type, data.action_influence = "ADD", 0.5
    data.nla_tracks[0].is_solo = True
    choose(rig)
    settings().keep_touches = False
    assert press("retarget") == {"FINISHED"}
    _assert_follows(rig, made, contract.skeleton)
    assert [(track.name, track.mute, len(track.strips)) for track in data.nla_tracks] == [("Walk", True, 1)]
    assert "Walker: NLA track muted: Walk" in settings().report
    press("retarget")
    assert "muted" not in settings().report


def test_a_target_whose_strip_is_tweaked_is_refused_unchanged(
    collection: Any, bodies: list[Body], contract: Any
) -> None:
    rig = _with_walking_root(target("Walker", bodies[0], mixamo_names(contract.skeleton), Build(), contract.skeleton))
    data = rig.animation_data
    track = data.nla_tracks[0]
    track.select, track.strips[0].select, data.nla_tracks.active = True, True, track
    data.use_tweak_mode = True
    tweaked, before = data.action, all_datablocks()
    choose(rig)
    with pytest.raises(RuntimeError, match=r"Walker: .*Tweak Mode"):
        press("retarget")
    assert (data.use_tweak_mode, data.action, track.mute) == (True, tweaked, False)
    assert all_datablocks() == before


@pytest.mark.parametrize("moved_by", ["parent", "constraint"])
def test_a_target_that_is_carried_along_follows_the_person(
    made: Made, collection: Any, bodies: list[Body], contract: Any, moved_by: str
) -> None:
    """By a parent that turns and moves, or by a constraint, whichever frame the scene shows."""
    rig = target("Carried", bodies[0], mixamo_names(contract.skeleton), Build(), contract.skeleton)
    cart: Any = bpy.data.objects.new("Cart", None)
    bpy.context.scene.collection.objects.link(cart)
    for frame, x in ((1, 0), (FRAMES, 2)):
        cart.location, cart.rotation_euler = (x, 0, 0), (0, 0, 0.5 * x)
        cart.keyframe_insert("location", frame=frame)
        cart.keyframe_insert("rotation_euler", frame=frame)
    if moved_by == "parent":
        rig.parent = cart
    else:
        rig.constraints.new("COPY_TRANSFORMS").target = cart
    bpy.context.scene.frame_set(13)
    choose(rig)
    settings().keep_touches = False
    assert press("retarget") == {"FINISHED"}
    assert (bpy.context.scene.frame_current, cart.location[0]) == (13, pytest.approx(1))
    _assert_follows(rig, made, contract.skeleton)


def test_touches_are_kept_by_targets_that_are_carried_along(
    made: Made, collection: Any, bodies: list[Body], contract: Any, scene: ModuleType
) -> None:
    skeleton = contract.skeleton
    _bring_palms_together(made, collection, scene, skeleton)
    names = {name: name for name in skeleton.JOINTS}
    rigs = [target(f"Target {p}", bodies[p], names, Build(arms=1.15), skeleton) for p in (0, 1)]
    cart: Any = bpy.data.objects.new("Cart", None)
    bpy.context.scene.collection.objects.link(cart)
    for frame, x in ((1, 0), (FRAMES, 2)):
        cart.location = (x, 0, 0)
        cart.keyframe_insert("location", frame=frame)
    rigs[0].parent = cart
    bpy.context.scene.frame_set(20)
    choose(*rigs)
    assert press("retarget") == {"FINISHED"}
    clip, _, after = _reported_distances()
    assert abs(after - clip) < 0.005


def test_hips_that_are_connected_to_their_parent_are_refused_by_name(
    collection: Any, bodies: list[Body], contract: Any
) -> None:
    """Blender ignores the location of a connected bone."""
    rig = target("Joined", bodies[0], mixamo_names(contract.skeleton), Build(), contract.skeleton)
    choose(_with_root(rig, connected=True))
    before = all_datablocks()
    with pytest.raises(RuntimeError, match=r"Joined: .* connected .*mixamorig:Hips"):
        press("retarget")
    assert all_datablocks() == before


@pytest.mark.parametrize("version", ["0.0", "1.0"])
def test_a_vrm_character_s_bones_are_those_that_the_vrm_add_on_names(
    product: Product, bodies: list[Body], contract: Any, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a made-up add-on with the properties of the real one, on bones whose names say nothing."""
    bone_maps = product("socialmirror_blender.rigging.retarget.bone_maps")
    vrm = bone_maps.shipped_map("vrm")
    spelt = {joint: f"骨{number}" for number, joint in enumerate(vrm.joints)}
    rig, _ = build_armature("Avatar", bodies[0], spelt, Build(), contract.skeleton)

    def human_bone(name: str, bone: str) -> SimpleNamespace:
        return SimpleNamespace(bone=name, node=SimpleNamespace(bone_name=bone))

    named = [
        human_bone(vrm.joints[joint][1 if len(vrm.joints[joint]) > 1 else 0], bone) for joint, bone in spelt.items()
    ]
    if version == "0.0":
        old = {"ThumbMetacarpal": "ThumbProximal", "ThumbProximal": "ThumbIntermediate"}
        for each in named:
            side, _, part = each.bone.partition("Thumb")
            each.bone = f"{side}{old.get(f'Thumb{part}', f'Thumb{part}')}" if part else each.bone
        extension = SimpleNamespace(
            spec_version=version, vrm0=SimpleNamespace(humanoid=SimpleNamespace(human_bones=named))
        )
    else:
        attributes = {re.sub("([A-Z])", r"_\1", each.bone).lower(): each for each in named}
        human_bones = SimpleNamespace(**attributes)
        extension = SimpleNamespace(
            spec_version=version, vrm1=SimpleNamespace(humanoid=SimpleNamespace(human_bones=human_bones))
        )
    monkeypatch.setattr(bpy.types.Armature, "vrm_addon_extension", extension, raising=False)
    choose(rig)
    assert settings().target_a.map_name == "VRM"
    assert {row.joint: row.bone for row in settings().target_a.rows if row.bone} == spelt
    monkeypatch.setattr(bpy.types.Armature, "vrm_addon_extension", SimpleNamespace(), raising=False)
    choose(None)
    choose(rig)  # an add-on of another kind: by names, of which none is known
    assert settings().target_a.map_name == "Own map"


def test_maps_are_detected_by_the_names_of_bones(product: Product, contract: Any) -> None:
    bone_maps = product("socialmirror_blender.rigging.retarget.bone_maps")
    for bone_map in bone_maps.shipped_maps():
        assert bone_maps.BoneMap.from_json(bone_map.to_json()) == bone_map
        bones = [names[0] for names in bone_map.joints.values()]
        if bone_map.controls:
            assert {control.joint for control in bone_map.controls} <= set(bone_map.joints)
        assert bone_maps.detect_map(bones).map.name == bone_map.name
        assert bone_maps.detect_map([f"Armature|Joe:{name}" for name in bones]).map.name == bone_map.name
    assert bone_maps.detect_map(["Bone", "Bone.001"]) is None


def _with_root(rig: Any, connected: bool = False) -> Any:
    """The target with a bone on the floor above its hips, which has no keys yet."""
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    root, hips = bones.new("root"), bones["mixamorig:Hips"]
    root.head, root.tail = (0, 0, 0), hips.head
    hips.parent, hips.use_connect = root, connected
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _with_walking_root(rig: Any) -> Any:
    """The target with a root that walks 1 m to the side, in a strip of the NLA."""
    root = _with_root(rig).pose.bones["root"]
    for frame, x in ((1, 0), (FRAMES, 1)):
        root.location = (x, 0, 0)
        root.keyframe_insert("location", frame=frame)
    data = rig.animation_data
    action, slot = data.action, data.action_slot
    data.action = None
    track = data.nla_tracks.new()
    track.name = "Walk"
    track.strips.new("Walk", 1, action).action_slot = slot
    return rig


def _assert_follows(rig: Any, made: Made, skeleton: ModuleType) -> None:
    """Whether a target with the names of Mixamo and the body of person A moves as A does."""
    names = ["spine2", "left_elbow", "right_wrist", "head", "left_hip"]
    expected = made.reconstruction.motion.joints[0][:, [skeleton.JOINT_INDEX[name] for name in names]]
    found = heads(rig, [mixamo_names(skeleton)[name] for name in names])
    np.testing.assert_allclose(found, expected, atol=2e-3)


def _bring_palms_together(made: Made, collection: Any, scene: ModuleType, skeleton: ModuleType) -> None:
    """Leave one contact, of the palms of both right hands, and move person B so that the wrists meet during it."""
    contacts = collection.socialmirror.contacts
    for index in reversed(range(len(contacts))):
        if (contacts[index].region_a, contacts[index].region_b) != ("right_palm", "right_palm"):
            contacts.remove(index)
    (palms,) = contacts
    palms.frame_start, palms.frame_end = 11, 14
    wrists = made.reconstruction.motion.joints[:, 11:15, skeleton.JOINT_INDEX["right_wrist"]].mean(1)
    scene.rig_of(collection, 1).location = wrists[0] - wrists[1]


def _reported_distances() -> tuple[float, float, float]:
    """Metres in the clip, before and after, as the panel says."""
    text = settings().report
    clip, rest = text.split(": ")[1].split(" cm apart in the clip, ")
    before, after = rest.split(" cm on the rigs")[0].split(" → ")
    return float(clip) / 100, float(before) / 100, float(after) / 100
