"""The control rig: nothing moves when it is made, its controls pose the bones, and its motion comes back as own keys."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Quaternion

from tests.blender.evaluated_scene import all_datablocks, bone_heads
from tests.blender.posing import POSE, key, locked_frames
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press

FRAMES = (1, 7, 13, 19, 25)


def poses(rig: Any, names: Any) -> np.ndarray:
    """World matrices [F,B,4,4] of bones in some frames."""
    found = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        evaluated: Any = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
        found.append([np.array(evaluated.matrix_world @ evaluated.pose.bones[name].matrix) for name in names])
    return np.array(found)


def differences(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """The largest in mm and in degrees."""
    apart = 1000 * np.linalg.norm(before[..., :3, 3] - after[..., :3, 3], axis=-1).max()
    turn = np.einsum("...ab,...ab->...", before[..., :3, :3], after[..., :3, :3])
    return float(apart), float(np.degrees(np.arccos(np.clip((turn - 1) / 2, -1, 1))).max())


@pytest.fixture
def rigs(imported: Any, scene: ModuleType) -> list[Any]:
    return [scene.rig_of(imported, person) for person in (0, 1)]


@pytest.fixture
def joints(contract: ModuleType) -> Any:
    return contract.skeleton.JOINTS


def controls_of(product: Any, imported: Any, person: int = 0) -> Any:
    return product("socialmirror_blender.scene.objects").control_rig_of(imported, person)


def test_making_the_rig_moves_no_bone(rigs: Any, joints: Any, product: Any, imported: Any) -> None:
    before = [poses(rig, joints) for rig in rigs]
    press("control_rig_add", both=True)
    for rig, was in zip(rigs, before):
        apart, turned = differences(was, poses(rig, joints))
        assert apart < 1.0 and turned < 0.5, (apart, turned)
        assert len(rig.data.bones) == 56
    controls = controls_of(product, imported, 1)
    assert bpy.context.mode == "POSE" and bpy.context.object == controls_of(product, imported)
    shown = [bone for bone in controls.pose.bones if bone.custom_shape]
    assert len(shown) == 29 and not any(bone.bone.use_deform for bone in controls.pose.bones)
    left, right = (controls.pose.bones[f"{side}_hand.ik"].color.custom.normal for side in ("left", "right"))
    assert left != right


def place(rigs: Any, how: str) -> None:
    """Let the people stand elsewhere, as an animator does who fits them to a set."""
    props = bpy.data.objects.new("set", None)
    bpy.context.scene.collection.objects.link(props)
    for rig in rigs:
        if how == "moved":
            rig.location, rig.rotation_euler = (2, 1, 0), (0, 0, 1)
        elif how == "scaled":
            rig.scale = (0.9, 0.9, 0.9)
        else:
            rig.parent, props.location = props, (3, 0, 0.5)
    bpy.context.view_layer.update()


@pytest.mark.parametrize("how", ["moved", "scaled", "parented"])
def test_people_stay_where_their_armatures_stand(rigs: Any, joints: Any, product: Any, imported: Any, how: str) -> None:
    place(rigs, how)
    before = [poses(rig, joints) for rig in rigs]
    press("control_rig_add", both=True)
    press("control_rig_snap", limb="ALL", to_ik=False)
    for rig, was in zip(rigs, before):
        assert differences(was, poses(rig, joints))[0] < 1.0
    press("control_rig_remove")
    for rig, was in zip(rigs, before):
        assert differences(was, poses(rig, joints))[0] < 1.0
    own = product("socialmirror_blender.scene.own_keys").count_own_keys(imported)
    assert [keys.count for _, keys in own] == [0, 0]


def test_controls_of_an_earlier_version_are_baked_back_to_where_the_armature_stands(
    rigs: Any, joints: Any, product: Any, imported: Any
) -> None:
    place(rigs, "moved")
    before = poses(rigs[0], joints)
    press("control_rig_add", both=True)
    controls_of(product, imported).parent = None  # as that version had them: the people jump to the origin
    assert differences(before, poses(rigs[0], joints))[0] > 1000
    press("control_rig_snap", limb="ALL", to_ik=False)
    press("control_rig_remove")
    assert differences(before, poses(rigs[0], joints))[0] < 1.0
    own = product("socialmirror_blender.scene.own_keys").count_own_keys(imported)
    assert [keys.count for _, keys in own] == [0, 0]


def test_controls_of_an_earlier_version_that_were_moved_are_baked_back_as_they_are_seen(
    rigs: Any, joints: Any, product: Any, imported: Any
) -> None:
    press("control_rig_add", both=True)
    controls = controls_of(product, imported)
    controls.parent, controls.location = None, (2, 1, 0)
    before = poses(rigs[0], joints)
    press("control_rig_snap", limb="ALL", to_ik=False)
    assert differences(before, poses(rigs[0], joints))[0] < 1.0
    press("control_rig_remove")
    assert differences(before, poses(rigs[0], joints))[0] < 1.0


def test_a_hand_is_pulled_by_ik_and_posed_by_fk(rigs: Any, joints: Any, product: Any, imported: Any) -> None:
    press("control_rig_add", both=False) if bpy.context.object in rigs else press("control_rig_add", both=True)
    controls, rig = controls_of(product, imported), rigs[0]
    bpy.context.scene.frame_set(7)
    start = bone_heads(rig, ["right_wrist", "right_shoulder", "left_ankle"])
    hand = controls.pose.bones["right_hand.ik"]
    matrix = hand.matrix.copy()
    matrix.translation = start[0] + 0.15 * (start[1] - start[0])
    hand.matrix = matrix
    bpy.context.view_layer.update()
    pulled = bone_heads(rig, ["right_wrist", "right_shoulder", "left_ankle"])
    np.testing.assert_allclose(pulled[0], matrix.translation, atol=2e-3)
    np.testing.assert_allclose(pulled[1:], start[1:], atol=1e-4)
    press("control_rig_snap", limb="right_arm", to_ik=False)
    assert controls["right_arm"] == 0.0


def test_switching_between_fk_and_ik_keeps_the_pose(rigs: Any, joints: Any, product: Any, imported: Any) -> None:
    press("control_rig_add", both=True)
    before = poses(rigs[0], joints)[1]
    for to_ik in (False, True, False):
        bpy.context.scene.frame_set(7)
        press("control_rig_snap", limb="ALL", to_ik=to_ik)
        apart, turned = differences(before, poses(rigs[0], joints)[1])
        assert apart < 1.0 and turned < 0.5


def test_fewer_keys_stay_within_the_tolerance(rigs: Any, joints: Any, product: Any, imported: Any) -> None:
    press("control_rig_add", both=True)
    for limb in ("left_arm", "right_arm", "left_leg", "right_leg"):
        controls_of(product, imported)[limb] = 1.0
    ends = ["left_wrist", "right_wrist", "left_ankle", "right_ankle", "pelvis"]
    before = poses(rigs[0], ends)
    controls = controls_of(product, imported)
    channelbag = controls.animation_data.action.layers[0].strips[0].channelbags[0]
    count = sum(len(curve.keyframe_points) for curve in channelbag.fcurves)
    press("control_rig_reduce", distance=0.01, angle=np.radians(2))
    assert sum(len(curve.keyframe_points) for curve in channelbag.fcurves) < 0.7 * count
    assert differences(before[:, :4], poses(rigs[0], ends)[:, :4])[0] < 18  # 1 cm along each axis


def channel(controls: Any, bone: str, part: str = "rotation_quaternion") -> list[Any]:
    """The F-curves of a control."""
    data = controls.animation_data
    bag = data.action.layers[0].strips[0].channelbag(data.action_slot)
    return [curve for curve in bag.fcurves if curve.data_path == f'pose.bones["{bone}"].{part}']


def key_by_hand(curves: list[Any], frames: tuple[int, ...]) -> None:
    """Leave a few keyframes with curves between them, of which one is an extreme."""
    for curve in curves:
        values = {frame: curve.evaluate(frame) for frame in frames}
        curve.keyframe_points.clear()
        for frame, value in values.items():
            point = curve.keyframe_points.insert(frame, value)
            point.interpolation = "BEZIER"
        curve.keyframe_points[1].type = "EXTREME"
        curve.update()


def sampled(curves: list[Any], frames: np.ndarray) -> np.ndarray:
    return np.array([[curve.evaluate(frame) for curve in curves] for frame in frames.tolist()])


def described(curves: list[Any]) -> list[tuple[Any, ...]]:
    return [
        (tuple(point.co), tuple(point.handle_right), point.interpolation, point.type)
        for curve in curves
        for point in curve.keyframe_points
    ]


def test_fewer_keys_leaves_the_keys_of_the_animator_as_they_are(product: Any, imported: Any) -> None:
    press("control_rig_add", both=True)
    controls = controls_of(product, imported)
    head = channel(controls, "head")
    key_by_hand(head, (1, 9, 17, 25))
    before, shape = described(head), sampled(head, np.arange(1, 25.1, 0.25))
    spine = channel(controls, "spine1")
    for curve in spine:
        curve.keyframe_points[11].type = "BREAKDOWN"
    press("control_rig_reduce", distance=0.01, angle=np.radians(2))
    assert described(head) == before
    np.testing.assert_allclose(sampled(head, np.arange(1, 25.1, 0.25)), shape, atol=1e-6)
    assert all(any(point.type == "BREAKDOWN" for point in curve.keyframe_points) for curve in spine)


@pytest.mark.parametrize("handles", ["AUTO_CLAMPED", "FREE"])
def test_a_held_foot_keeps_its_curves_elsewhere(product: Any, imported: Any, handles: str) -> None:
    bpy.context.scene.render.fps = 10  # so that the eases are short: 2 frames
    press("control_rig_add", both=True)
    foot = imported.socialmirror.feet[0]
    controls = controls_of(product, imported)
    curves = channel(controls, f"{foot.foot}_foot.ik", "location")
    key_by_hand(curves, (1, 5, 8, 18, 22, 25))
    for curve in curves:
        for point in curve.keyframe_points:
            point.handle_left_type = point.handle_right_type = handles
        curve.update()
    timing = product("socialmirror_blender.scene").read_state(imported).timing
    foot.mode, foot.frame_start, foot.frame_end = "lock", timing.to_clip_frame(12), timing.to_clip_frame(14)
    first, last = timing.scene_range(foot.frame_start, foot.frame_end)
    elsewhere = np.array([frame for frame in np.arange(1, 25.1, 0.5) if frame < 8 or frame > 18])
    around = np.array([*range(8, first - 2), *range(last + 3, 19)])
    before, near = sampled(curves, elsewhere), sampled(curves, around)
    types = [(point.co.x, point.type) for curve in curves for point in curve.keyframe_points]
    press("control_rig_feet")
    held = sampled(curves, np.arange(first, last + 1))
    assert np.ptp(held, axis=0).max() < 1e-5
    np.testing.assert_allclose(sampled(curves, elsewhere), before, atol=1e-5)
    np.testing.assert_allclose(sampled(curves, around), near, atol=1e-5)
    now = [(point.co.x, point.type) for curve in curves for point in curve.keyframe_points]
    assert set(types) <= set(now)
    assert any(point.interpolation == "BEZIER" for point in curves[0].keyframe_points)


def test_a_locked_foot_stands_still_and_eases_out_of_it(rigs: Any, product: Any, imported: Any) -> None:
    press("control_rig_add", both=True)
    with pytest.raises(RuntimeError, match="No foot of a person with controls is locked"):
        press("control_rig_feet")
    foot = imported.socialmirror.feet[0]
    foot.mode, foot.frame_start, foot.frame_end = "lock", 9, 15
    name = f"{foot.foot}_ankle"

    def ankles() -> np.ndarray:
        found = []
        for frame in range(1, 26):
            bpy.context.scene.frame_set(frame)
            found.append(bone_heads(rigs[0], [name])[0])
        return np.array(found)

    before = ankles()
    press("control_rig_feet")
    after = ankles()
    assert np.ptp(after[9:16], axis=0).max() < 1e-4 < np.ptp(before[9:16], axis=0).max()
    np.testing.assert_allclose(after[9:16].mean(0), before[9:16].mean(0), atol=2e-3)
    np.testing.assert_allclose(after[[0, 1, 23, 24]], before[[0, 1, 23, 24]], atol=1e-3)
    steps = np.linalg.norm(np.diff(after, axis=0), axis=-1)
    usual = np.linalg.norm(np.diff(before, axis=0), axis=-1).max()
    assert steps.max() < usual + np.linalg.norm(after - before, axis=-1).max() / 2  # no jump


def test_a_locked_foot_of_a_leg_on_fk_is_named_instead_of_held(
    rigs: Any, product: Any, imported: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    press("control_rig_add", both=True)
    left_of_1, right_of_2 = imported.socialmirror.feet
    assert (left_of_1.person, left_of_1.foot, right_of_2.person, right_of_2.foot) == ("0", "left", "1", "right")
    left_of_1.mode = "lock"
    controls = controls_of(product, imported)
    press("control_rig_snap", limb="left_leg", to_ik=False)
    before = described(channel(controls, "left_foot.ik", "location"))
    with pytest.raises(RuntimeError, match=r"left leg of Person 1 is on FK.*Switch it to IK"):
        press("control_rig_feet")
    assert described(channel(controls, "left_foot.ik", "location")) == before
    right_of_2.mode = "lock"
    capfd.readouterr()
    press("control_rig_feet")
    said = capfd.readouterr().out
    assert "Held 1 foot contacts" in said and "left leg of Person 1 is on FK" in said
    bpy.context.scene.tool_settings.use_keyframe_insert_auto = True
    bpy.context.scene.frame_set(20)
    press("control_rig_snap", limb="left_leg", to_ik=True)  # from here on, after the lock
    right_of_2.mode = "free"
    with pytest.raises(RuntimeError, match="left leg of Person 1 is on FK"):
        press("control_rig_feet")
    bpy.context.scene.frame_set(8)
    press("control_rig_snap", limb="left_leg", to_ik=True)
    capfd.readouterr()
    press("control_rig_feet")  # holds what it can
    assert "left leg of Person 1 is on FK" in capfd.readouterr().out


def test_baking_back_gives_the_animator_keys_only_where_something_changed(
    rigs: Any, joints: Any, product: Any, imported: Any, scene: ModuleType
) -> None:
    objects = {item.name for item in bpy.data.objects}
    original = poses(rigs[0], joints)
    press("control_rig_add", both=True)
    controls = controls_of(product, imported)
    head = controls.pose.bones["head"]
    bpy.context.scene.frame_set(7)
    head.rotation_quaternion = head.rotation_quaternion @ type(head.rotation_quaternion)((1, 0, 0), 0.6)
    head.keyframe_insert("rotation_quaternion", frame=7)
    shown = poses(rigs[0], joints)
    press("control_rig_remove", keep=True)
    assert {item.name for item in bpy.data.objects if not item.name.startswith("SocialMirror control")} == objects
    assert not any(bone.constraints for bone in rigs[0].pose.bones)
    apart, turned = differences(shown, poses(rigs[0], joints))
    assert apart < 1.0 and turned < 0.5
    own = product("socialmirror_blender.scene.own_keys").count_own_keys(imported)[0][1]
    assert 7 in own.frames["head"]
    press("pin_own_keys")
    assert any(pin.joint == "head" and pin.frame == 6 for pin in scene.read_edits(imported).pins)
    assert differences(original[:1], shown[:1])[0] < 1.0


def test_what_was_animated_beyond_the_clip_and_pins_survive_baking_back(
    rigs: Any, joints: Any, product: Any, imported: Any, scene: ModuleType
) -> None:
    rig = rigs[0]
    key(rig, "neck", 31)  # beyond the clip, before there are controls
    key(rig, "left_collar", 5)
    scene.lock_keyframes(rig, ["left_collar"], 5)
    press("control_rig_add", both=True)
    controls = controls_of(product, imported)
    head = controls.pose.bones["head"]
    for frame, rotation in ((25, POSE), (36, Quaternion((1, 0, 0, 0)))):
        head.rotation_quaternion = rotation
        head.keyframe_insert("rotation_quaternion", frame=frame)
    chosen = ("neck", "head", "left_collar", "left_wrist")

    def seen() -> np.ndarray:
        found = []
        for frame in (5, 24, 25, 28, 31, 34, 36, 40):
            bpy.context.scene.frame_set(frame)
            found.append(bone_matrices(rig, chosen))
        return np.array(found)

    before, action = seen(), controls.animation_data.action
    press("control_rig_remove", keep=True)
    apart, turned = differences(before, seen())
    assert apart < 1.0 and turned < 0.5, (apart, turned)
    assert action.use_fake_user
    assert locked_frames(rig, "left_collar") == [5]
    own = product("socialmirror_blender.scene.own_keys").count_own_keys(imported)[0][1]
    assert own.frames["head"] == list(range(25, 37))
    assert own.frames["left_collar"] == [5] and own.frames["neck"] == [31]


def test_frames_between_the_keys_of_a_slow_clip_survive_baking_back(
    scene: ModuleType, contract: ModuleType, tmp_path: Path, product: Any
) -> None:
    make_reconstruction(tmp_path, contract)
    bpy.context.scene.render.fps = 48  # every second frame is keyed
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    rig = scene.rig_of(collection, 0)
    press("control_rig_add", both=True)
    controls = controls_of(product, collection)
    head = controls.pose.bones["head"]
    head.rotation_quaternion = POSE
    head.keyframe_insert("rotation_quaternion", frame=12)  # between two frames of the clip
    bpy.context.scene.frame_set(12)
    before = bone_matrices(rig, ["head"])
    press("control_rig_remove", keep=True)
    bpy.context.scene.frame_set(12)
    np.testing.assert_allclose(bone_matrices(rig, ["head"]), before, atol=1e-4)
    own = product("socialmirror_blender.scene.own_keys").count_own_keys(collection)[0][1]
    assert own.frames == {"head": [12]}


def test_baking_back_is_refused_before_anything_is_baked(rigs: Any, product: Any, imported: Any) -> None:
    press("control_rig_add", both=True)
    controls = controls_of(product, imported)
    head = controls.pose.bones["head"]
    head.rotation_quaternion = POSE
    head.keyframe_insert("rotation_quaternion", frame=7)
    rigs[1].animation_data.action.use_fake_user = True
    rigs[1].animation_data.action = bpy.data.actions.new("mine")
    with pytest.raises(RuntimeError, match="Person 2 does not move as the take does"):
        press("control_rig_remove", keep=True)
    assert all(controls_of(product, imported, person) is not None for person in (0, 1))
    press("control_rig_remove", keep=False)
    assert all(controls_of(product, imported, person) is None for person in (0, 1))
    with pytest.raises(RuntimeError, match="Person 2 does not move as the take does"):
        press("control_rig_add", both=True)
    assert controls_of(product, imported) is None


def constrain(rig: Any, bone: str, kind: str) -> Any:
    """A constraint of the animator's own."""
    props = bpy.data.objects.new("set", None)
    bpy.context.scene.collection.objects.link(props)
    props.location, props.rotation_euler = (1, 0, 0), (0, 0, 0.5)
    constraint = rig.pose.bones[bone].constraints.new(kind)
    constraint.target = props
    if kind == "CHILD_OF":
        constraint.set_inverse_pending = False
    if kind == "COPY_LOCATION":
        constraint.use_offset = True
    if kind == "IK":
        constraint.chain_count = 2
    bpy.context.view_layer.update()
    return constraint


