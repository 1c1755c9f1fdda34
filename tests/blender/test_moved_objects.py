"""Who sorts armatures, skins or markers into collections of their own goes on working with the reconstruction."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import person_fcurves
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_two_takes
from tests.blender.user_actions import press

_OWN = (0.9, 0.3, 0.0, 0.0)


def move(items: list[Any], name: str = "Characters") -> Any:
    """What *Move to Collection* does with objects; the new collection."""
    target = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(target)
    for item in items:
        for collection in item.users_collection:
            collection.objects.unlink(item)
        target.objects.link(item)
    bpy.context.view_layer.update()
    return target


def duplicate(item: Any, collection: Any) -> Any:
    """What Shift-D does with an object."""
    copy = item.copy()
    if item.animation_data is not None and item.animation_data.action is not None:
        copy.animation_data.action = item.animation_data.action.copy()
    collection.objects.link(copy)
    return copy


def key_head(rig: Any, frame: int = 7) -> None:
    bone = rig.pose.bones["head"]
    bone.rotation_quaternion = _OWN
    bone.keyframe_insert("rotation_quaternion", frame=frame)


def head_at(rig: Any, frame: int = 7) -> list[float]:
    curves = person_fcurves(rig)
    return [curves.find('pose.bones["head"].rotation_quaternion', index=i).evaluate(frame) for i in range(4)]


def markers() -> list[Any]:
    return [item for item in bpy.data.objects if item.get("socialmirror_role", "").startswith("contact:")]


def names(kind: str) -> list[str]:
    return [item.name for item in bpy.data.objects if item.type == kind]


@pytest.fixture
def two_takes(kept: Kept, tmp_path: Path) -> Any:
    """An imported reconstruction that shows its second take."""
    kept.files(tmp_path / "result", make_two_takes)
    return kept.pressed(tmp_path / "result")


@pytest.mark.parametrize("with_skin", [False, True], ids=["armature", "armature and skin"])
def test_a_moved_person_stays_the_person_of_the_reconstruction(
    two_takes: Any, scene: ModuleType, product: Product, with_skin: bool
) -> None:
    rig, skin, before = scene.rig_of(two_takes, 0), scene.skin_of(two_takes, 0), len(markers())
    key_head(rig)
    moved = move([rig, skin] if with_skin else [rig])
    bpy.context.view_layer.objects.active = rig
    product("socialmirror_blender.contact_events").remove_orphans()
    assert len(markers()) == before
    reconstructions = product("socialmirror_blender.reconstructions")
    assert reconstructions.active_reconstruction(bpy.context) == two_takes
    product("socialmirror_blender.requests").refine_request(bpy.context, two_takes)
    assert press("use_take", take="take-1") == {"FINISHED"}
    np.testing.assert_allclose(head_at(rig), _OWN, atol=1e-6)
    press("import_folder", directory=str(scene.folder_of(two_takes)))
    assert list(scene.reconstruction_collections()) == [two_takes]
    assert names("ARMATURE") == ["Person 1", "Person 2"]
    assert (scene.rig_of(two_takes, 0), scene.skin_of(two_takes, 0), skin.parent) == (rig, skin, rig)
    np.testing.assert_allclose(head_at(rig), _OWN, atol=1e-6)
    assert rig.users_collection == (moved,)


def test_everything_can_be_moved(two_takes: Any, scene: ModuleType) -> None:
    """*Select All* and *Move to Collection*: the markers too, which are made anew for another take."""
    objects, camera = len(bpy.data.objects), bpy.context.scene.camera
    move(list(two_takes.objects))
    assert press("use_take", take="take-1") == {"FINISHED"}
    press("import_folder", directory=str(scene.folder_of(two_takes)))
    assert len(bpy.data.objects) == objects
    assert bpy.context.scene.camera == camera


def test_a_moved_control_rig_still_guards_the_motion_below_it(two_takes: Any, product: Product) -> None:
    press("control_rig_add")
    objects = product("socialmirror_blender.scene.objects")
    controls = [objects.control_rig_of(two_takes, person) for person in (0, 1)]
    move([item for item in controls if item is not None])
    with pytest.raises(RuntimeError, match="on a control rig"):
        press("use_take", take="take-1")
    press("control_rig_remove")
    assert names("ARMATURE") == ["Person 1", "Person 2"]


def test_a_duplicate_that_was_moved_is_not_taken_for_the_armature(two_takes: Any, scene: ModuleType) -> None:
    rig = scene.rig_of(two_takes, 0)
    backup = duplicate(rig, two_takes)
    move([backup], "Backup")
    assert scene.rig_of(two_takes, 0) == rig
    before = head_at(backup)
    bpy.data.objects.remove(rig)
    press("import_folder", directory=str(scene.folder_of(two_takes)))
    (collection,) = scene.reconstruction_collections()
    assert scene.rig_of(collection, 0) not in (backup, None)
    assert head_at(backup) == before
    assert len(names("ARMATURE")) == 3


def test_the_armature_was_moved_and_a_duplicate_was_left(two_takes: Any, scene: ModuleType) -> None:
    rig = scene.rig_of(two_takes, 0)
    duplicate(rig, two_takes)
    move([rig])
    assert scene.rig_of(two_takes, 0) == rig


def test_an_armature_in_the_collection_of_another_reconstruction(
    two_takes: Any, scene: ModuleType, kept: Kept, tmp_path: Path, product: Product
) -> None:
    kept.files(tmp_path / "other", make_two_takes, takes=("other-1", "other-2"))
    press("import_folder", directory=str(tmp_path / "other"))
    (other,) = (item for item in scene.reconstruction_collections() if item != two_takes)
    mine, theirs = scene.rig_of(two_takes, 0), scene.rig_of(other, 0)
    two_takes.objects.unlink(mine)
    other.objects.link(mine)
    for collection, rig in ((two_takes, mine), (other, theirs)):
        assert scene.rig_of(collection, 0) == rig
        bpy.context.view_layer.objects.active = rig
        active = product("socialmirror_blender.reconstructions").active_reconstruction(bpy.context)
        assert active == collection
    bpy.data.objects.remove(theirs)
    press("import_folder", directory=str(tmp_path / "other"))
    assert mine.name in bpy.context.scene.objects
    assert scene.rig_of(two_takes, 0) == mine


def test_a_full_copy_of_a_scene_has_moved_objects_of_its_own(two_takes: Any, scene: ModuleType) -> None:
    rig = scene.rig_of(two_takes, 0)
    move([rig, scene.skin_of(two_takes, 0), *markers()])
    operators: Any = bpy.ops.scene
    operators.new(type="FULL_COPY")
    scene.separate_copies()
    (copy,) = scene.reconstructions_in(bpy.context.scene)
    twin = scene.rig_of(copy, 0)
    assert copy != two_takes and twin != rig and scene.rig_of(two_takes, 0) == rig
    before, made = head_at(rig), len(markers())
    bpy.context.view_layer.objects.active = twin
    press("use_take", take="take-1")
    assert head_at(rig) == before != head_at(twin)
    assert len(markers()) == made


def test_other_bodies_come_where_the_animator_has_moved_the_armature(
    two_takes: Any, scene: ModuleType, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, folder = scene.rig_of(two_takes, 0), str(scene.folder_of(two_takes))
    key_head(rig)
    moved = move([rig])
    with monkeypatch.context() as patch:
        patch.setattr(product("socialmirror_blender.scene.takes"), "_SAME_REST_POSE", -1.0)
        press("import_folder", directory=folder)
    (collection,) = scene.reconstruction_collections()
    again = scene.rig_of(collection, 0)
    assert names("ARMATURE") == ["Person 1", "Person 2"]
    assert again.users_collection == (moved,)
    assert scene.skin_of(collection, 0).parent == again
    np.testing.assert_allclose(head_at(again), _OWN, atol=1e-6)


def test_objects_of_an_earlier_version_can_be_moved_once_their_file_is_open(
    two_takes: Any, scene: ModuleType, tmp_path: Path
) -> None:
    for item in two_takes.objects:
        del item["socialmirror_id"]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "early.blend"), check_existing=False)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "early.blend"))
    (collection,) = scene.reconstruction_collections()
    rig, skin = scene.rig_of(collection, 1), scene.skin_of(collection, 1)
    move([rig, skin])
    assert (scene.rig_of(collection, 1), scene.skin_of(collection, 1)) == (rig, skin)
