"""Another take keys the same armatures, and a take that does not fit changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import all_datablocks, bone_heads
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_reconstruction
from tests.blender.user_actions import press


def test_a_new_take_keys_the_same_armatures(
    scene: ModuleType, contract: ModuleType, made: Made, tmp_path: Path
) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    rig, skin = scene.rig_of(collection, 0), scene.skin_of(collection, 0)
    earlier = rig.animation_data.action
    skin.data.vertices[0].co.x += 1.0  # the animator edits the mesh
    edited = skin.data.vertices[0].co.copy()
    new = make_reconstruction(tmp_path, contract, take="take-2", seed=7)
    scene.update_take(collection, tmp_path)
    assert scene.rig_of(collection, 0) == rig
    assert rig.animation_data.action != earlier
    assert earlier.use_fake_user
    assert skin.data.vertices[0].co == edited
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
    product: Product,
) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    rig = scene.rig_of(collection, 0)
    action, before = rig.animation_data.action, all_datablocks()
    make_reconstruction(tmp_path, contract, take="take-2", seed=7)

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(product("socialmirror_blender.scene.takes"), "key_person", fail)
    with pytest.raises(ZeroDivisionError):
        scene.update_take(collection, tmp_path)
    assert rig.animation_data.action == action
    assert all_datablocks() == before
    assert scene.read_state(collection).take == "take-1"
    assert scene.read_contacts(collection) == made.reconstruction.info.contacts
    bpy.context.scene.frame_set(10)
    head = contract.skeleton.JOINT_INDEX["head"]
    np.testing.assert_allclose(bone_heads(rig, ["head"])[0], made.reconstruction.motion.joints[0, 9, head], atol=1e-4)


def test_a_take_with_another_body_is_refused(
    scene: ModuleType, contract: ModuleType, made: Made, tmp_path: Path
) -> None:
    collection = scene.import_reconstruction(bpy.context, tmp_path)
    held = made.reconstruction
    motion = replace(held.motion, rest_joints=held.motion.rest_joints * np.float32(1.05))
    contract.reconstruction.save(tmp_path, replace(held, motion=motion))
    with pytest.raises(Exception, match="another body for Person 1"):
        scene.update_take(collection, tmp_path)


def test_use_take_makes_an_earlier_take_active_again(contract: ModuleType, scene: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "result"
    record = contract.reconstruction
    first = make_reconstruction(folder, contract, take="take-1", seed=1).reconstruction
    both = (record.Take("take-1", "", 1, 2.0, "reconstruct"), record.Take("take-2", "", 2, 1.0, "refine"))
    second = make_reconstruction(folder, contract, take="take-2", seed=2).reconstruction
    record.save(folder, replace(second, info=replace(second.info, takes=both)))
    press("import_folder", directory=str(folder))
    (collection,) = scene.reconstruction_collections()
    assert press("use_take", take="take-1") == {"FINISHED"}
    active = record.load(folder)
    assert (active.info.take, [take.id for take in active.info.takes]) == ("take-1", ["take-1", "take-2"])
    assert (active.motion.body_pose == first.motion.body_pose).all()
    assert scene.read_state(collection).take == "take-1"
    with pytest.raises(RuntimeError, match="no reconstruction"):
        press("use_take", take="take-9")


def test_activating_a_take_with_other_betas_reshapes_the_meshes(
    contract: ModuleType, product: Product, tmp_path: Path
) -> None:
    folder, record = tmp_path / "result", contract.reconstruction
    first = make_reconstruction(folder, contract, take="take-1").reconstruction
    change = np.float32(0.8) * np.eye(1, 16, dtype=np.float32)
    motion = replace(first.motion, betas=first.motion.betas + change)
    body = replace(first.body, rest_vertices=first.body.rest_vertices + 0.8 * first.body.shape_vertices[..., 0])
    second = replace(first.info, take="take-2", takes=(*first.info.takes, replace(first.info.takes[0], id="take-2")))
    record.save(folder, replace(first, motion=motion, body=body, info=second))
    product("socialmirror_blender.take_files").activate_take(folder, "take-1")
    active = record.load(folder)
    assert active.info.take == "take-1"
    np.testing.assert_allclose(active.body.rest_vertices, first.body.rest_vertices, atol=1e-5)
