"""Tests of how contacts are grouped into touches."""

from __future__ import annotations

from core.contacts.grouping import group_contacts
from core.contract.contact import Contact
from core.contract.touches import group_touches


def titles(*contacts: Contact, max_gap: int = 12) -> list[str]:
    return [touch.title for touch in group_touches(group_contacts(contacts, max_gap))]


def test_the_regions_of_a_handshake_are_one_touch_also_over_an_interruption():
    shake = [
        Contact(0, "right_palm", 1, "right_palm", 20, 40),
        Contact(0, "right_fingers", 1, "right_wrist", 22, 38),
        Contact(0, "right_forearm", 1, "right_fingers", 25, 40),
        Contact(0, "right_palm", 1, "right_fingers", 48, 60),
    ]
    assert titles(*shake) == ["A right hand – B right hand and 1 more"]
    assert len(titles(*shake, max_gap=3)) == 2


def test_a_hug_is_one_touch_and_a_handshake_before_it_another():
    shake = Contact(0, "right_palm", 1, "right_palm", 0, 20)
    hug = [
        Contact(0, "left_palm", 1, "back", 25, 80),
        Contact(0, "right_palm", 1, "back", 24, 80),
        Contact(0, "chest", 1, "chest", 30, 75),
        Contact(1, "left_palm", 0, "back", 26, 80),
    ]
    assert titles(shake, *hug) == ["A right hand – B right hand", "A both hands – B back and 2 more"]


def test_hands_that_meet_again_in_a_hug_do_not_make_it_part_of_the_handshake():
    shake = [Contact(0, "right_palm", 1, "right_palm", 26, 74), Contact(0, "left_palm", 1, "right_palm", 35, 80)]
    hug = [
        Contact(0, "right_palm", 1, "left_palm", 73, 155),
        Contact(0, "right_palm", 1, "back", 84, 155),
        Contact(0, "left_palm", 1, "back", 89, 146),
        Contact(0, "left_palm", 1, "right_palm", 90, 111),
        Contact(0, "left_palm", 1, "right_palm", 131, 156),
        Contact(0, "back", 1, "left_palm", 96, 149),
    ]
    grouped = group_touches(group_contacts([*shake, *hug], 15))
    assert [(touch.frame_start, touch.frame_end) for touch in grouped] == [(26, 80), (73, 156)]


def test_two_hands_that_hold_two_hands_are_two_touches():
    assert (
        len(titles(Contact(0, "left_palm", 1, "right_palm", 0, 9), Contact(0, "right_palm", 1, "left_palm", 0, 9))) == 2
    )


def test_contacts_with_the_ground_and_lone_ones_stay_by_themselves():
    feet = [Contact(0, f"{side}_foot", "ground", "ground", 0, 9, id=side) for side in ("left", "right")]
    kick = Contact(0, "left_foot", 1, "right_shin", 3, 5, id="kick")
    assert [contact.touch for contact in group_contacts([*feet, kick], 12)] == ["left", "right", "kick"]


def test_the_order_of_the_two_people_and_of_the_contacts_does_not_matter():
    one = Contact(0, "right_palm", 1, "back", 3, 20, id="a")
    other = Contact(1, "back", 0, "left_palm", 3, 20, id="b")
    first, second = group_contacts([one, other], 0), group_contacts([other, one], 0)
    assert first[0].touch == first[1].touch == second[0].touch
