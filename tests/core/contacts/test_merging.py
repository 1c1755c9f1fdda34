"""Edited contacts override detected ones, and one touch is reported once."""

from __future__ import annotations

from dataclasses import replace

from core.contacts import merge_contacts, with_detected_ids
from core.contacts.merging import suppress_duplicates
from core.contract.contact import Contact


def test_an_edited_contact_overrides_the_detected_one_that_it_overlaps():
    detected = Contact(0, "chest", 1, "chest", 10, 20)
    edited = Contact(0, "chest", 1, "chest", 12, 30, source="user", state="rejected")
    other_regions = Contact(0, "left_palm", 1, "back", 10, 20)
    later = Contact(0, "chest", 1, "chest", 40, 50)
    assert merge_contacts([detected, other_regions, later], [edited]) == [edited, other_regions, later]


def test_a_contact_that_was_edited_to_be_elsewhere_overrides_what_it_was():
    detected = Contact(0, "chest", 1, "chest", 10, 20)
    elsewhere = replace(detected, frame_start=40, frame_end=50, source="user")
    on_the_back = replace(detected, region_b="back", source="user")
    for edited in (elsewhere, on_the_back):
        assert merge_contacts([detected], [edited]) == [edited]


def test_a_named_contact_has_the_id_of_the_detected_one_that_it_overrides_and_two_never_have_the_same():
    detected = Contact(0, "chest", 1, "chest", 10, 40, id="found")
    named = [replace(detected, source="prompt", id=name, touch=name) for name in ("first", "second")]
    away = replace(named[0], frame_start=50, frame_end=60, id="away", touch="hug")
    assert [each.id for each in with_detected_ids([*named, away], [detected])] == ["found", "second", "away"]
    assert [each.touch for each in with_detected_ids([*named, away], [detected])] == ["found", "second", "hug"]


def test_a_contact_that_shows_in_neighbouring_regions_is_kept_once():
    best = Contact(0, "left_palm", 1, "chest", 0, 30)
    neighbour = Contact(0, "left_fingers", 1, "left_shoulder", 5, 25)
    earlier = Contact(0, "left_fingers", 1, "left_shoulder", -20, -1)
    elsewhere = Contact(0, "left_palm", 1, "hips", 0, 30)
    assert suppress_duplicates([best, neighbour, earlier, elsewhere]) == [best, earlier, elsewhere]


def test_a_hand_is_in_one_hand_at_a_time():
    best = Contact(0, "right_palm", 1, "right_palm", 0, 30)
    second = Contact(0, "right_palm", 1, "left_fingers", 0, 30)
    free = Contact(0, "left_palm", 1, "left_palm", 0, 30)
    assert suppress_duplicates([best, second, free]) == [best, free]
