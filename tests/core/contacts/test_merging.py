"""Edited contacts override detected ones, and one touch is reported once."""

from __future__ import annotations

from core.contacts import merge_contacts
from core.contacts.merging import suppress_duplicates
from core.contract.contact import Contact


def test_an_edited_contact_overrides_the_detected_one_that_it_overlaps():
    detected = Contact(0, "chest", 1, "chest", 10, 20)
    edited = Contact(0, "chest", 1, "chest", 12, 30, source="user", state="rejected")
    other_regions = Contact(0, "left_palm", 1, "back", 10, 20)
    later = Contact(0, "chest", 1, "chest", 40, 50)
    assert merge_contacts([detected, other_regions, later], [edited]) == [edited, other_regions, later]


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
