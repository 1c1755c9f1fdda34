"""The camera shows the people where the clip does, and the clip itself plays in step with them."""

from __future__ import annotations

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
from tests.blender.evaluated_scene import bone_heads
from tests.blender.movies import shown_number, strips_of, write_movie, write_numbered_movie
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_reconstruction
from tests.blender.user_actions import press


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("resolution", [(640, 360), (1000, 1000)])
def test_the_camera_projects_joints_to_the_pixels_of_the_clip(
    scene: ModuleType, contract: ModuleType, tmp_path: Path, moving: bool, resolution: tuple[int, int]
) -> None:
    made = make_reconstruction(tmp_path, contract, moving_camera=moving)
    scene.import_reconstruction(bpy.context, tmp_path)
    current = bpy.context.scene
    current.render.resolution_x, current.render.resolution_y = resolution
    motion = made.reconstruction.motion
    for frame in (0, 13, 24):
        current.frame_set(1 + frame)
        for joint in motion.joints[0, frame, ::9]:
            view = world_to_camera_view(current, current.camera, Vector(joint.tolist()))
            # the lens is fitted to the width: a scene of another shape shows the same centre at the same scale
            height = 640 * resolution[1] / resolution[0]
            pixel = (view.x * 640, (1 - view.y) * height + (360 - height) / 2)
            projected = motion.camera_K[frame] @ (motion.camera_world[frame] @ (*joint, 1))[:3]
            np.testing.assert_allclose(pixel, projected[:2] / projected[2], atol=0.5)


def test_the_clip_plays_behind_the_camera_in_step_with_the_motion(
    scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 12)
    make_reconstruction(tmp_path / "out", contract, first_frame=4, frames=8, clip=clip)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "out", frame_start=101)
    camera = bpy.context.scene.camera.data
    (background,) = camera.background_images
    assert camera.show_background_images
    assert Path(background.clip.filepath) == clip
    assert background.clip.frame_duration == 12
    assert background.clip.frame_start == 97  # frame 4 of the clip, the first reconstructed one, is scene frame 101
    assert scene.read_state(collection).notes == ""

    scene.import_reconstruction(bpy.context, tmp_path / "out", frame_start=11)
    assert [item.clip.frame_start for item in camera.background_images] == [7]


@pytest.mark.parametrize(("size", "aspect"), [((64, 36), 1.0), ((91, 36), 91 / 64), ((640, 360), 1.0), ((36, 64), 1.0)])
def test_a_clip_whose_pixels_are_not_square_is_as_wide_behind_the_people_as_they_are(
    product: Product, tmp_path: Path, size: tuple[int, int], aspect: float
) -> None:
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 2)
    camera: Any = bpy.data.objects.new("Clip camera", bpy.data.cameras.new("Clip camera"))
    timeline = product("socialmirror_blender.scene.timeline").Timeline(1.0, 24.0)
    add = product("socialmirror_blender.scene.background_clip").add_background_clip
    add(camera, clip, size, timeline, 24.0, np.arange(2))
    (background,) = camera.data.background_images
    assert background.clip.display_aspect[0] / background.clip.display_aspect[1] == pytest.approx(aspect)


def test_a_note_says_why_the_clip_is_missing(scene: ModuleType, contract: ModuleType, tmp_path: Path) -> None:
    make_reconstruction(tmp_path / "other", contract, clip=tmp_path / "clip.mp4")
    collection = scene.import_reconstruction(bpy.context, tmp_path / "other")
    assert "not there" in scene.read_state(collection).notes


def test_the_clip_behind_the_camera_keeps_step_in_a_scene_of_another_rate(
    scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    """Blender shows frame n - start + 1 of a movie in scene frame n, counted from 1."""
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 24)
    make_reconstruction(tmp_path / "out", contract, frames=24, clip=clip)
    current = bpy.context.scene
    current.render.fps = 60
    collection = scene.import_reconstruction(bpy.context, tmp_path / "out")
    (background,) = current.camera.data.background_images
    assert scene.read_state(collection).notes == ""
    for frame in (1, 11, 30, 55):
        current.frame_set(frame)
        movie = background.clip.evaluated_get(bpy.context.evaluated_depsgraph_get())
        assert abs(frame - movie.frame_start - (frame - 1) * 24 / 60) <= 0.5
    current.render.fps = 24
    scene.import_reconstruction(bpy.context, tmp_path / "out")
    assert background.clip.animation_data.action is None
    assert background.clip.frame_start == 1


def test_correcting_the_camera_keeps_what_the_animator_animates_on_it(
    scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 24)
    make_reconstruction(tmp_path / "out", contract, frames=24, clip=clip, moving_camera=True)
    bpy.context.scene.render.fps = 60
    collection = scene.import_reconstruction(bpy.context, tmp_path / "out")
    camera = bpy.context.scene.camera
    camera.data.dof.focus_distance = 3.0
    camera.data.keyframe_insert("dof.focus_distance", frame=5)
    camera.keyframe_insert("hide_render", frame=5)
    actions = len(bpy.data.actions)
    for height in (0.1, 0.2, 0.3):
        collection.socialmirror.camera_height = height
    assert len(bpy.data.actions) == actions
    assert animated(camera.data) == {"dof.focus_distance"}
    assert animated(camera) == {"location", "rotation_quaternion", "hide_render"}
    bpy.context.scene.frame_set(1)
    expected = np.linalg.inv(scene_camera(contract, tmp_path / "out"))[2, 3] + 0.3
    assert camera.matrix_world.translation.z == pytest.approx(expected, abs=1e-3)


