"""Correcting the camera moves people, floor and contacts together, and keeps the picture."""

from __future__ import annotations

import math
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
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press, settings

BONES = ["pelvis", "head", "left_wrist", "right_ankle"]


@pytest.fixture
def made(contract: ModuleType, tmp_path: Path) -> Made:
    made = make_reconstruction(tmp_path, contract, moving_camera=True)
    press("import_folder", directory=str(tmp_path))
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
    assert before.height == pytest.approx(1.5, abs=1e-4)
    assert math.degrees(before.pitch) == pytest.approx(math.degrees(math.atan2(0.6, math.hypot(3.2, 0.8))), abs=1e-3)
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


def test_a_correction_stays_for_other_takes_and_pins_go_back_to_the_take_s_own_world(
    made: Made, scene: ModuleType, tmp_path: Path
) -> None:
    (collection,) = scene.reconstruction_collections()
    scene.lock_keyframes(scene.rig_of(collection, 0), ["pelvis"], 10)
    (plain,) = scene.read_edits(collection).pins
    scene.unlock_keyframes(scene.rig_of(collection, 0), ["pelvis"], 10)
    collection.socialmirror.camera_pitch = 0.2
    bpy.context.scene.frame_set(10)
    corrected = deformed_vertices(scene.skin_of(collection, 1))
    press("use_take", take="take-1")
    np.testing.assert_allclose(deformed_vertices(scene.skin_of(collection, 1)), corrected, atol=1e-5)
    scene.lock_keyframes(scene.rig_of(collection, 0), ["pelvis"], 12)
    pins = {pin.frame: pin for pin in scene.read_edits(collection).pins}
    pelvis = made.reconstruction.motion.pelvis[0, 11]
    np.testing.assert_allclose(pins[11].position, pelvis, atol=1e-4)
    assert plain.position is not None


def test_the_corrected_camera_is_shown_and_can_be_given_to_reconstruct(made: Made, scene: ModuleType) -> None:
    (collection,) = scene.reconstruction_collections()
    assert "reset_camera" not in draw_sidebar().buttons
    collection.socialmirror.camera_height = 0.25
    layout = draw_sidebar()
    assert "stands 1.75 m high" in " ".join(layout.texts)
    assert {"reset_camera", "know_camera"} <= set(layout.buttons)
    press("know_camera")
    assert settings().know_camera
    assert settings().camera_height == pytest.approx(1.75, abs=1e-4)
    assert settings().fov == pytest.approx(math.degrees(2 * math.atan2(320, 700)), abs=1e-2)