@pytest.mark.parametrize(
    ("bone", "kind"),
    [
        ("root", "CHILD_OF"),
        ("root", "COPY_LOCATION"),
        ("head", "DAMPED_TRACK"),
        ("left_elbow", "IK"),
        ("jaw", "CHILD_OF"),
    ],
)
def test_constraints_of_ones_own_have_their_effect_once_after_baking_back(
    rigs: Any, joints: Any, product: Any, imported: Any, bone: str, kind: str
) -> None:
    rig, constraint = rigs[0], constrain(rigs[0], bone, kind)
    before = poses(rig, joints)
    press("control_rig_add", both=True)
    arm = controls_of(product, imported).pose.bones["right_collar"]
    arm.rotation_quaternion = POSE
    arm.keyframe_insert("rotation_quaternion", frame=7)
    shown = poses(rig, joints)
    press("control_rig_remove")
    apart, turned = differences(shown, poses(rig, joints))
    assert (apart < 1.0 and turned < 0.5) or (kind == "IK" and apart < 5.0 and turned < 1.5), (apart, turned)
    assert differences(before, shown)[0] > 10
    assert not constraint.mute
    own = product("socialmirror_blender.scene.own_keys").count_own_keys(imported)[0][1]
    assert set(own.frames) - {"left_wrist"} == {"right_collar", "right_shoulder", "right_elbow", "right_wrist"}


