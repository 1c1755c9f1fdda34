"""Tests of body parts, and of how contacts are grouped into the touches that an animator lists."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.contract.body_parts import BODY_PARTS, PART_OF_REGION, body_part_of
from core.contract.contact import Contact
from core.contract.skeleton import REGIONS
from core.contract.touches import group_touches, without_covered


def test_every_region_belongs_to_a_body_part_of_its_side():
    assert len(BODY_PARTS) == 18 and set(PART_OF_REGION) == set(range(18))
    assert [body_part_of(region) for region in ("left_fingers", "right_knee", "belly", "face", "ground")] == [
        "left_hand", "right_shin", "chest", "head", "ground",
    ]  # fmt: skip
    assert BODY_PARTS[PART_OF_REGION[REGIONS.index("right_elbow")]] == "right_forearm"


def test_contacts_of_one_touch_are_one_entry_and_a_lone_contact_is_its_own():
    palms = Contact(0, "right_palm", 1, "right_palm", 35, 61, touch="shake", id="palms", probability=0.9, distance=0.02)
    fingers = Contact(1, "right_fingers", 0, "right_wrist", 30, 58, touch="shake", id="fingers", weight=0.4)
    nudge = Contact(0, "left_elbow", 1, "chest", 5, 8, id="nudge")
    first, second = group_touches([palms, nudge, fingers])
    assert first.contacts == (nudge,) and first.id == "nudge"
    assert second.contacts == (fingers, palms)
    assert (second.frame_start, second.frame_end, second.probability, second.distance) == (30, 61, 0.9, 0.02)
    assert second.label() == "A right hand – B right hand, 30–61"
    assert second.label(lambda frame: frame + 100) == "A right hand – B right hand, 130–161"


def test_the_title_names_the_parts_that_touch_longest():
    hug = [
        Contact(0, "left_palm", 1, "back", 10, 50, touch="hug"),
        Contact(0, "right_fingers", 1, "back", 12, 50, touch="hug"),
        Contact(1, "chest", 0, "chest", 20, 40, touch="hug"),
        Contact(1, "left_palm", 0, "back", 20, 60, weight=0.2, touch="hug"),
    ]
    assert [touch.title for touch in group_touches(hug)] == ["A both hands – B back and 2 more"]
    (feet,) = group_touches(
        [
            Contact(1, "left_foot", "ground", "ground", 0, 4, touch="stand"),
            Contact(1, "right_foot", "ground", "ground", 0, 4, touch="stand"),
        ]
    )
    assert feet.title == "B both feet – ground"


@pytest.mark.parametrize(
    ("states", "expected"),
    [(("auto", "rejected"), "auto"), (("rejected", "rejected"), "rejected"), (("rejected", "enforced"), "enforced")],
)
def test_a_touch_is_rejected_only_if_all_of_its_contacts_are(states, expected):
    contacts = [Contact(0, "chest", 1, "chest", 3 * i, 9, state=state, touch="t") for i, state in enumerate(states)]
    (touch,) = group_touches(contacts)
    assert touch.state == expected
    assert touch.frame_start == next((each.frame_start for each in contacts if each.active()), 0)


def test_a_touch_is_reached_if_one_of_its_contacts_is():
    contact = Contact(0, "chest", 1, "chest", 3, 9, touch="t")
    far, near = contact.measured(0.4), contact.measured(0.01)
    assert group_touches([contact])[0].reached is None
    assert group_touches([contact, far])[0].reached is False
    assert group_touches([near, far])[0].reached is True


def test_what_the_user_or_the_prompt_asked_for_is_theirs():
    detected = Contact(0, "chest", 1, "chest", 3, 9, touch="t")
    prompted = Contact(0, "chest", 1, "belly", 3, 9, touch="t", source="prompt")
    assert group_touches([detected, prompted])[0].source == "prompt"


def test_contacts_that_a_changed_one_has_come_to_cover_are_listed_once():
    moved = Contact(0, "right_palm", 1, "back", 10, 20, id="moved", vertex_a=7, source="user", state="enforced")
    region = replace(moved, id="region", vertex_a=None, source="detected", state="auto")
    other_way = region.with_people_swapped()
    same_point = replace(moved, id="same point")
    other_point = replace(moved, id="other point", vertex_a=8)
    other_frames = replace(region, id="other frames", frame_end=21)
    listed = [region, same_point, other_point, moved, other_frames]
    assert without_covered(listed, ["moved"]) == [other_point, moved, other_frames]
    assert without_covered([other_way, moved], ["moved"]) == [moved]
    assert without_covered([region, moved], ["region"]) == [region, moved], "a region does not cover the point in it"
    assert without_covered([moved, same_point], ["moved", "same point"]) == [moved], (
        "of two equal ones the first is kept"
    )
    ground = Contact(0, "left_foot", 1, "left_foot", 10, 20)
    assert not ground.covers(Contact(1, "left_foot", "ground", "ground", 10, 20))