def animated(owner: Any) -> set[str]:
    """Paths of the properties that an object or its data animates."""
    data = owner.animation_data
    bag = data.action.layers[0].strips[0].channelbag(data.action_slot)
    return {curve.data_path for curve in bag.fcurves}


def test_rebuilding_an_import_keeps_its_camera_and_what_the_animator_animates_on_it(
    scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 24)
    make_reconstruction(tmp_path / "out", contract, frames=24, clip=clip, moving_camera=True)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "out")
    camera = bpy.context.scene.camera
    camera.data.dof.focus_distance = 3.0
    camera.data.keyframe_insert("dof.focus_distance", frame=5)
    movies, cameras, actions = (len(each) for each in (bpy.data.movieclips, bpy.data.cameras, bpy.data.actions))
    bpy.data.objects.remove(scene.rig_of(collection, 0))
    again = scene.import_reconstruction(bpy.context, tmp_path / "out", frame_start=11)
    assert bpy.context.scene.camera == camera and camera.name in again.objects
    assert animated(camera.data) == {"dof.focus_distance"}
    assert animated(camera) == {"location", "rotation_quaternion"}
    assert len(bpy.data.movieclips) == movies and len(bpy.data.cameras) == cameras
    assert len(bpy.data.actions) <= actions + 2  # of the rebuilt armatures
    bpy.context.scene.frame_set(11)
    expected = np.linalg.inv(scene_camera(contract, tmp_path / "out"))[:3, 3]
    assert np.allclose(camera.matrix_world.translation, expected, atol=1e-3)


def test_a_result_that_plays_with_its_strip_fits_any_frame_rate(
    scene: ModuleType, contract: ModuleType, product: Product, tmp_path: Path
) -> None:
    clip, current = tmp_path / "clip.mp4", bpy.context.scene
    write_numbered_movie(clip, 12, 24)
    make_reconstruction(tmp_path / "out", contract, frames=8, frame_rate=24, clip=clip)
    strips_of(current).new_movie("Clip", str(clip), channel=1, frame_start=31)
    origin = replace(product("socialmirror_blender.runtime.origins").current_origin(bpy.context), strip="Clip")
    product("socialmirror_blender.reconstructions").import_or_update(bpy.context, tmp_path / "out", origin)
    current.render.fps = 30
    assert "key_for_scene_rate" not in draw_sidebar().buttons
    press("match_scene")  # the keys stay where they are
    current.render.fps = 30
    assert "key_for_scene_rate" not in draw_sidebar().buttons
    press("import_folder", directory=str(tmp_path / "out"))  # it stays where it is
    current.render.fps = 60
    assert "key_for_scene_rate" not in draw_sidebar().buttons
    press("key_for_scene_rate")  # not for the strip
    current.render.fps = 30
    assert "key_for_scene_rate" in draw_sidebar().buttons


def scene_camera(contract: ModuleType, folder: Path) -> np.ndarray:
    """[4,4], world to the clip's camera in its first frame."""
    return contract.reconstruction.load(folder).motion.camera_world[0].astype(float)


@pytest.mark.parametrize(("clip_rate", "scene_rate"), [(24, 24), (30, 24), (20, 60)])
def test_motion_plays_in_step_with_a_movie_strip_frame_by_frame(
    scene: ModuleType, contract: ModuleType, tmp_path: Path, clip_rate: int, scene_rate: int
) -> None:
    """The sequencer plays one frame of the movie per frame of the scene, as its pictures show."""
    clip, current = tmp_path / "clip.mp4", bpy.context.scene
    write_numbered_movie(clip, 12, clip_rate)
    made = make_reconstruction(tmp_path / "out", contract, first_frame=4, frames=8, frame_rate=clip_rate, clip=clip)
    current.render.fps = scene_rate
    strips_of(current).new_movie("Clip", str(clip), channel=1, frame_start=31)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "out", strip="Clip")
    state = scene.read_state(collection)
    assert (state.first_frame, state.last_frame) == (35, 42)
    head = contract.skeleton.JOINT_INDEX["head"]
    for frame in (35, 38, 42):
        number = shown_number(current, frame, 12, tmp_path)
        assert state.timing.to_clip_frame(frame) == number
        np.testing.assert_allclose(
            bone_heads(scene.rig_of(collection, 0), ["head"])[0],
            made.reconstruction.motion.joints[0, number - 4, head],
            atol=1e-4,
        )
    with pytest.raises(Exception, match="no movie strip named 'Other'"):
        scene.import_reconstruction(bpy.context, tmp_path / "out", strip="Other")
