"""FBX files hold the bones, frames and positions of the scene, as Blender and another importer read them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.assimp_scene import assimp_positions
from tests.blender.evaluated_scene import all_datablocks, bone_heads
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press

FRAMES = 25
FIRST = 11
MISSING_CLIP = Path(__file__).with_name("Tango 3.mp4")
COMPARED = (0, 6, 17, 24)
"""Frames of the reconstruction at which positions are compared."""


@pytest.fixture
def made(kept: Kept, tmp_path: Path) -> Made:
    return kept.files(tmp_path, make_reconstruction, frames=FRAMES, clip=MISSING_CLIP)


@pytest.fixture
def collection(kept: Kept, made: Made, tmp_path: Path) -> Any:
    return kept.imported(tmp_path, frame_start=FIRST)


@pytest.fixture
def export_fbx(product: Product) -> Callable[..., list[Path]]:
    """Exports and returns the FBX files, without the JSON."""
    settings, people = product("core.export.settings").ExportSettings, product("socialmirror_blender.export")

    def export(context: Any, collection: Any, folder: Path, **choices: Any) -> list[Path]:
        *paths, _ = people.export_people(context, collection, settings("fbx", **choices), folder)
        return paths

    return export


def reimport(path: Path) -> list[Any]:
    """The armatures that Blender's FBX importer makes in an empty file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 24
    bpy.ops.wm.fbx_import(filepath=str(path))
    return sorted((item for item in bpy.data.objects if item.type == "ARMATURE"), key=lambda item: item.name)


def test_blender_imports_the_bones_and_the_motion_that_it_exported(
    contract: ModuleType, made: Made, collection: Any, export_fbx: Any, tmp_path: Path
) -> None:
    first, second = export_fbx(bpy.context, collection, tmp_path / "fbx")
    assert [first.name, second.name] == ["tango-3_person-1.fbx", "tango-3_person-2.fbx"]
    names = contract.skeleton.JOINTS
    for person, path in enumerate((first, second)):
        (rig,) = reimport(path)
        assert rig.name == "Armature"
        assert {bone.name for bone in rig.data.bones} == {"root", *names}
        assert [bone.name for bone in rig.data.bones if bone.parent is None] == ["root"]
        for name in names[1:]:
            assert rig.data.bones[name].parent.name == contract.skeleton.PARENT_NAME[name]
        np.testing.assert_allclose(rig.matrix_world.to_scale(), (1, 1, 1), atol=1e-5)
        action = rig.animation_data.action
        assert len(bpy.data.actions) == 1
        start, end = action.frame_range
        assert end - start == FRAMES - 1
        for frame in COMPARED:
            bpy.context.scene.frame_set(int(start) + frame)
            heads = bone_heads(rig, names)
            np.testing.assert_allclose(heads, made.reconstruction.motion.joints[person, frame], atol=5e-5)


def test_the_rest_pose_in_the_file_is_the_t_pose_in_metres(
    contract: ModuleType, made: Made, collection: Any, export_fbx: Any, tmp_path: Path
) -> None:
    (path,) = export_fbx(bpy.context, collection, tmp_path, people="b")
    (rig,) = reimport(path)
    rig.data.pose_position = "REST"
    bpy.context.view_layer.update()
    rest = made.reconstruction.motion.rest_joints[1] @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T
    heads = bone_heads(rig, contract.skeleton.JOINTS)
    np.testing.assert_allclose(heads - heads[0], rest - rest[0], atol=5e-5)


def test_both_people_in_one_file_share_the_origin(
    contract: ModuleType, made: Made, collection: Any, export_fbx: Any, tmp_path: Path
) -> None:
    (path,) = export_fbx(bpy.context, collection, tmp_path, people="both")
    assert path.name == "tango-3_both.fbx"
    rigs = reimport(path)
    assert [rig.name for rig in rigs] == ["Person 1", "Person 2"]
    start = int(rigs[0].animation_data.action.frame_range[0])
    for frame in COMPARED:
        bpy.context.scene.frame_set(start + frame)
        for person, rig in enumerate(rigs):
            heads = bone_heads(rig, [f"{'AB'[person]}_{name}" for name in contract.skeleton.JOINTS])
            np.testing.assert_allclose(heads, made.reconstruction.motion.joints[person, frame], atol=5e-5)


def test_constraints_are_baked_and_control_bones_are_not_exported(
    contract: ModuleType, scene: ModuleType, collection: Any, export_fbx: Any, tmp_path: Path
) -> None:
    """IK holds a wrist at an animated target; the armature has a bone that the animator added, and is hidden."""
    rig = scene.rig_of(collection, 0)
    target = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(target)
    bpy.context.scene.frame_set(FIRST)
    for frame, height in ((FIRST, 0.0), (FIRST + 24, 0.2)):
        target.location = rig.pose.bones["left_wrist"].head * 1.0
        target.location.z += height - 0.1
        target.keyframe_insert("location", frame=frame)
    constraint = rig.pose.bones["left_elbow"].constraints.new("IK")
    constraint.target, constraint.chain_count = target, 2
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    control = rig.data.edit_bones.new("control")
    control.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    visible = []
    for frame in COMPARED:
        bpy.context.scene.frame_set(FIRST + frame)
        visible.append(bone_heads(rig, contract.skeleton.JOINTS))
    rig.hide_viewport = True
    (path,) = export_fbx(bpy.context, collection, tmp_path, people="a")
    (back,) = reimport(path)
    assert len(back.data.bones) == 56
    start = int(back.animation_data.action.frame_range[0])
    for frame, heads in zip(COMPARED, visible):
        bpy.context.scene.frame_set(start + frame)
        np.testing.assert_allclose(bone_heads(back, contract.skeleton.JOINTS), heads, atol=5e-5)


