"""Contacts are a list on the collection; their markers follow the skin and are visible only during the contact."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from tests.blender.evaluated_scene import deformed_vertices, world_position
from tests.blender.kept import Kept
from tests.blender.product import Product
from tests.blender.synthetic_reconstruction import Made, make_reconstruction


@pytest.fixture
def collection(kept: Kept, made: Made, tmp_path: Path) -> Any:
    """Frame 0 of the clip is scene frame 101."""
    return kept.imported(tmp_path, frame_start=101)


def markers(collection: Any, contact_id: str) -> list[Any]:
    return [
        item for item in collection.objects if item.get("socialmirror_role", "").startswith(f"contact:{contact_id}:")
    ]


def test_the_list_holds_the_contacts_of_the_reconstruction(scene: ModuleType, made: Made, collection: Any) -> None:
    assert scene.read_contacts(collection) == made.reconstruction.info.contacts
    edits = scene.read_edits(collection)
    assert edits.contacts == made.reconstruction.info.contacts
    assert edits.pins == ()


def test_markers_lie_on_both_skins_and_follow_them(
    contract: ModuleType, scene: ModuleType, made: Made, collection: Any
) -> None:
    both = markers(collection, made.reconstruction.info.contacts[0].id)
    assert len(both) == 2
    regions = made.reconstruction.body.vertex_region
    for frame in (103, 108, 113):
        bpy.context.scene.frame_set(frame)
        for person, marker in enumerate(both):
            vertices = deformed_vertices(scene.skin_of(collection, person))
            vertex = marker.parent_vertices[0]
            np.testing.assert_allclose(world_position(marker), vertices[vertex], atol=1e-4)
            assert contract.skeleton.REGIONS.index("right_palm") == regions[vertex]


def test_markers_lie_where_the_regions_are_nearest(contract: ModuleType, made: Made, collection: Any) -> None:
    contact = made.reconstruction.info.contacts[0]
    middle = (contact.frame_start + contact.frame_end) // 2
    bpy.context.scene.frame_set(101 + middle)
    palm = made.reconstruction.body.vertex_region == contract.skeleton.REGIONS.index("right_palm")
    a, b = (made.vertices_inworld(person, middle)[palm] for person in (0, 1))
    nearest = np.linalg.norm(a[:, None] - b[None], axis=-1).min()
    first, second = (world_position(marker) for marker in markers(collection, contact.id))
    np.testing.assert_allclose(np.linalg.norm(first - second), nearest, atol=1e-3)


def test_the_nearest_vertices_of_two_patches_and_the_lowest_of_one(product: Product) -> None:
    nearest_vertices = product("socialmirror_blender.scene.contact_anchors").nearest_vertices
    a = (np.array([4, 7, 9]), np.array([[0.0, 0, 2], [1, 0, 1], [2, 0, 3]]))
    b = (np.array([5, 6]), np.array([[2.0, 0, 3.5], [9, 9, 9]]))
    assert nearest_vertices([a, b]) == [9, 5]
    assert nearest_vertices([a]) == [7]


def test_markers_are_visible_during_the_contact_only(made: Made, collection: Any) -> None:
    contact = made.reconstruction.info.contacts[0]
    (first, second) = markers(collection, contact.id)
    for clip_frame in range(25):
        bpy.context.scene.frame_set(101 + clip_frame)
        visible = contact.frame_start <= clip_frame <= contact.frame_end
        assert (first.hide_viewport, second.hide_viewport) == (not visible, not visible)


def test_markers_move_in_time_with_the_motion(scene: ModuleType, made: Made, collection: Any, tmp_path: Path) -> None:
    contact = made.reconstruction.info.contacts[0]
    assert scene.import_reconstruction(bpy.context, tmp_path, frame_start=501) == collection
    (first, second) = markers(collection, contact.id)
    for scene_frame, visible in ((101 + contact.frame_start, False), (501 + contact.frame_start, True)):
        bpy.context.scene.frame_set(scene_frame)
        assert (first.hide_viewport, second.hide_viewport) == (not visible, not visible)


def test_the_colour_shows_the_state_and_a_rejected_contact_has_no_markers(
    scene: ModuleType, made: Made, collection: Any
) -> None:
    palms, floor, rejected = made.reconstruction.info.contacts
    assert len(markers(collection, floor.id)) == 1
    assert markers(collection, rejected.id) == []

    def color(contact_id: str) -> tuple[float, ...]:
        return tuple(markers(collection, contact_id)[0].data.materials[0].diffuse_color)

    enforced = color(floor.id)
    assert color(palms.id) != enforced
    collection.socialmirror.contacts[0].state = "enforced"
    collection.socialmirror.contacts[2].state = "auto"
    scene.sync_markers(collection)
    assert color(palms.id) == enforced
    assert len(markers(collection, rejected.id)) == 2


def test_an_edited_list_becomes_edits(scene: ModuleType, collection: Any) -> None:
    items = collection.socialmirror.contacts
    items.remove(2)
    items[0].state = "enforced"
    items[0].frame_end = 20
    added = items.add()
    added.contact_id = "added"
    added.person_a, added.region_a = "1", "left_palm"
    added.person_b, added.region_b = "0", "left_upper_arm"
    added.frame_start, added.frame_end = 3, 9
    added.source, added.state = "user", "enforced"
    scene.sync_markers(collection)
    contacts = scene.read_edits(collection).contacts
    assert [contact.region_a for contact in contacts] == ["right_palm", "left_foot", "left_palm"]
    assert (contacts[0].state, contacts[0].frame_end) == ("enforced", 20)
    assert (contacts[2].person_a, contacts[2].person_b, contacts[2].id) == (1, 0, "added")
    assert len(markers(collection, "added")) == 2
    actions = [action for action in bpy.data.actions if action.name.startswith("Contact")]
    assert len(actions) == 3


def test_contacts_keep_frames_of_the_clip_in_a_scene_of_another_frame_rate(
    contract: ModuleType, scene: ModuleType, tmp_path: Path, product: Product
) -> None:
    """The clip has 48 frames per second, the scene 24: frames 10 to 20 of the clip are scene frames 6 to 11."""
    made = make_reconstruction(tmp_path / "fast", contract, frame_rate=48.0)
    collection = scene.import_reconstruction(bpy.context, tmp_path / "fast")
    contact = contract.contact.Contact(0, "head", 1, "chest", 10, 20)
    contact_scene_frames = product("socialmirror_blender.scene.contact_markers").contact_scene_frames
    assert contact_scene_frames(collection, contact.frame_start, contact.frame_end) == (6, 11)
    assert scene.read_edits(collection).contacts == made.reconstruction.info.contacts


def test_a_moved_marker_takes_its_contact_with_it(
    contract: ModuleType, scene: ModuleType, made: Made, collection: Any
) -> None:
    contact = made.reconstruction.info.contacts[0]
    marker, _ = markers(collection, contact.id)
    bpy.context.scene.frame_set(101 + contact.frame_start + 3)
    skin = scene.skin_of(collection, 0)
    forearm = contract.skeleton.REGIONS.index("right_forearm")
    elbow = int(np.flatnonzero(made.reconstruction.body.vertex_region == forearm)[40])
    place = deformed_vertices(skin)[elbow]
    marker.location = place - world_position(marker)
    bpy.context.view_layer.update()
    assert np.linalg.norm(world_position(marker) - place) < 1e-4
    assert scene.adopt_moved_markers(collection) == 1
    moved = scene.read_contacts(collection)[0]
    assert (moved.id, moved.vertex_a, moved.region_a, moved.state) == (contact.id, elbow, "right_forearm", "enforced")
    assert (moved.vertex_b, moved.region_b) == (None, contact.region_b)
    first, _ = markers(collection, contact.id)
    np.testing.assert_allclose(world_position(first), place, atol=1e-4)
    assert scene.adopt_moved_markers(collection) == 0
    assert scene.read_edits(collection).contacts[0].vertex_a == elbow
    assert scene.read_contacts(collection)[1:] == made.reconstruction.info.contacts[1:]


def test_a_marker_that_is_moved_onto_another_contact_leaves_one_of_the_two(
    scene: ModuleType, made: Made, collection: Any
) -> None:
    contact = made.reconstruction.info.contacts[0]
    bpy.context.scene.frame_set(101 + contact.frame_start + 3)
    other = scene.read_contacts(collection)[0]
    item = collection.socialmirror.contacts.add()
    item.contact_id = item.touch = "beside"
    item.person_a, item.region_a = "0", "right_forearm"
    item.person_b, item.region_b = str(other.person_b), other.region_b
    item.frame_start, item.frame_end = other.frame_start, other.frame_end
    scene.sync_markers(collection)
    marker, _ = markers(collection, "beside")
    marker.location = world_position(markers(collection, contact.id)[0]) - world_position(marker)
    bpy.context.view_layer.update()
    assert scene.adopt_moved_markers(collection) == 1
    left = scene.read_contacts(collection)
    assert [each.id for each in left] == [each.id for each in made.reconstruction.info.contacts[1:]] + ["beside"]
    assert left[-1].region_a == contact.region_a and left[-1].vertex_a is not None
    assert markers(collection, contact.id) == [] and len(markers(collection, "beside")) == 2


def test_a_marker_that_becomes_active_chooses_its_contact_and_a_touch_selects_its_markers(
    made: Made, collection: Any
) -> None:
    palms, floor, _ = made.reconstruction.info.contacts
    listed = collection.socialmirror
    bpy.context.scene.frame_set(101 + floor.frame_start)  # markers are hidden while their contact is not made
    listed.touch_index = next(row for row, touch in enumerate(listed.touches) if touch.touch_id == floor.touch)
    assert listed.contacts[listed.contact_index].contact_id == floor.id
    assert bpy.context.selected_objects == markers(collection, floor.id)
    (marker, _) = markers(collection, palms.id)
    bpy.context.scene.frame_set(101 + palms.frame_start)
    bpy.ops.object.select_all(action="DESELECT")
    marker.select_set(True)
    bpy.context.view_layer.objects.active = marker
    bpy.context.view_layer.update()
    assert listed.contacts[listed.contact_index].contact_id == palms.id
    assert listed.touches[listed.touch_index].touch_id == palms.touch


def test_lines_tell_by_their_colour_how_far_two_sides_are_apart(made: Made, collection: Any, product: Product) -> None:
    lines = product("socialmirror_blender.overlays.contact_lines")
    contact = made.reconstruction.info.contacts[0]
    (frame, outside) = 101 + contact.frame_start, 101 + contact.frame_end + 1
    bpy.context.scene.frame_set(frame)
    (line,) = lines.contact_lines(collection, frame, bpy.context.evaluated_depsgraph_get())
    first, second = (world_position(marker) for marker in markers(collection, contact.id))
    np.testing.assert_allclose([line.start, line.end], [first, second], atol=1e-5)
    assert line.active
    assert list(lines.contact_lines(collection, outside, bpy.context.evaluated_depsgraph_get())) == []
    (touching, near, apart) = (lines.distance_color(distance) for distance in (0.0, 0.05, 0.3))
    assert touching[1] > 2 * touching[0]
    assert apart[0] > 2 * apart[1]
    assert near[0] > 0.5 < near[1]


def test_markers_of_a_person_whose_armature_is_deleted_go_with_it(
    product: Product, scene: ModuleType, made: Made, collection: Any
) -> None:
    contact = made.reconstruction.info.contacts[0]
    events = product("socialmirror_blender.contact_events")
    timers: Any = bpy.app.timers
    bpy.data.objects.remove(scene.rig_of(collection, 1))
    bpy.context.view_layer.update()
    assert timers.is_registered(events.remove_orphans)
    events.remove_orphans()
    assert markers(collection, contact.id) == []
    assert scene.read_contacts(collection)  # they come back with the next import
