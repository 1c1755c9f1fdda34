"""An imported reconstruction stands in the scene exactly as the core computed it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

from tests.blender.evaluated_scene import bone_heads, everything, skin_points
from tests.blender.synthetic_reconstruction import Made, make_reconstruction


@pytest.fixture
def made(contract: ModuleType, tmp_path: Path) -> Made:
    return make_reconstruction(tmp_path, contract)


def test_bones_and_skin_are_where_the_reconstruction_has_them(
    contract: ModuleType, scene: ModuleType, made: Made, tmp_path: Path
) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path, frame_start=11)
    for frame in (0, 7, 24):
        bpy.context.scene.frame_set(11 + frame)
        for person in (0, 1):
            heads = bone_heads(scene.rig_of(collection, person), contract.skeleton.JOINTS)
            np.testing.assert_allclose(heads, made.reconstruction.motion.joints[person, frame], atol=1e-4)
            points = skin_points(scene.skin_of(collection, person))
            np.testing.assert_allclose(points, made.vertices(person, frame), atol=1e-4)


def test_root_is_the_pelvis_on_the_floor(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    for frame in (0, 12, 24):
        bpy.context.scene.frame_set(1 + frame)
        for person in (0, 1):
            root = scene.rig_of(collection, person).pose.bones["root"].matrix
            pelvis = made.reconstruction.motion.pelvis[person, frame]
            np.testing.assert_allclose(root.translation, (*pelvis[:2], 0), atol=1e-5)
            np.testing.assert_allclose(root.to_3x3() @ Vector((0, 0, 1)), (0, 0, 1), atol=1e-5)


def test_a_scene_of_another_frame_rate_gets_resampled_motion(
    contract: ModuleType, scene: ModuleType, tmp_path: Path
) -> None:
    """A clip of 20 frames a second in a scene of 24: on common instants exact, between them on the way."""
    made = make_reconstruction(tmp_path, contract, frame_rate=20.0, frames=21)
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    joints = made.reconstruction.motion.joints
    rig = scene.rig_of(collection, 1)
    for scene_frame in range(1, 26):
        bpy.context.scene.frame_set(scene_frame)
        heads = bone_heads(rig, contract.skeleton.JOINTS)
        clip_frame = (scene_frame - 1) * 20 / 24
        before = int(clip_frame)
        if clip_frame == before:
            np.testing.assert_allclose(heads, joints[1, before], atol=1e-4)
        else:
            share = clip_frame - before
            between = (1 - share) * joints[1, before] + share * joints[1, before + 1]
            np.testing.assert_allclose(heads, between, atol=5e-3)
    assert scene.read_state(collection).last_frame == 25


def test_curves_never_jump(scene: ModuleType, contract: ModuleType, tmp_path: Path) -> None:
    """The second person turns past the half turn, where a quaternion's sign could flip from one key to the next."""
    make_reconstruction(tmp_path, contract, frames=60)
    rig = scene.rig_of(scene.import_reconstruction(bpy.context, tmp_path), 1)
    curves = rig.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
    steps = [
        max(abs(np.diff([point.co.y for point in curve.keyframe_points])))
        for curve in curves
        if curve.data_path.endswith("rotation_quaternion")
    ]
    assert len(steps) == 4 * 56
    assert max(steps) < 0.3
    points = [point for curve in curves for point in curve.keyframe_points]
    assert {point.interpolation for point in points} == {"LINEAR"}
    assert not any(point.select_control_point for point in points)


