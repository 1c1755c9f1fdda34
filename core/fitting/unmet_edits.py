"""The sentences about enforced contacts and pins that are not met."""

from __future__ import annotations

from ..contract.contact import Contact
from ..contract.frames import frames_in_words
from ..contract.reconstruction import PERSON_NAMES
from ..contract.skeleton import GROUND

TOLERANCE = 0.01
"""metres within which enforced contacts and pins are to hold."""


def open_contact(contact: Contact, gap: float) -> str:
    """The warning about an enforced contact that stays `gap` metres open."""
    side = _side(contact.person_a, contact.region_a)
    other = "the ground" if contact.person_b == GROUND else _side(contact.person_b, contact.region_b)
    return (
        f"The enforced contact of {side} with {other} "
        f"({frames_in_words((contact.frame_start, contact.frame_end))}) stays {100 * gap:.1f} cm apart: the picture, "
        "or another contact or pin, pulls the other way."
    )


def missed_pin(distance: float) -> str:
    """The warning about a pin that stays `distance` metres from its joint."""
    return f"A pinned joint stays {100 * distance:.1f} cm from its pin: it is out of reach."


def _side(person: int, region: str) -> str:
    return f"{PERSON_NAMES[person]}'s {region.replace('_', ' ')}"
