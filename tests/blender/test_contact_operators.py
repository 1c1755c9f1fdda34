"""Operators on the list of contacts edit it and synchronise the markers."""

from __future__ import annotations

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
    press("contact_add", **fields, frame_start=3, frame_end=9, weight=0.5)
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


def test_an_impossible_contact_is_refused(imported: Any) -> None:
    with pytest.raises(RuntimeError, match=r"ends .* before it starts"):
        press("contact_add", person_b="1", frame_start=9, frame_end=3)
    with pytest.raises(RuntimeError, match="between two people"):
        press("contact_add", person_a="0", person_b="0")
    assert len(imported.socialmirror.contacts) == 3


def test_a_rejected_contact_loses_its_markers_and_stays_in_the_list(imported: Any, scene: ModuleType) -> None:
    before = count_markers()
    press("contact_state", state="rejected")
    assert count_markers() == before - 2
    assert scene.read_edits(imported).contacts[0].state == "rejected"


def test_contacts_can_be_removed_until_the_list_is_empty(imported: Any) -> None:
    imported.socialmirror.contact_index = 2
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
    selected_regions = product("socialmirror_blender.operators.contact_dialog").selected_regions
    assert selected_regions(bpy.context, imported) == {0: "left_palm", 1: "chest"}
