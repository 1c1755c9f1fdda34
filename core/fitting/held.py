"""Whether enforced contacts and pins are met, and the sentences about those that are not."""

from __future__ import annotations

from ..contract.contact import Contact
from .objective import Objective, State

TOLERANCE = 0.01
"""metres within which enforced contacts and pins are to hold."""


def farthest_pin(objective: Objective, state: State) -> float:
    """metres from the farthest pinned place to its joint; 0 without such pins."""
    if not len(objective.position_pins.frame):
        return 0.0
    return float(objective.position_pin_errors(state).norm(dim=-1).max())


def open_contact(contact: Contact, gap: float) -> str:
    """The warning about an enforced contact that stays `gap` metres open."""
    other = (
        "the ground" if contact.person_b == "ground_hypotheses" else f"{contact.region_b} of person {contact.person_b}"
    )
    return (
        f"The enforced contact of {contact.region_a} of person {contact.person_a} with {other} "
        f"(frames {contact.frame_start}-{contact.frame_end}) stays {100 * gap:.1f} cm apart: the picture, "
        "or another contact or pin, pulls the other way."
    )


def missed_pin(distance: float) -> str:
    """The warning about a pin that stays `distance` metres from its joint."""
    return f"A pinned joint stays {100 * distance:.1f} cm from its pin: it is out of reach."
