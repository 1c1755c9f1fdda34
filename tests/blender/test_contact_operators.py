"""Operators on the list of contacts edit it and synchronise the markers."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import bpy
import pytest

from tests.blender.product import Product
from tests.blender.user_actions import press, select_bone


def count_markers() -> int:
    return sum(item.name.startswith("Contact") for item in bpy.data.objects)


def test_an_added_contact_is_enforced_and_has_markers(imported: Any) -> None:
    before = count_markers()
    fields = {"person_a": "1", "region_a": "left_palm", "person_b": "0", "region_b": "chest"}
    press("contact_add", **fields, frame_start=4, frame_end=10, weight=0.5)  # of the scene, which begins at 1
    contacts = imported.socialmirror
    item = contacts.contacts[-1]
    assert (item.person_a, item.region_a, item.person_b, item.region_b) == ("1", "left_palm", "0", "chest")
    assert (item.frame_start, item.frame_end, item.source, item.state) == (3, 9, "user", "enforced")
    assert contacts.contact_index == len(contacts.contacts) - 1
    assert count_markers() == before + 2


def test_an_edited_contact_keeps_its_id(imported: Any, scene: ModuleType) -> None:
    contact_id = imported.socialmirror.contacts[0].contact_id
    press("contact_edit", person_b="ground", region_a="right_foot", frame_start=1, frame_end=2)
    contact = scene.read_edits(imported).contacts[0]
    assert contact.id == contact_id
    assert contact.person_b == contact.region_b == "ground"
    assert contact.state == "enforced"


def test_a_contact_that_is_made_like_another_replaces_it(imported: Any, scene: ModuleType) -> None:
    listed = scene.read_contacts(imported)
    fields = {"region_a": listed[1].region_a, "region_b": listed[1].region_b}
    people = {"person_a": str(listed[1].person_a), "person_b": str(listed[1].person_b)}
    press("contact_edit", **people, **fields, frame_start=listed[1].frame_start + 1, frame_end=listed[1].frame_end + 1)
    assert [contact.id for contact in scene.read_contacts(imported)] == [listed[0].id, listed[2].id]
    press("contact_add", **people, **fields, frame_start=listed[1].frame_start + 1, frame_end=listed[1].frame_end + 1)
    (added, *_) = (contact for contact in scene.read_contacts(imported) if contact.region_a == listed[1].region_a)
    assert added.id not in {contact.id for contact in listed}
    assert len(scene.read_contacts(imported)) == 2


def test_an_impossible_contact_is_refused(imported: Any) -> None:
    with pytest.raises(RuntimeError, match=r"ends .* before it starts"):
        press("contact_add", person_b="1", frame_start=9, frame_end=3)
    with pytest.raises(RuntimeError, match="needs two people"):
        press("contact_add", person_a="0", person_b="0")
    assert len(imported.socialmirror.contacts) == 3


def test_a_rejected_contact_loses_its_markers_and_stays_in_the_list(imported: Any, scene: ModuleType) -> None:
    before = count_markers()
    press("contact_state", state="rejected")
    assert count_markers() == before - 2
    assert scene.read_edits(imported).contacts[0].state == "rejected"


def test_contacts_can_be_removed_until_the_list_is_empty(imported: Any) -> None:
    for left in (2, 1, 0):
        press("contact_remove")
        assert len(imported.socialmirror.contacts) == left
    assert count_markers() == 0
    with pytest.raises(RuntimeError, match="Select a contact"):
        press("contact_remove")


def test_jump_to_contact_sets_the_first_frame_of_the_contact(imported: Any) -> None:
    press("contact_jump")
    assert bpy.context.scene.frame_current == 3  # frame 2 of the clip


def test_every_joint_has_a_region(contract: ModuleType, product: Product) -> None:
    region_of_bone = product("socialmirror_blender.scene.regions").region_of_bone
    assert {region_of_bone(joint) for joint in contract.skeleton.JOINTS} <= set(contract.skeleton.REGIONS)
    assert region_of_bone("left_wrist") == "left_palm"
    assert region_of_bone("right_index2") == "right_fingers"
    assert region_of_bone("root") is None


def test_selected_bones_suggest_the_regions_of_a_new_contact(
    imported: Any, scene: ModuleType, product: Product
) -> None:
    rigs: list[Any] = [scene.rig_of(imported, person) for person in (0, 1)]
    for rig in rigs:
        rig.select_set(True)
    bpy.context.view_layer.objects.active = rigs[0]
    bpy.ops.object.mode_set(mode="POSE")
    for rig, selected in zip(rigs, ("left_wrist", "spine3")):
        for bone in rig.pose.bones:
            select_bone(bone, bone.name == selected)
    selected_skin = product("socialmirror_blender.operators.contact_dialog").selected_skin
    assert selected_skin(bpy.context, imported) == {0: ("left_palm", -1), 1: ("chest", -1)}


def test_selected_vertices_suggest_the_points_of_a_new_contact(
    imported: Any, contract: ModuleType, scene: ModuleType, product: Product
) -> None:
    selected_skin = product("socialmirror_blender.operators.contact_dialog").selected_skin
    skins: list[Any] = [scene.skin_of(imported, person) for person in (0, 1)]
    wanted = {}
    for person, (skin, name) in enumerate(zip(skins, ("left_palm", "head"))):
        number = contract.skeleton.REGIONS.index(name)
        regions = skin.data.attributes["socialmirror_region"].data
        vertex = next(index for index, value in enumerate(regions) if value.value == number)
        for collection in (skin.data.polygons, skin.data.edges, skin.data.vertices):
            collection.foreach_set("select", [False] * len(collection))
        skin.data.vertices[vertex].select = True
        skin.select_set(True)
        wanted[person] = (name, vertex)
    bpy.context.view_layer.objects.active = skins[0]
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_mode(type="VERT")
    assert selected_skin(bpy.context, imported) == wanted
    bpy.ops.object.mode_set(mode="OBJECT")
    fields = {"person_a": "0", "region_a": "left_palm", "person_b": "1", "region_b": "chest"}
    press("contact_add", **fields, vertex_a=wanted[0][1], vertex_b=wanted[1][1], frame_start=3, frame_end=9)
    contact = scene.read_contacts(imported)[-1]
    assert (contact.vertex_a, contact.vertex_b) == (wanted[0][1], None)  # the other region was changed in the dialog


def test_buttons_apply_to_all_marked_touches(imported: Any, scene: ModuleType) -> None:
    listed = imported.socialmirror
    for row in listed.touches:
        row.marked = row.touch_id != listed.contacts[0].touch
    press("contact_state", state="rejected")
    assert [contact.state for contact in scene.read_contacts(imported)] == ["auto", "rejected", "rejected"]
    press("contact_mark")
    press("contact_mark")
    assert not any(row.marked for row in listed.touches)
    press("contact_state", state="enforced")
    assert [contact.state for contact in scene.read_contacts(imported)] == ["enforced", "rejected", "rejected"]


def test_one_pair_of_regions_of_a_touch_can_be_rejected(
    imported: Any, contract: ModuleType, scene: ModuleType, product: Product
) -> None:
    contacts = product("socialmirror_blender.scene.contact_list")
    contact = contract.contact.Contact
    hug = [contact(0, "left_palm", 1, "back", 2, 9, touch="hug"), contact(0, "chest", 1, "chest", 4, 8, touch="hug")]
    contacts.write_contacts(imported, hug)
    assert len(imported.socialmirror.touches) == 1
    imported.socialmirror.contact_index = 1
    press("contact_state", state="rejected", one=True)
    assert [item.state for item in scene.read_contacts(imported)] == ["auto", "rejected"]
    press("contact_remove", one=True)
    assert scene.read_contacts(imported) == tuple(hug[:1])
    press("contact_remove")
    assert scene.read_contacts(imported) == ()


def test_a_dragged_touch_keeps_the_order_of_its_contacts(contract: ModuleType, product: Product) -> None:
    with_interval = product("socialmirror_blender.operators.contact_interval").with_interval
    contact = contract.contact.Contact
    hug = [contact(0, "left_palm", 1, "back", 10, 30), contact(0, "chest", 1, "chest", 14, 20)]

    def frames(first: int, last: int) -> list[tuple[int, int]]:
        return [(item.frame_start, item.frame_end) for item in with_interval(hug, first, last)]

    assert frames(15, 35) == [(15, 35), (19, 25)]
    assert frames(10, 20) == [(10, 20), (12, 15)]
    assert frames(25, 20) == [(25, 25), (25, 25)]
    assert {item.state for item in with_interval(hug, 15, 35)} == {"enforced"}
    assert with_interval(hug, 10, 30) == hug


def test_touches_that_follow_each_other_share_a_lane_of_the_timeline(product: Product) -> None:
    strips = product("socialmirror_blender.overlays.contact_strips")
    assert strips.lanes_of([(1, 10), (5, 20), (11, 30), (21, 25)]) == [0, 1, 0, 1]
    strip = strips.Strip("hug", "A chest – B chest", (1, 1, 0), left=100.0, right=200.0, bottom=2.0, top=12.0)
    later = [
        replace(strip, left=left, right=left + 50, bottom=bottom) for left, bottom in ((260.0, 2.0), (230.0, 14.0))
    ]
    assert strips.room_beside(strip, [strip, *later], 900) == 60, "labels do not overlap the next strip of the lane"
    assert strips.room_beside(strip, [strip], 900) == 700
    assert [strip.part_at(x, 5, handle=6) for x in (90, 99, 150, 198, 210)] == [None, "start", "middle", "end", None]
    assert strip.part_at(150, 20, handle=6) is None


@pytest.mark.parametrize("jump", ["contact_jump", "foot_jump", "jump_to_frame"])
def test_a_jump_is_an_undo_step_so_that_undoing_the_next_edit_leaves_the_playhead(jump: str) -> None:
    """Blender adds the step only in a window."""
    operators: Any = bpy.ops
    assert "UNDO_GROUPED" in getattr(operators.socialmirror, jump).bl_options