def test_meshes_are_smooth_mapped_and_told_apart(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    first, second = (scene.skin_of(collection, person) for person in (0, 1))
    body = made.reconstruction.body
    uv = np.empty(body.uv.size, dtype=np.float32)
    first.data.uv_layers[0].uv.foreach_get("vector", uv)
    np.testing.assert_array_equal(uv, body.uv.ravel())
    assert first.data.validate() is False
    assert not any(first.data.polygons[i].use_smooth is False for i in (0, 100, 5000))
    colors = [tuple(item.data.materials[0].diffuse_color) for item in (first, second)]
    assert colors[0] != colors[1]
    assert all(len(vertex.groups) <= 8 for vertex in first.data.vertices)


def test_what_nobody_saw_is_marked(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    """Half the clip has an elbow and a wrist of the first person filled in: 2 of 22 joints."""
    rig = scene.rig_of(scene.import_reconstruction(bpy.context, tmp_path), 0)
    curves = rig.animation_data.action.layers[0].strips[0].channelbags[0].fcurves
    kinds = {}
    for bone in ("left_elbow", "left_index2", "right_elbow"):
        curve = curves.find(f'pose.bones["{bone}"].rotation_quaternion', index=1)
        kinds[bone] = [point.type for point in curve.keyframe_points]
    filled = ["GENERATED"] * 12 + ["JITTER"] * 13
    assert kinds == {"left_elbow": filled, "left_index2": filled, "right_elbow": ["GENERATED"] * 25}
    bpy.context.scene.frame_set(5)
    assert rig["filled_in"] == 0
    bpy.context.scene.frame_set(20)
    assert rig["filled_in"] == pytest.approx(2 / 22)


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("resolution", [(640, 360), (1000, 1000)])
def test_camera_sees_joints_where_the_clip_has_them(
    scene: ModuleType, contract: ModuleType, tmp_path: Path, moving: bool, resolution: tuple[int, int]
) -> None:
    made = make_reconstruction(tmp_path, contract, moving_camera=moving)
    scene.import_reconstruction(bpy.context, tmp_path)
    shot = bpy.context.scene
    shot.render.resolution_x, shot.render.resolution_y = resolution
    motion = made.reconstruction.motion
    for frame in (0, 13, 24):
        shot.frame_set(1 + frame)
        for joint in motion.joints[0, frame, ::9]:
            seen = world_to_camera_view(shot, shot.camera, Vector(joint.tolist()))
            # the lens fits the width, so a scene of another shape shows the same middle in the same scale
            height = 640 * resolution[1] / resolution[0]
            pixel = (seen.x * 640, (1 - seen.y) * height + (360 - height) / 2)
            point = motion.camera_K[frame] @ (motion.camera_world[frame] @ (*joint, 1))[:3]
            np.testing.assert_allclose(pixel, point[:2] / point[2], atol=0.5)


def write_movie(path: Path, frames: int) -> None:
    """A small movie of plain frames, made by Blender."""
    shot: Any = bpy.data.scenes.new("movie")
    shot.frame_end = frames
    shot.render.resolution_x, shot.render.resolution_y, shot.render.resolution_percentage = 64, 36, 100
    shot.render.engine = "BLENDER_WORKBENCH"
    shot.camera = bpy.data.objects.new("eye", bpy.data.cameras.new("eye"))
    shot.collection.objects.link(shot.camera)
    settings: Any = shot.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    shot.render.ffmpeg.format = "MPEG4"
    shot.render.filepath = str(path)
    shot.render.use_file_extension = False
    bpy.ops.render.render(animation=True, scene=shot.name)
    bpy.data.batch_remove([shot.camera, shot])


def test_clip_is_behind_the_camera_in_step(scene: ModuleType, contract: ModuleType, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 12)
    make_reconstruction(tmp_path / "out", contract, first_frame=4, frames=8, clip=clip)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "out", frame_start=101)
    camera = bpy.context.scene.camera.data
    (background,) = camera.background_images
    assert camera.show_background_images
    assert Path(background.clip.filepath) == clip
    assert background.clip.frame_duration == 12
    # frame 4 of the clip, the reconstruction's first, shows at scene frame 101
    assert background.clip.frame_start == 97
    assert scene.read_state(collection).notes == ""

    scene.import_reconstruction(bpy.context, tmp_path / "out", frame_start=11)
    assert [item.clip.frame_start for item in camera.background_images] == [7]
    bpy.context.scene.render.fps = 60
    scene.import_reconstruction(bpy.context, tmp_path / "out", frame_start=11)
    assert "the clip behind the camera drifts" in scene.read_state(collection).notes
    clip.unlink()
    make_reconstruction(tmp_path / "other", contract, clip=clip)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "other")
    assert "not there" in scene.read_state(collection).notes


