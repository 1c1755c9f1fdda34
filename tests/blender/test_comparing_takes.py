"""Takes are named, described, shown as ghosts, blended and deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.drawing import draw_sidebar
from tests.blender.evaluated_scene import bone_heads, deformed_vertices
from tests.blender.kept import Kept
from tests.blender.posing import POSE, is_same, key, rotation_at
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_two_takes
from tests.blender.user_actions import press

Takes = tuple[Any, Made, Made, Path]
"""Collection, first and second take, of which the second is shown, and the folder."""


@pytest.fixture
def takes(kept: Kept, tmp_path: Path) -> Takes:
    folder = tmp_path / "result"
    first, second = kept.files(folder, make_two_takes, takes=("take-001", "take-002"))
    return kept.pressed(folder), first, second, folder


def test_a_take_is_described_in_a_plain_sentence(contract: ModuleType, product: Product) -> None:
    record = contract.reconstruction
    sentence = product("socialmirror_blender.scene.take_notes").take_sentence
    plain = record.Take("take-1", "", 0, 0.5, "reconstruct")
    assert sentence(plain, [plain]) == "not measured"
    close = replace(plain, scores=record.Scores(1.2, 21.0, 2.0, 12.4))
    apart = replace(plain, id="take-2", scores=record.Scores(2.2, 3.0, 1.0, 44.0))
    assert sentence(close, [close]) == "they touch, intersecting by 2 cm"
    assert sentence(close, [close, apart]) == "closest to the clip, they touch, intersecting by 2 cm"
    assert sentence(apart, [close, apart]) == "smoothest, contacts 4 cm apart, not intersecting"


def test_names_and_notes_of_takes_are_shown(takes: Takes, product: Product) -> None:
    press("take_note", take="take-002", name="Calm", note="The hands are right.")
    layout = draw_sidebar()
    assert "Take: Calm" in layout.texts
    assert "“The hands are right.”" in layout.texts
    press("take_note", take="take-002", name="", note="")
    assert "Take: take-002" in draw_sidebar().texts


def test_a_ghost_shows_another_take_beside_and_is_removed_without_a_trace(
    takes: Takes, scene: ModuleType, product: Product, contract: ModuleType
) -> None:
    collection, first, second, _ = takes
    objects, meshes = len(bpy.data.objects), len(bpy.data.meshes)
    actions, materials = len(bpy.data.actions), len(bpy.data.materials)
    press("take_ghost", take="take-001")
    names, objects_of = product("socialmirror_blender.scene.names"), product("socialmirror_blender.scene.objects")
    ghosts = [objects_of.object_with_role(collection, names.ghost_role("skin", person)) for person in (0, 1)]
    for frame in (3, 20):
        bpy.context.scene.frame_set(frame)
        for person, ghost in enumerate(ghosts):
            np.testing.assert_allclose(deformed_vertices(ghost), first.vertices_inworld(person, frame - 1), atol=1e-4)
            skin = scene.skin_of(collection, person)
            np.testing.assert_allclose(deformed_vertices(skin), second.vertices_inworld(person, frame - 1), atol=1e-4)
    assert all(ghost.hide_select and ghost.hide_render for ghost in ghosts)
    assert ghosts[0].data.materials[0].diffuse_color[3] < 0.5
    before = deformed_vertices(ghosts[0])
    collection.socialmirror.ghost_offset = 2.0
    moved = deformed_vertices(ghosts[0]) - before
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 2.0, atol=1e-4)
    np.testing.assert_allclose(moved[:, 2], 0.0, atol=1e-5)
    press("take_ghost", take="take-001")
    assert (len(bpy.data.objects), len(bpy.data.meshes)) == (objects, meshes)
    assert (len(bpy.data.actions), len(bpy.data.materials)) == (actions, materials)


def test_ghosts_lie_over_people_who_were_moved(takes: Takes, scene: ModuleType, product: Product) -> None:
    collection, _, _, _ = takes
    rig = scene.rig_of(collection, 0)
    props = bpy.data.objects.new("set", None)
    bpy.context.scene.collection.objects.link(props)
    rig.parent, props.location = props, (3, 0, 0.5)
    rig.location, rig.rotation_euler, rig.delta_location = (2, 1, 0), (0, 0, 1), (0, 0, 0.2)
    bpy.context.view_layer.update()
    press("take_ghost", take="take-002")  # the one that is shown
    names, objects = product("socialmirror_blender.scene.names"), product("socialmirror_blender.scene.objects")
    ghost = objects.object_with_role(collection, names.ghost_role("skin", 0))
    skin = scene.skin_of(collection, 0)
    np.testing.assert_allclose(deformed_vertices(ghost), deformed_vertices(skin), atol=1e-4)
    props.location = (0, 0, 0)
    np.testing.assert_allclose(deformed_vertices(ghost), deformed_vertices(skin), atol=1e-4)
    collection.socialmirror.ghost_offset = 2.0
    beside = deformed_vertices(ghost) - deformed_vertices(skin)
    np.testing.assert_allclose(np.linalg.norm(beside, axis=1), 2.0, atol=1e-4)
    np.testing.assert_allclose(beside[:, 2], 0.0, atol=1e-4)


def test_another_take_is_blended_in_over_a_range_as_keys_of_the_animator(
    takes: Takes, scene: ModuleType, contract: ModuleType
) -> None:
    collection, first, second, _ = takes
    press("take_blend", take="take-001", first=6, last=20, ease=4, strength=100)
    rig = scene.rig_of(collection, 0)
    joints = [contract.skeleton.JOINT_INDEX[name] for name in ("pelvis", "head", "left_wrist")]

    def heads(frame: int) -> np.ndarray:
        bpy.context.scene.frame_set(frame)
        return bone_heads(rig, ["pelvis", "head", "left_wrist"])

    for frame, made in ((2, second), (5, second), (12, first), (14, first), (21, second), (25, second)):
        expected = made.reconstruction.motion.joints[0, frame - 1, joints]
        np.testing.assert_allclose(heads(frame), expected, atol=1e-3)
    steps = [np.linalg.norm(heads(frame + 1) - heads(frame), axis=1).max() for frame in range(5, 21)]
    assert max(steps) < 0.2  # no pop at the ends
    press("use_take", take="take-001")
    press("use_take", take="take-002")
    np.testing.assert_allclose(heads(12), first.reconstruction.motion.joints[0, 11, joints], atol=1e-3)


def test_keys_after_the_range_that_is_blended_stay(takes: Takes, scene: ModuleType) -> None:
    rig = scene.rig_of(takes[0], 0)
    key(rig, "left_shoulder", 22)
    press("take_blend", take="take-001", first=6, last=20, ease=4, strength=100)
    assert is_same(rotation_at(rig, "left_shoulder", 22), POSE)


def test_a_deleted_take_leaves_the_list_and_its_files_are_kept_aside(
    takes: Takes, contract: ModuleType, product: Product
) -> None:
    _, _, _, folder = takes
    with pytest.raises(RuntimeError, match="is the take that is shown"):
        press("take_delete", take="take-002")
    press("take_ghost", take="take-001")
    press("take_delete", take="take-001")
    record = contract.reconstruction
    info = record.load_info(folder)
    assert (info.take, [take.id for take in info.takes]) == ("take-002", ["take-002"])
    assert sorted(path.name for path in (folder / "takes").iterdir()) == ["take-002.json", "take-002.npz"]
    assert sorted(path.name for path in (folder / "removed").iterdir()) == ["take-001.json", "take-001.npz"]
    assert all(finding.ok for finding in record.examine(folder))
    assert "take-001" not in " ".join(draw_sidebar().texts)
    assert not [action for action in bpy.data.actions if "take-001" in action.name]
