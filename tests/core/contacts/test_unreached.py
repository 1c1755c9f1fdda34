"""Tests of the warnings about touches that were asked for and are not reached."""

from __future__ import annotations

from dataclasses import replace

from core.contacts import unreached_warnings
from core.contract.contact import Contact


def test_only_a_touch_that_was_asked_for_and_is_not_reached_is_warned_of():
    shake = Contact(0, "right_palm", 1, "right_palm", 35, 61, source="prompt", touch="shake").measured(0.23)
    near = Contact(0, "left_palm", 1, "back", 35, 61, source="prompt", touch="hug").measured(0.02)
    found = replace(shake, source="detected", touch="found")
    unmeasured = replace(shake, touch="later").measured(None)
    rejected = replace(shake, touch="no", state="rejected")
    (warning,) = unreached_warnings([shake, near, found, unmeasured, rejected])
    assert "the prompt asks for in frames 35 to 61 (A right hand – B right hand)" in warning
    assert "23 cm remain, more than 6" in warning
    (own,) = unreached_warnings([replace(shake, source="user", state="enforced")])
    assert "you asked for" in own


def test_a_detected_touch_that_the_user_enforces_is_warned_of():
    found = Contact(0, "right_palm", 1, "right_palm", 35, 61).measured(0.23)
    assert unreached_warnings([found]) == []
    (warning,) = unreached_warnings([replace(found, state="enforced")])
    assert "you asked for" in warning
