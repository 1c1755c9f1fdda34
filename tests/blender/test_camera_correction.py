"""Correcting the camera moves people, floor and contacts together, and keeps the picture."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from tests.blender.drawing import draw_sidebar
from tests.blender.evaluated_scene import bone_heads, deformed_vertices
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press, settings

BONES = ["pelvis", "head", "left_wrist", "right_ankle"]


@pytest.fixture
def made(kept: Kept, tmp_path: Path) -> Made:
    made = kept.files(tmp_path, make_reconstruction, moving_camera=True)
    kept.pressed(tmp_path)
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 640, 360
    return made


@pytest.fixture
def correction(product: Product) -> ModuleType:
    return product("socialmirror_blender.scene.camera_correction")


def in_picture(scene: ModuleType, collection: Any) -> np.ndarray:
    """Where joints of both people are seen [P,N,2] in the current frame, in fractions of the picture."""
    current = bpy.context.scene
    return np.array(
        [
            [
                world_to_camera_view(current, current.camera, Vector(head.tolist()))[:2]
                for head in bone_heads(scene.rig_of(collection, person), BONES)
            ]
            for person in (0, 1)
        ]
    )


def test_pitch_roll_and_height_keep_the_picture_and_the_pair(made: Made, scene: ModuleType) -> None:
    (collection,) = scene.reconstruction_collections()
    values = collection.socialmirror
    current = bpy.context.scene
    for frame in (3, 20):
        current.frame_set(frame)
        before, apart = in_picture(scene, collection), distances(scene, collection)
        values.camera_pitch, values.camera_roll, values.camera_height = math.radians(5), math.radians(-3), 0.2
        np.testing.assert_allclose(in_picture(scene, collection), before, atol=1e-4)
        np.testing.assert_allclose(distances(scene, collection), apart, atol=1e-4)
        height = made.reconstruction.motion.joints[0, frame - 1, 0, 2]
        assert (
            abs(bone_heads(scene.rig_of(collection, 0), ["pelvis"])[0, 2] - height) > 0.05
        )  # the floor is another one
        press("reset_camera")
        heads = bone_heads(scene.rig_of(collection, 0), ["pelvis"])
        np.testing.assert_allclose(heads[0], made.reconstruction.motion.joints[0, frame - 1, 0], atol=1e-4)


def distances(scene: ModuleType, collection: Any) -> np.ndarray:
    """Between joints of one person and joints of the other [N,N]."""
    a, b = (bone_heads(scene.rig_of(collection, person), BONES) for person in (0, 1))
    return np.linalg.norm(a[:, None] - b[None], axis=-1)


def test_the_stance_is_the_one_that_was_asked_for(made: Made, correction: ModuleType) -> None:
    motion = made.reconstruction.motion
    before = correction.stance(motion, 640)
    middle = np.linalg.inv(motion.camera_world[(len(motion.time) - 1) // 2].astype(float))
    assert before.height == pytest.approx(middle[2, 3], abs=1e-4)
    assert before.pitch == pytest.approx(math.asin(-middle[2, 2]), abs=1e-5)
    wanted = correction.CameraCorrection(0.1, 0.05, -0.3, 1.0)
    after = correction.stance(correction.corrected_motion(motion, wanted), 640)
    assert after.pitch - before.pitch == pytest.approx(0.1, abs=1e-5)
    assert after.roll - before.roll == pytest.approx(0.05, abs=1e-5)
    assert after.height - before.height == pytest.approx(-0.3, abs=1e-5)


def test_a_longer_lens_moves_the_pair_away_at_its_size_and_on_its_floor(made: Made, correction: ModuleType) -> None:
    motion = made.reconstruction.motion
    result = correction.corrected_motion(motion, correction.CameraCorrection(focal=1.5))
    assert result.camera_K[0, 0, 0] == pytest.approx(1.5 * motion.camera_K[0, 0, 0])
    np.testing.assert_allclose(result.joints[..., 2], motion.joints[..., 2], atol=1e-4)  # over the floor
    np.testing.assert_allclose(result.joints[0] - result.joints[1], motion.joints[0] - motion.joints[1], atol=1e-4)

    def tallness(of: Any, frame: int) -> float:
        """Pixels from head to pelvis of the first person."""
        points = of.joints[0, frame, [0, 15]] @ of.camera_world[frame, :3, :3].T + of.camera_world[frame, :3, 3]
        pixels = points @ of.camera_K[frame].T
        return float(np.linalg.norm(np.diff(pixels[:, :2] / pixels[:, 2:], axis=0)))

    for frame in (0, 12, 24):
        assert tallness(result, frame) == pytest.approx(tallness(motion, frame), rel=0.06)


def save_refined(product: Product, made: Made, folder: Path, change: Any) -> None:
    """Save what Refine makes of the first take under a corrected camera: the people as they are, in that camera's world."""
    correction = product("socialmirror_blender.scene.camera_correction")
    record = product("core.contract.reconstruction")
    before = made.reconstruction
    take = replace(before.info.takes[0], id="take-2")
    info = replace(before.info, take="take-2", takes=(*before.info.takes, take))
    record.save(folder, replace(before, motion=correction.corrected_motion(before.motion, change), info=info))