def test_a_constraint_that_would_undo_what_the_controls_did_is_muted(
    rigs: Any, joints: Any, imported: Any, product: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    constraint = constrain(rigs[0], "root", "CHILD_OF")
    press("control_rig_add", both=True)
    root = controls_of(product, imported).pose.bones["root"]
    for frame in range(1, 26):
        bpy.context.scene.frame_set(frame)
        root.location.x += 0.5
        root.keyframe_insert("location", frame=frame)
    shown = poses(rigs[0], joints)
    press("control_rig_remove")
    assert differences(shown, poses(rigs[0], joints))[0] < 1.0
    assert constraint.mute
    assert "Child Of on root of Person 1" in capfd.readouterr().out


def hide(collection: Any, how: str) -> Any:
    """Hide a collection in the Outliner; its entry there."""
    entry = bpy.context.view_layer.layer_collection.children[collection.name]
    entry.exclude, entry.hide_viewport = how == "excluded", how == "hidden"
    collection.hide_viewport = how == "disabled"
    bpy.context.view_layer.update()
    return entry


def left_behind(rigs: Any) -> Any:
    constraints = [sum(len(bone.constraints) for bone in rig.pose.bones) for rig in rigs]
    return all_datablocks(), constraints, bpy.context.object, bpy.context.mode, list(bpy.context.selected_objects)


@pytest.mark.parametrize("how", ["excluded", "hidden", "disabled"])
def test_no_controls_are_made_in_a_collection_that_is_not_shown(rigs: Any, imported: Any, how: str) -> None:
    hide(imported, how)
    before = left_behind(rigs)
    with pytest.raises(RuntimeError, match=r"'missing reconstruction' is .* collection in the Outliner"):
        press("control_rig_add", both=True)
    assert left_behind(rigs) == before


def test_no_controls_are_made_for_or_baked_back_to_people_in_an_excluded_collection(rigs: Any, imported: Any) -> None:
    characters = bpy.data.collections.new("Characters")
    bpy.context.scene.collection.children.link(characters)
    imported.objects.unlink(rigs[1])
    characters.objects.link(rigs[1])
    entry = hide(characters, "excluded")
    before = left_behind(rigs)
    with pytest.raises(RuntimeError, match=r"'Characters' is .* collection in the Outliner"):
        press("control_rig_add", both=True)
    assert left_behind(rigs) == before
    entry.exclude = False
    press("control_rig_add", both=True)
    bpy.ops.object.mode_set(mode="OBJECT")
    entry.exclude = True
    before = left_behind(rigs)
    with pytest.raises(RuntimeError, match=r"'Characters' is .* collection in the Outliner"):
        press("control_rig_remove")
    assert left_behind(rigs) == before


def test_nothing_is_left_of_controls_that_could_not_be_made(
    rigs: Any, product: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    operators = product("socialmirror_blender.operators.control_rig")
    bake, seen = operators.bake_onto_controls, []

    def fail(*arguments: Any) -> None:
        seen.append(arguments)
        if len(seen) == 2:
            raise ValueError("as an example")
        bake(*arguments)

    monkeypatch.setattr(operators, "bake_onto_controls", fail)
    bpy.context.view_layer.objects.active = rigs[0]
    bpy.ops.object.mode_set(mode="POSE")
    before = left_behind(rigs)
    with pytest.raises(RuntimeError, match="as an example"):
        press("control_rig_add", both=True)
    assert left_behind(rigs) == before
    assert not any(rig.hide_get() for rig in rigs)


def test_the_selected_person_gets_the_controls(rigs: Any, product: Any, imported: Any, scene: ModuleType) -> None:
    layer = bpy.context.view_layer
    layer.objects.active = bpy.context.scene.camera
    with pytest.raises(RuntimeError, match="Neither person is selected"):
        press("control_rig_add", both=False)
    layer.objects.active = scene.skin_of(imported, 1)  # a click in the viewport
    press("control_rig_add", both=False)
    assert controls_of(product, imported) is None
    assert bpy.context.object == controls_of(product, imported, 1)
    with pytest.raises(RuntimeError, match="There is a control rig already"):
        press("control_rig_add", both=False)


def test_a_keyed_switch_is_keyed_and_holds(rigs: Any, product: Any, imported: Any) -> None:
    press("control_rig_add", both=True)
    controls, current = controls_of(product, imported), bpy.context.scene

    def switched(limb: str) -> list[float]:
        found = []
        for frame in (2, 9, 10, 15, 20, 25):
            current.frame_set(frame)
            found.append(controls.evaluated_get(bpy.context.evaluated_depsgraph_get())[limb])
        return found

    current.frame_set(10)
    press("control_rig_snap", limb="left_leg", to_ik=False)
    assert switched("left_leg") == [0.0] * 6  # it is not keyed, so it changes in all frames
    current.tool_settings.use_keyframe_insert_auto = True
    current.frame_set(10)
    press("control_rig_snap", limb="left_arm", to_ik=False)
    assert switched("left_arm") == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    current.tool_settings.use_keyframe_insert_auto = False
    current.frame_set(20)
    press("control_rig_snap", limb="left_arm", to_ik=True)
    assert switched("left_arm") == [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]


def bone_matrices(rig: Any, names: Any) -> np.ndarray:
    """[B,4,4] in the current frame."""
    evaluated: Any = rig.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([np.array(evaluated.pose.bones[name].matrix) for name in names])


def test_a_person_is_not_moved_by_accident(rigs: Any) -> None:
    assert all(all(rig.lock_location) and all(rig.lock_rotation) for rig in rigs)


def test_refine_asks_for_baking_back_first(product: Any, imported: Any) -> None:
    press("control_rig_add", both=True)
    errors = product("core.contract.errors")
    with pytest.raises(errors.UserError, match="control rig") as caught:
        product("socialmirror_blender.requests").refine_request(bpy.context, imported)
    assert "Bake Back" in caught.value.hint
