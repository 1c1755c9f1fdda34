"""Contacts are data in a list; their handles follow the skin and show only while the contact lasts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import skin_points, world_place
from tests.blender.synthetic_reconstruction import Made, make_reconstruction


@pytest.fixture
def made(contract: ModuleType, tmp_path: Path) -> Made:
    return make_reconstruction(tmp_path, contract)


@pytest.fixture
def collection(scene: ModuleType, made: Made, tmp_path: Path) -> Any:
    return scene.import_reconstruction(bpy.context, tmp_path, frame_start=101)


def handles(collection: Any, contact_id: str) -> list[Any]:
    return [
        item for item in collection.objects if item.get("socialmirror_role", "").startswith(f"contact:{contact_id}:")
    ]


def test_list_and_contract_agree(scene: ModuleType, made: Made, collection: Any) -> None:
    assert scene.read_contacts(collection) == made.reconstruction.info.contacts
    edits = scene.read_edits(collection)
    assert edits.contacts == made.reconstruction.info.contacts
    assert edits.pins == ()


def test_handles_lie_on_both_skins_and_follow_them(
    contract: ModuleType, scene: ModuleType, made: Made, collection: Any
) -> None:
    palms = handles(collection, made.reconstruction.info.contacts[0].id)
    assert len(palms) == 2
    regions = made.reconstruction.body.vertex_region
    for frame in (103, 108, 113):
        bpy.context.scene.frame_set(frame)
        for person, handle in enumerate(palms):
            points = skin_points(scene.skin_of(collection, person))
            corners = list(handle.parent_vertices)
            np.testing.assert_allclose(world_place(handle), points[corners].mean(0), atol=1e-4)
            assert contract.skeleton.REGIONS.index("right_palm") in regions[corners]


def test_handles_sit_where_the_regions_are_nearest(
    contract: ModuleType, scene: ModuleType, made: Made, collection: Any
) -> None:
    contact = made.reconstruction.info.contacts[0]
    middle = (contact.frame_start + contact.frame_end) // 2
    bpy.context.scene.frame_set(101 + middle)
    palm = made.reconstruction.body.vertex_region == contract.skeleton.REGIONS.index("right_palm")
    a, b = (made.vertices(person, middle)[palm] for person in (0, 1))
    nearest = np.linalg.norm(a[:, None] - b[None], axis=-1).min()
    first, second = (world_place(handle) for handle in handles(collection, contact.id))
    # the handle is in the middle of a triangle at the nearest vertex
    assert np.linalg.norm(first - second) < nearest + 0.03


def test_handles_show_during_the_contact_only(made: Made, collection: Any) -> None:
    contact = made.reconstruction.info.contacts[0]
    (first, second) = handles(collection, contact.id)
    for clip_frame in range(25):
        bpy.context.scene.frame_set(101 + clip_frame)
        shown = contact.frame_start <= clip_frame <= contact.frame_end
        assert (first.hide_viewport, second.hide_viewport) == (not shown, not shown)


def test_handles_move_in_time_with_another_import(
    scene: ModuleType, made: Made, collection: Any, tmp_path: Path
) -> None:
    contact = made.reconstruction.info.contacts[0]
    assert scene.import_reconstruction(bpy.context, tmp_path, frame_start=501) == collection
    (first, second) = handles(collection, contact.id)
    for scene_frame, shown in ((101 + contact.frame_start, False), (501 + contact.frame_start, True)):
        bpy.context.scene.frame_set(scene_frame)
        assert (first.hide_viewport, second.hide_viewport) == (not shown, not shown)


def test_state_shows_as_colour_and_rejected_has_no_handles(scene: ModuleType, made: Made, collection: Any) -> None:
    palms, floor, rejected = made.reconstruction.info.contacts
    assert len(handles(collection, floor.id)) == 1
    assert handles(collection, rejected.id) == []
    color = {
        contact.state: tuple(handles(collection, contact.id)[0].data.materials[0].diffuse_color)
        for contact in (palms, floor)
    }
    assert color["auto"] != color["enforced"]
    collection.socialmirror.contacts[0].state = "enforced"
    collection.socialmirror.contacts[2].state = "auto"
    scene.sync_markers(collection)
    assert tuple(handles(collection, palms.id)[0].data.materials[0].diffuse_color) == color["enforced"]
    assert len(handles(collection, rejected.id)) == 2


def test_an_edited_list_comes_back_as_edits(scene: ModuleType, collection: Any) -> None:
    items = collection.socialmirror.contacts
    items.remove(2)
    items[0].state = "enforced"
    items[0].frame_end = 20
    added = items.add()
    added.contact_id = "by-hand"
    added.person_a, added.region_a = "1", "left_palm"
    added.person_b, added.region_b = "0", "left_upper_arm"
    added.frame_start, added.frame_end = 3, 9
    added.source, added.state = "user", "enforced"
    scene.sync_markers(collection)
    contacts = scene.read_edits(collection).contacts
    assert [contact.region_a for contact in contacts] == ["right_palm", "left_foot", "left_palm"]
    assert (contacts[0].state, contacts[0].frame_end) == ("enforced", 20)
    assert (contacts[2].person_a, contacts[2].person_b, contacts[2].id) == (1, 0, "by-hand")
    assert len(handles(collection, "by-hand")) == 2
    actions = [action for action in bpy.data.actions if action.name.startswith("Contact")]
    assert len(actions) == 3


def test_contacts_keep_clip_frames_in_a_scene_of_another_rate(
    contract: ModuleType, scene: ModuleType, tmp_path: Path, product: Callable[[str], ModuleType]
) -> None:
    """48 frames of the clip a second, 24 of the scene: clip frames 10 to 20 are scene frames 6 to 11."""
    made = make_reconstruction(tmp_path / "fast", contract, frame_rate=48.0)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "fast")
    contact = product("core.contract.contact").Contact(0, "head", 1, "chest", 10, 20)
    contact_scene_frames = product("socialmirror_blender.scene.contact_markers").contact_scene_frames
    assert contact_scene_frames(collection, contact) == (6, 11)
    assert scene.read_edits(collection).contacts == made.reconstruction.info.contacts