def test_refine_is_asked_for_the_camera_that_is_shown_and_for_pins_in_its_world(
    made: Made, product: Product, scene: ModuleType
) -> None:
    requests = product("socialmirror_blender.requests")
    (collection,) = scene.reconstruction_collections()
    settings().know_camera, settings().camera_roll, settings().fov = True, 30.0, 70.0  # for Reconstruct alone
    names = ("fov", "camera_pitch", "camera_roll", "camera_height")
    fields, _ = requests.refine_request(bpy.context, collection)
    assert [fields[name] for name in names] == [None] * 4 and scene.count_waiting_edits(collection) == 0
    values = collection.socialmirror
    values.camera_roll, values.camera_height, values.camera_focal = math.radians(-10), 0.2, 1.25
    scene.forget_count()
    assert scene.count_waiting_edits(collection) == 1
    scene.lock_keyframes(scene.rig_of(collection, 0), ["pelvis"], 10)
    fields, _ = requests.refine_request(bpy.context, collection)
    seen = product("socialmirror_blender.scene.correction_state").read_stance(collection)
    assert fields["camera_roll"] == pytest.approx(math.degrees(seen.roll), abs=1e-4)
    assert fields["camera_height"] == pytest.approx(seen.height, abs=1e-5)
    assert fields["fov"] == pytest.approx(math.degrees(2 * math.atan2(320, 700 * 1.25)), abs=1e-2)
    (pin,) = scene.read_edits(collection).pins
    bpy.context.scene.frame_set(10)
    shown = bone_heads(scene.rig_of(collection, 0), ["pelvis"])[0]
    np.testing.assert_allclose(pin.position, shown, atol=1e-4)
    assert abs(shown - made.reconstruction.motion.pelvis[0, 9]).max() > 0.05


def test_a_take_that_was_refined_under_the_corrected_camera_needs_no_correction(
    made: Made, product: Product, scene: ModuleType, correction: ModuleType, tmp_path: Path
) -> None:
    """Nothing in the scene moves: not when the take comes, not when the first one is shown again, under the same camera."""
    state = product("socialmirror_blender.scene.correction_state")
    (collection,) = scene.reconstruction_collections()
    wanted = correction.CameraCorrection(math.radians(3), math.radians(-10), 0.2, 1.25)
    set_correction = product("socialmirror_blender.reconstruction_properties").set_correction
    set_correction(collection.socialmirror, wanted)
    product("socialmirror_blender.camera_events").follow_camera(collection)
    rig = scene.rig_of(collection, 1)
    bpy.context.scene.frame_set(10)
    rig.pose.bones["left_elbow"].rotation_quaternion = (0.9, 0.0, 0.3, 0.3)
    rig.pose.bones["left_elbow"].keyframe_insert("rotation_quaternion")
    bpy.context.scene.frame_set(10)
    shown = [deformed_vertices(scene.skin_of(collection, person)) for person in (0, 1)]
    stance = state.read_stance(collection)

    def assert_nothing_moved() -> None:
        bpy.context.scene.frame_set(10)
        for person in (0, 1):
            np.testing.assert_allclose(deformed_vertices(scene.skin_of(collection, person)), shown[person], atol=2e-4)
        after = state.read_stance(collection)
        assert (after.pitch, after.roll, after.height, after.fov) == pytest.approx(
            (stance.pitch, stance.roll, stance.height, stance.fov), abs=1e-4
        )

    save_refined(product, made, tmp_path, state.correction_of(collection))
    scene.update_take(collection, tmp_path)
    assert not state.correction_of(collection).changes
    assert_nothing_moved()
    press("take_ghost", take="take-1")
    (ghost,) = (
        item for item in collection.objects if "ghost" in item.name and item.type == "MESH" and "1" in item.name
    )
    assert np.abs(deformed_vertices(ghost) - shown[0]).max() < 2e-4  # under the same camera, too
    press("take_ghost", take="take-1")
    press("use_take", take="take-1")
    again = state.correction_of(collection)
    for name in ("pitch", "roll", "height", "focal"):
        assert getattr(again, name) == pytest.approx(getattr(wanted, name), abs=1e-4)
    assert_nothing_moved()
    press("reset_camera")
    bpy.context.scene.frame_set(12)
    pelvis = bone_heads(scene.rig_of(collection, 0), ["pelvis"])[0]
    np.testing.assert_allclose(pelvis, made.reconstruction.motion.pelvis[0, 11], atol=1e-4)