def test_motion_plays_in_step_with_the_strip(scene: ModuleType, contract: ModuleType, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_movie(clip, 12)
    made = make_reconstruction(tmp_path / "out", contract, first_frame=4, frames=8, clip=clip)
    bpy.context.scene.sequence_editor_create().strips.new_movie("Clip", str(clip), channel=1, frame_start=31)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "out", strip="Clip")
    bpy.context.scene.frame_set(35)
    np.testing.assert_allclose(
        bone_heads(scene.rig_of(collection, 0), ["head"])[0],
        made.reconstruction.motion.joints[0, 0, contract.skeleton.JOINT_INDEX["head"]],
        atol=1e-4,
    )
    with pytest.raises(Exception, match="no movie strip named 'Other'"):
        scene.import_reconstruction(bpy.context, tmp_path / "out", strip="Other")


def test_the_scene_is_left_alone_unless_asked(scene: ModuleType, contract: ModuleType, tmp_path: Path) -> None:
    make_reconstruction(tmp_path, contract, frame_rate=30000 / 1001)
    shot = bpy.context.scene
    before = (shot.render.fps, shot.render.resolution_x, shot.frame_end, shot.frame_current)
    scene.import_reconstruction(bpy.context, tmp_path, link_camera=False)
    assert shot.camera is None
    assert (shot.render.fps, shot.render.resolution_x, shot.frame_end, shot.frame_current) == before
    scene.import_reconstruction(bpy.context, tmp_path, match_scene=True)
    assert shot.camera is not None
    assert shot.render.fps / shot.render.fps_base == pytest.approx(30000 / 1001, rel=1e-6)
    assert (shot.render.resolution_x, shot.render.resolution_y) == (640, 360)
    assert (shot.frame_start, shot.frame_end) == (1, 25)


def test_a_failing_import_leaves_the_file_as_it_was(
    scene: ModuleType, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: Any
) -> None:
    monkeypatch.setattr(product("socialmirror_blender.scene.takes"), "sync_markers", lambda collection: 1 / 0)
    before = everything()
    with pytest.raises(ZeroDivisionError):
        scene.import_reconstruction(bpy.context, tmp_path)
    assert everything() == before

    (tmp_path / "reconstruction.npz").write_bytes(b"not an archive")
    with pytest.raises(Exception, match="cannot be read"):
        scene.import_reconstruction(bpy.context, tmp_path)
    assert everything() == before