def test_a_stretched_bone_is_exported_as_it_is_shown(
    contract: ModuleType, scene: ModuleType, collection: Any, export_fbx: Any, tmp_path: Path
) -> None:
    """Blender's own importer connects bones and would put the next one back."""
    assimp = pytest.importorskip("assimp_py")
    if not hasattr(assimp, "Animation"):
        pytest.skip("this assimp_py reads no animation")
    rig = scene.rig_of(collection, 0)
    bpy.context.scene.frame_set(FIRST + 7)
    place = bone_heads(rig, ["left_wrist"])[0]
    rig.pose.bones["left_elbow"].scale.y = 1.3
    bpy.context.view_layer.update()
    stretched = bone_heads(rig, ["left_wrist"])[0]
    assert np.linalg.norm(stretched - place) > 0.05
    (path,) = export_fbx(bpy.context, collection, tmp_path, people="a")
    file = assimp.import_file(str(path), 0)
    (top,) = [child for child in file.root_node.children if child.name == "Armature"]
    channels = {channel.node_name: channel for channel in file.animations[0].channels}
    found = assimp_positions(top, channels, 7)["left_wrist"]
    np.testing.assert_allclose(found, stretched[[0, 2, 1]] * (1, 1, -1), atol=5e-5)


def test_export_leaves_the_file_as_it_was(
    scene: ModuleType, collection: Any, export_fbx: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, product: Any
) -> None:
    """Datablocks of the user that have the names which the export needs get them back, after an error too."""
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Armature", None))
    bpy.data.scenes.new("Tango 3")
    current = bpy.context.scene
    current.frame_set(17)
    rig = scene.rig_of(collection, 0)
    rig.select_set(True)
    before = all_datablocks()
    users = {item.name: item.users for item in [*bpy.data.actions, *bpy.data.meshes, *bpy.data.armatures]}
    heads = bone_heads(rig, ["head"])

    def assert_unchanged() -> None:
        assert all_datablocks() == before
        assert {item.name: item.users for item in [*bpy.data.actions, *bpy.data.meshes, *bpy.data.armatures]} == users
        assert (bpy.context.scene, current.frame_current, rig.select_get()) == (current, 17, True)
        np.testing.assert_allclose(bone_heads(rig, ["head"]), heads, atol=1e-6)

    (path,) = export_fbx(bpy.context, collection, tmp_path / "fbx", people="a")
    assert_unchanged()
    written = path.read_bytes()

    def fail(*_: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(product("socialmirror_blender.export.temporary_scene"), "_key", fail)
    with pytest.raises(RuntimeError):
        export_fbx(bpy.context, collection, tmp_path / "fbx")
    assert_unchanged()
    assert path.read_bytes() == written
    assert {item.name for item in (tmp_path / "fbx").iterdir()} == {path.name, "tango-3_fbx.json"}


def test_the_operator_exports_one_file_per_person(imported: Any, tmp_path: Path) -> None:
    press("export", directory=str(tmp_path), target="unreal")
    assert len(list(tmp_path.glob("*.fbx"))) == 2 and len(list(tmp_path.glob("*_unreal.json"))) == 1


def test_a_folder_that_cannot_be_written_is_refused(collection: Any, export_fbx: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Exception, match="cannot be written"):
        export_fbx(bpy.context, collection, tmp_path / "file")


def test_assimp_reads_the_same_bones_and_motion(
    contract: ModuleType, made: Made, collection: Any, export_fbx: Any, tmp_path: Path
) -> None:
    """Assimp shares no code with Blender; its bindings read animation from Python 3.12 on."""
    assimp = pytest.importorskip("assimp_py")
    if not hasattr(assimp, "Animation"):
        pytest.skip("this assimp_py reads no animation")
    names = contract.skeleton.JOINTS
    for person, path in enumerate(export_fbx(bpy.context, collection, tmp_path)):
        file = assimp.import_file(str(path), 0)
        (top,) = [child for child in file.root_node.children if child.name == "Armature"]
        (root,) = top.children
        assert root.name == "root"
        matrix = np.array(top.transformation)
        np.testing.assert_allclose(np.linalg.norm(matrix[:3, :3], axis=0), 1, atol=1e-6)  # no scale remains
        (take,) = file.animations
        assert take.name == "Tango 3"
        assert take.duration / take.ticks_per_second == pytest.approx((FRAMES - 1) / 24)
        channels = {channel.node_name: channel for channel in take.channels}
        assert set(names) <= set(channels)
        parents = {child.name: node.name for node in _walk(root) for child in node.children}
        assert parents == {"pelvis": "root"} | dict(contract.skeleton.PARENT_NAME)
        (mesh,) = file.meshes
        assert mesh.num_faces == len(made.reconstruction.body.faces)
        for frame in COMPARED:
            positions = assimp_positions(top, channels, frame)
            found = np.array([positions[name] for name in names])
            joints = made.reconstruction.motion.joints[person, frame]
            y_up = joints[:, [0, 2, 1]] * (1, 1, -1)
            np.testing.assert_allclose(found, y_up, atol=5e-5)


def _walk(node: Any) -> Any:
    yield node
    for child in node.children:
        yield from _walk(child)
