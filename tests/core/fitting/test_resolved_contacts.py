"""Contacts as a fit pulls them together."""

from __future__ import annotations

import math

import numpy as np
import torch

from core.contract.contact import Contact
from core.fitting.resolved_contacts import EASE_SECONDS, ResolvedContact, eased

TIME = np.arange(60) / 30
FRAMES = np.arange(100, 160)
HALF = math.ceil(EASE_SECONDS / 2 * 30)


def _strength(first: int, last: int, **fields) -> np.ndarray:
    """How strongly a contact from `first` to `last` is pulled together in each of the frames."""
    contact = Contact(0, "left_palm", 1, "back", first, last, **fields)
    inside = torch.from_numpy(np.flatnonzero((first <= FRAMES) & (last >= FRAMES)))
    found = eased(ResolvedContact(contact, inside, 0, 1, torch.ones(len(inside))), FRAMES, TIME)
    strength = np.zeros(len(FRAMES))
    strength[found.frames] = found.strength
    return strength


def test_a_detected_contact_comes_and_goes_by_degrees() -> None:
    strength = _strength(120, 140)
    assert strength[20 + HALF] == strength[40 - HALF] == 1
    assert strength[20 - HALF - 1] == strength[40 + HALF + 1] == 0
    assert 0 < strength[17] < strength[20] < strength[23] < 1
    assert np.abs(np.diff(strength)).max() < 0.25


def test_a_contact_that_the_clip_cuts_off_is_not_eased_there() -> None:
    assert (_strength(90, 140)[:30] == 1).all()
    assert (_strength(100, 159) == 1).all()


def test_an_enforced_contact_is_held_in_all_its_frames_and_in_no_other() -> None:
    strength = _strength(120, 140, state="enforced")
    assert (strength[20:41] == 1).all() and strength.sum() == 21