@pytest.mark.parametrize("rebuilt", [False, True], ids=["keyed anew", "rebuilt"])
def test_a_take_that_contains_the_correction_is_imported_without_it(
    made: Made, product: Product, scene: ModuleType, tmp_path: Path, rebuilt: bool
) -> None:
    """*Use as Known Camera*, then *Reconstruct* into the same folder: people stay where they are."""
    state = product("socialmirror_blender.scene.correction_state")
    (collection,) = scene.reconstruction_collections()
    collection.socialmirror.camera_pitch = math.radians(5)
    bpy.context.scene.frame_set(10)
    shown, stance = deformed_vertices(scene.skin_of(collection, 0)), state.read_stance(collection)
    save_refined(product, made, tmp_path, state.correction_of(collection))
    if rebuilt:
        bpy.data.objects.remove(scene.rig_of(collection, 1))
    for _ in range(2):  # the second time, the take is already shown
        press("import_folder", directory=str(tmp_path))
        (collection,) = scene.reconstruction_collections()
        bpy.context.scene.frame_set(10)
        assert scene.read_state(collection).take == "take-2"
        assert not state.correction_of(collection).changes
        assert state.read_stance(collection).pitch == pytest.approx(stance.pitch, abs=1e-4)
        np.testing.assert_allclose(deformed_vertices(scene.skin_of(collection, 0)), shown, atol=2e-4)


def test_a_camera_that_was_not_corrected_comes_with_the_take_that_is_imported(
    made: Made, product: Product, scene: ModuleType, correction: ModuleType, tmp_path: Path
) -> None:
    """*Known Camera* was set by hand: the result is shown under that one."""
    state = product("socialmirror_blender.scene.correction_state")
    (collection,) = scene.reconstruction_collections()
    before = state.read_stance(collection).pitch
    save_refined(product, made, tmp_path, correction.CameraCorrection(pitch=math.radians(5)))
    press("import_folder", directory=str(tmp_path))
    assert not state.correction_of(collection).changes
    assert state.read_stance(collection).pitch == pytest.approx(before + math.radians(5), abs=1e-4)


def test_a_take_that_cannot_be_shown_leaves_the_correction_as_it_was(
    made: Made, product: Product, scene: ModuleType, tmp_path: Path
) -> None:
    (collection,) = scene.reconstruction_collections()
    collection.socialmirror.camera_roll = 0.2
    change = product("socialmirror_blender.scene.camera_correction").CameraCorrection(roll=0.2)
    save_refined(product, made, tmp_path, change)
    bpy.data.objects.remove(scene.rig_of(collection, 1))
    with pytest.raises(product("core.contract.errors").UserError):
        scene.update_take(collection, tmp_path)
    assert collection.socialmirror.camera_roll == pytest.approx(0.2)


def test_the_corrected_camera_is_shown_and_can_be_given_to_reconstruct(made: Made, scene: ModuleType) -> None:
    (collection,) = scene.reconstruction_collections()
    assert "reset_camera" not in draw_sidebar().buttons
    collection.socialmirror.camera_height = 0.25
    layout = draw_sidebar()
    assert "is 1.75 m high" in " ".join(layout.texts)
    assert {"reset_camera", "know_camera"} <= set(layout.buttons)
    press("know_camera")
    assert settings().know_camera
    assert settings().camera_height == pytest.approx(1.75, abs=1e-4)
    assert settings().fov == pytest.approx(math.degrees(2 * math.atan2(320, 700)), abs=1e-2)
    del collection["socialmirror_camera_stance"]
    with pytest.raises(RuntimeError, match="earlier version"):
        press("know_camera")
