"""Which reconstruction is meant: in every scene its own, of copies each its own, and what is linked is edited in its own file."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.evaluated_scene import person_fcurves
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import make_two_takes
from tests.blender.user_actions import press


def keys(scene: ModuleType, collection: Any) -> np.ndarray:
    """The keyframes of the first armature."""
    curve = person_fcurves(scene.rig_of(collection, 0)).find('pose.bones["left_elbow"].rotation_quaternion', index=1)
    return np.array([tuple(point.co) for point in curve.keyframe_points])


def new_scene(kind: str) -> Any:
    """A new scene in the window, of a kind of *New Scene*."""
    operators: Any = bpy.ops.scene
    operators.new(type=kind)
    return bpy.context.scene


@pytest.fixture
def result(kept: Kept, tmp_path: Path) -> Path:
    """The folder of a reconstruction with two takes, the second of which is active."""
    kept.files(tmp_path / "result", make_two_takes)
    return tmp_path / "result"


@pytest.fixture
def original(result: Path, kept: Kept) -> Any:
    return kept.pressed(result)


def test_each_scene_has_an_import_of_its_own(original: Any, scene: ModuleType, result: Path) -> None:
    first, before = bpy.context.scene, keys(scene, original)
    second: Any = new_scene("EMPTY")
    second.render.fps = 12
    assert "No reconstruction in this scene yet." in draw_sidebar().texts
    press("import_folder", directory=str(result))
    np.testing.assert_array_equal(keys(scene, original), before)
    (other,) = scene.reconstructions_in(second)
    assert scene.reconstructions_in(first) == [original] and other != original
    assert second.camera.name in other.objects and first.camera.name in original.objects


def test_an_import_that_was_taken_out_of_the_scene_comes_back(original: Any, scene: ModuleType, result: Path) -> None:
    bpy.context.scene.collection.children.unlink(original)
    press("import_folder", directory=str(result))
    assert scene.reconstructions_in(bpy.context.scene) == [original]


def test_a_copy_is_keyed_by_itself(original: Any, scene: ModuleType, product: Product) -> None:
    identity, before = scene.read_state(original).id, keys(scene, original)
    second = new_scene("FULL_COPY")
    (copy,) = scene.reconstructions_in(second)
    rig = scene.rig_of(copy, 0)
    bpy.context.view_layer.objects.active = rig
    _, origin = product("socialmirror_blender.requests").refine_request(bpy.context, copy)
    assert scene.read_state(original).id == identity != scene.read_state(copy).id == origin.collection
    assert scene.find_reconstruction(origin.collection) == copy
    action = rig.animation_data.action.name
    press("use_take", take="take-1")
    np.testing.assert_array_equal(keys(scene, original), before)
    press("use_take", take="take-2")
    assert rig.animation_data.action.name == action  # the copy finds its own action again
    np.testing.assert_array_equal(keys(scene, copy), before)


def test_a_copy_that_shares_its_action_gets_one_of_its_own(original: Any, scene: ModuleType) -> None:
    copy = original.copy()
    for item in list(copy.objects):
        twin = item.copy()
        copy.objects.unlink(item)
        copy.objects.link(twin)
    bpy.context.scene.collection.children.link(copy)
    before = keys(scene, original)
    bpy.context.view_layer.objects.active = scene.rig_of(copy, 0)
    press("use_take", take="take-1")
    np.testing.assert_array_equal(keys(scene, original), before)
    assert not np.array_equal(keys(scene, copy), before)
    identity = scene.read_state(copy).id
    scene.separate_copies()
    assert scene.read_state(copy).id == identity


def test_a_linked_reconstruction_is_edited_in_its_own_file(
    imported: Any, scene: ModuleType, product: Product, tmp_path: Path
) -> None:
    name, folder = imported.name, imported["socialmirror_folder"]
    imported["socialmirror_folder"] = "elsewhere"  # saving would correct it, but may not in a library
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"), check_existing=False)
    bpy.ops.wm.read_homefile(use_empty=True)
    libraries: Any = bpy.data.libraries
    with libraries.load(str(tmp_path / "library.blend"), link=True) as (_, linked):
        linked.collections = [name]
    collection: Any = linked.collections[0]
    bpy.context.scene.collection.children.link(collection)
    assert scene.reconstructions_in(bpy.context.scene) == [collection]
    for operator in ("use_take", "contact_state", "contact_add", "confidence_overlay", "feet_mode", "control_rig_add"):
        with pytest.raises(RuntimeError, match="edit it in its own file"):
            press(operator)
    assert press("contact_jump") == press("show_result") == {"FINISHED"}
    scene.keep_links(str(tmp_path / "shot.blend"))
    scene.remove_unfinished_imports()
    draw_sidebar()
    override = collection.override_hierarchy_create(bpy.context.scene, bpy.context.view_layer)
    bpy.context.view_layer.objects.active = scene.rig_of(override, 0)
    assert product("socialmirror_blender.reconstructions").active_reconstruction(bpy.context) == override
    with pytest.raises(RuntimeError, match="edit it in its own file"):
        press("use_take")
    press("import_folder", directory=folder)  # builds another one, which belongs to this file
    assert len([item for item in scene.reconstruction_collections() if not scene.is_linked(item)]) == 1
