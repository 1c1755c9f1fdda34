"""Whether enforced contacts and pins hold, and what the animator is told of those that do not."""

from __future__ import annotations

from ..contract.contact import Contact
from .objective import Objective, State

TOLERANCE = 0.01
"""metres within which enforced contacts and pins are to hold."""


def farthest_pin(objective: Objective, state: State) -> float:
    """metres from the farthest pinned place to its joint; 0 without such pins."""
    pins = objective.position_pins
    if not len(pins.frame):
        return 0.0
    place = (state.posed.joints[pins.person, pins.frame, pins.joint] - state.world[:3, 3]) @ state.world[:3, :3]
    return float((place - pins.value).norm(dim=-1).max())


def open_contact(contact: Contact, gap: float, when: str = "") -> str:
    """That an enforced contact stays `gap` metres open; `when` goes on after that: " while motion is filled in"."""
    other = "the ground" if contact.person_b == "ground" else f"{contact.region_b} of person {contact.person_b}"
    return (
        f"The enforced contact of {contact.region_a} of person {contact.person_a} with {other} "
        f"(frames {contact.frame_start}-{contact.frame_end}) stays {100 * gap:.1f} cm apart{when}: what was seen in the "
        "clip, or another contact or pin, pulls the other way."
    )


def missed_pin(distance: float, when: str = "") -> str:
    return f"A pinned joint stays {100 * distance:.1f} cm from its pin{when}: it is out of reach."
