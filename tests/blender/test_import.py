"""An imported reconstruction is in the scene exactly as the core computed it, and a failing import changes nothing."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from mathutils import Vector

from tests.blender.evaluated_scene import all_datablocks, bone_heads, deformed_vertices, person_fcurves
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_reconstruction


def test_bones_and_skin_are_at_the_positions_of_the_reconstruction(
    contract: ModuleType, scene: ModuleType, made: Made, tmp_path: Path
) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path, frame_start=11)
    for frame in (0, 7, 24):
        bpy.context.scene.frame_set(11 + frame)
        for person in (0, 1):
            heads = bone_heads(scene.rig_of(collection, person), contract.skeleton.JOINTS)
            np.testing.assert_allclose(heads, made.reconstruction.motion.joints[person, frame], atol=1e-4)
            vertices = deformed_vertices(scene.skin_of(collection, person))
            np.testing.assert_allclose(vertices, made.vertices_inworld(person, frame), atol=1e-4)


def test_the_root_bone_is_upright_on_the_floor_below_the_pelvis(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    for frame in (0, 12, 24):
        bpy.context.scene.frame_set(1 + frame)
        for person in (0, 1):
            root = scene.rig_of(collection, person).pose.bones["root"].matrix
            pelvis = made.reconstruction.motion.pelvis[person, frame]
            np.testing.assert_allclose(root.translation, (*pelvis[:2], 0), atol=1e-5)
            np.testing.assert_allclose(root.to_3x3() @ Vector((0, 0, 1)), (0, 0, 1), atol=1e-5)


def test_a_scene_of_another_frame_rate_gets_interpolated_motion(
    contract: ModuleType, scene: ModuleType, tmp_path: Path
) -> None:
    """A clip of 20 frames per second in a scene of 24."""
    made = make_reconstruction(tmp_path, contract, frame_rate=20.0, frames=21)
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    joints = made.reconstruction.motion.joints
    rig = scene.rig_of(collection, 1)
    for scene_frame in range(1, 26):
        bpy.context.scene.frame_set(scene_frame)
        heads = bone_heads(rig, contract.skeleton.JOINTS)
        clip_frame = (scene_frame - 1) * 20 / 24
        before = int(clip_frame)
        fraction = clip_frame - before
        if fraction == 0:
            np.testing.assert_allclose(heads, joints[1, before], atol=1e-4)
        else:
            between = (1 - fraction) * joints[1, before] + fraction * joints[1, before + 1]
            np.testing.assert_allclose(heads, between, atol=5e-3)
    assert scene.read_state(collection).last_frame == 25


def test_fcurves_are_continuous_linear_and_not_selected(
    scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    """The second person turns past half a turn, where the sign of a quaternion could flip between two keyframes."""
    make_reconstruction(tmp_path, contract, frames=60)
    fcurves = person_fcurves(scene.rig_of(scene.import_reconstruction(bpy.context, tmp_path), 1))
    steps = [
        max(abs(np.diff([point.co.y for point in curve.keyframe_points])))
        for curve in fcurves
        if curve.data_path.endswith("rotation_quaternion")
    ]
    assert len(steps) == 4 * 56
    assert max(steps) < 0.3
    points = [point for curve in fcurves for point in curve.keyframe_points]
    assert {point.interpolation for point in points} == {"LINEAR"}
    selected = [(point.select_left_handle, point.select_control_point, point.select_right_handle) for point in points]
    assert set(selected) == {(False, False, False)}


def test_meshes_are_valid_smooth_and_have_uvs_and_different_colours(
    scene: ModuleType, made: Made, tmp_path: Path
) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    first, second = (scene.skin_of(collection, person) for person in (0, 1))
    body = made.reconstruction.body
    uv = np.empty(body.uv.size, dtype=np.float32)
    first.data.uv_layers[0].uv.foreach_get("vector", uv)
    np.testing.assert_array_equal(uv, body.uv.ravel())
    assert first.data.validate() is False  # nothing had to be corrected
    assert all(first.data.polygons[i].use_smooth for i in (0, 100, 5000))
    colors = [tuple(item.data.materials[0].diffuse_color) for item in (first, second)]
    assert colors[0] != colors[1]
    assert all(len(vertex.groups) <= 8 for vertex in first.data.vertices)


def test_keyframe_types_tell_what_was_filled_in(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    """In half the clip an elbow and a wrist of the first person are filled in: 2 of 22 joints."""
    rig = scene.rig_of(scene.import_reconstruction(bpy.context, tmp_path), 0)
    fcurves = person_fcurves(rig)
    types = {}
    for bone in ("left_elbow", "left_index2", "right_elbow"):
        curve = fcurves.find(f'pose.bones["{bone}"].rotation_quaternion', index=1)
        types[bone] = [point.type for point in curve.keyframe_points]
    filled_in = ["GENERATED"] * 12 + ["JITTER"] * 13
    assert types == {"left_elbow": filled_in, "left_index2": filled_in, "right_elbow": ["GENERATED"] * 25}
    bpy.context.scene.frame_set(5)
    assert rig["filled_in"] == 0
    bpy.context.scene.frame_set(20)
    assert rig["filled_in"] == pytest.approx(2 / 22)


def test_the_scene_is_changed_only_if_it_is_to_match_the_clip(
    scene: ModuleType, contract: ModuleType, tmp_path: Path
) -> None:
    make_reconstruction(tmp_path, contract, frame_rate=30000 / 1001)
    current = bpy.context.scene
    before = (current.render.fps, current.render.resolution_x, current.frame_end, current.frame_current)
    scene.import_reconstruction(bpy.context, tmp_path, link_camera=False)
    assert current.camera is None
    assert (current.render.fps, current.render.resolution_x, current.frame_end, current.frame_current) == before
    scene.import_reconstruction(bpy.context, tmp_path, match_scene=True)
    assert current.camera is not None
    assert current.render.fps / current.render.fps_base == pytest.approx(30000 / 1001, rel=1e-6)
    assert (current.render.resolution_x, current.render.resolution_y) == (640, 360)
    assert (current.frame_start, current.frame_end) == (1, 25)


def test_a_failing_import_leaves_the_file_as_it_was(
    scene: ModuleType, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: Product
) -> None:
    monkeypatch.setattr(product("socialmirror_blender.scene.importing"), "sync_markers", lambda *_: 1 / 0)
    before = all_datablocks()
    with pytest.raises(ZeroDivisionError):
        scene.import_reconstruction(bpy.context, tmp_path)
    assert all_datablocks() == before

    (tmp_path / "reconstruction.npz").write_bytes(b"not an archive")
    with pytest.raises(Exception, match="cannot be read"):
        scene.import_reconstruction(bpy.context, tmp_path)
    assert all_datablocks() == before


def test_mode_and_selection_stay_as_they_were(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    """The animator is editing a mesh when a result is imported."""
    bpy.ops.mesh.primitive_cube_add()
    cube: Any = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    scene.import_reconstruction(bpy.context, tmp_path)
    assert bpy.context.object == cube
    assert (cube.mode, bpy.context.selected_objects) == ("EDIT", [cube])


def test_an_import_goes_into_the_scene_of_the_context(
    contract: ModuleType, scene: ModuleType, made: Made, tmp_path: Path
) -> None:
    other = bpy.data.scenes.new("other")
    with bpy.context.temp_override(scene=other, view_layer=other.view_layers[0]):
        collection = scene.import_reconstruction(bpy.context, tmp_path)
    assert list(other.collection.children) == [collection]
    assert other.camera is not None
    assert bpy.context.scene.camera is None
    assert len(scene.rig_of(collection, 1).data.bones) == 56


def test_importing_a_folder_again_keeps_what_the_animator_added(scene: ModuleType, made: Made, tmp_path: Path) -> None:
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


def test_an_import_with_a_deleted_armature_is_rebuilt_in_place(scene: ModuleType, made: Made, tmp_path: Path) -> None:
    """A prop that is parented to the other armature and a new material stay."""
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


def test_what_other_tests_begin_with_is_a_fresh_import(
    scene: ModuleType, kept: Kept, contract: ModuleType, made: Made, tmp_path: Path
) -> None:
    """`Kept` opens an import that was saved: nothing may be lost by that."""

    def content(collection: Any) -> tuple[Any, ...]:
        bpy.context.scene.frame_set(20)
        state = scene.read_state(collection)
        rigs, skins = ([of(collection, person) for person in (0, 1)] for of in (scene.rig_of, scene.skin_of))
        keys = [
            (curve.data_path, curve.array_index, [(*point.co, point.type) for point in curve.keyframe_points])
            for rig in rigs
            for curve in person_fcurves(rig)
        ]
        heads = np.array([bone_heads(rig, contract.skeleton.JOINTS) for rig in rigs])
        vertices = np.array([deformed_vertices(skin) for skin in skins])
        return (
            all_datablocks(),
            keys,
            scene.read_contacts(collection),
            state.folder,
            state.take,
            state.id,
            heads,
            vertices,
        )

    fresh = content(scene.import_reconstruction(bpy.context, tmp_path))
    for _ in range(2):  # what is saved for others, and what is opened later
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        opened = content(kept.imported(tmp_path))
        assert bpy.data.filepath == "" and opened[:5] == fresh[:5] and opened[5] != fresh[5]
        np.testing.assert_array_equal(opened[6], fresh[6])
        np.testing.assert_array_equal(opened[7], fresh[7])


def test_a_folder_without_a_reconstruction_is_refused(scene: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="holds no reconstruction"):
        scene.import_reconstruction(bpy.context, tmp_path)