def test_mode_and_selection_stay(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    """The animator edits a mesh while a result comes in."""
    bpy.ops.mesh.primitive_cube_add()
    cube: Any = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    scene.import_reconstruction(bpy.context, tmp_path)
    assert bpy.context.object == cube
    assert (cube.mode, bpy.context.selected_objects) == ("EDIT", [cube])


def test_a_result_goes_into_its_own_scene_while_another_is_open(
    contract: ModuleType, scene: ModuleType, made: Made, tmp_path: Path
) -> None:
    other = bpy.data.scenes.new("other")
    with bpy.context.temp_override(scene=other, view_layer=other.view_layers[0]):
        collection = scene.import_reconstruction(bpy.context, tmp_path)
    assert list(other.collection.children) == [collection]
    assert other.camera is not None
    assert bpy.context.scene.camera is None
    assert len(scene.rig_of(collection, 1).data.bones) == 56


def test_importing_again_keeps_what_is_the_animators(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    scene.rig_of(collection, 0).pose.bones["left_wrist"].constraints.new("LIMIT_ROTATION")
    prop = bpy.data.objects.new("prop", None)
    collection.objects.link(prop)
    again = scene.import_reconstruction(bpy.context, tmp_path, frame_start=50)
    assert again == collection
    assert len(list(scene.reconstruction_collections())) == 1
    assert prop.name in again.objects
    assert len(scene.rig_of(again, 0).pose.bones["left_wrist"].constraints) == 1
    assert scene.read_state(again).first_frame == 50


def test_a_damaged_import_is_rebuilt_in_place(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    """The animator deleted an armature; a prop tied to the other one and a new material must survive."""
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    name = collection.name
    bpy.data.objects.remove(scene.rig_of(collection, 0))
    prop = bpy.data.objects.new("prop", None)
    collection.objects.link(prop)
    prop.parent = scene.rig_of(collection, 1)
    chrome = bpy.data.materials.new("chrome")
    scene.skin_of(collection, 1).data.materials[0] = chrome
    again = scene.import_reconstruction(bpy.context, tmp_path)
    assert again.name == name
    assert len(list(scene.reconstruction_collections())) == 1
    assert [item.name for item in bpy.data.objects if item.type == "ARMATURE"] == ["Person 1", "Person 2"]
    assert prop.name in again.objects
    assert prop.parent == scene.rig_of(again, 1)
    assert scene.skin_of(again, 1).data.materials[0] == chrome
    assert bpy.context.scene.camera.name in again.objects


def test_a_new_take_keys_the_same_rigs(scene: ModuleType, contract: ModuleType, made: Made, tmp_path: Path) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    rig, skin = scene.rig_of(collection, 0), scene.skin_of(collection, 0)
    old = rig.animation_data.action
    skin.data.vertices[0].co.x += 1.0
    moved = skin.data.vertices[0].co.copy()
    new = make_reconstruction(tmp_path, contract, take="take-2", seed=7)
    scene.update_take(collection, tmp_path)
    assert scene.rig_of(collection, 0) == rig
    assert rig.animation_data.action != old
    assert old.use_fake_user
    assert skin.data.vertices[0].co == moved
    assert scene.read_state(collection).take == "take-2"
    bpy.context.scene.frame_set(10)
    heads = bone_heads(rig, contract.skeleton.JOINTS)
    np.testing.assert_allclose(heads, new.reconstruction.motion.joints[0, 9], atol=1e-4)


def test_a_failing_new_take_changes_nothing(
    scene: ModuleType,
    contract: ModuleType,
    made: Made,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    product: Any,
) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    rig = scene.rig_of(collection, 0)
    action, before = rig.animation_data.action, everything()
    make_reconstruction(tmp_path, contract, take="take-2", seed=7)

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(product("socialmirror_blender.scene.takes"), "copy_locked_keyframes", fail)
    with pytest.raises(ZeroDivisionError):
        scene.update_take(collection, tmp_path)
    assert rig.animation_data.action == action
    assert everything() == before
    assert scene.read_state(collection).take == "take-1"
    assert scene.read_contacts(collection) == made.reconstruction.info.contacts
    bpy.context.scene.frame_set(10)
    head = contract.skeleton.JOINT_INDEX["head"]
    np.testing.assert_allclose(bone_heads(rig, ["head"])[0], made.reconstruction.motion.joints[0, 9, head], atol=1e-4)


def test_a_take_of_another_body_is_refused(scene: ModuleType, contract: ModuleType, made: Made, tmp_path: Path) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    with np.load(tmp_path / "reconstruction.npz") as file:
        arrays = dict(file)
    arrays["rest_joints"] = arrays["rest_joints"] * np.float32(1.05)
    contract.files.write_npz(tmp_path / "reconstruction.npz", arrays)
    with pytest.raises(Exception, match="another body for Person 1"):
        scene.update_take(collection, tmp_path)
