"""Warnings about touches that somebody asked for and that the motion does not reach."""

from __future__ import annotations

from collections.abc import Sequence

from ..contract.contact import REACHED_DISTANCE, Contact
from ..contract.frames import frames_in_words
from ..contract.touches import Touch, group_touches

_WHO = {"user": "you asked for", "prompt": "the prompt asks for", "annotator": "the annotator saw"}


def unreached_touches(contacts: Sequence[Contact]) -> list[Touch]:
    """The touches that the user or the prompt asked for or the annotator saw, and that were measured and not reached."""
    return [touch for touch in group_touches(contacts) if touch.is_asked_for and touch.reached is False]


def unreached_warnings(contacts: Sequence[Contact]) -> list[str]:
    """A sentence for each of the `unreached_touches`."""
    return [_sentence(touch) for touch in unreached_touches(contacts)]


def _sentence(touch: Touch) -> str:
    who = _WHO["user" if touch.source == "detected" else touch.source]  # a detected one was enforced
    frames = frames_in_words((touch.frame_start, touch.frame_end))
    return (
        f"The touch that {who} in {frames} ({touch.title}) is not reached: {100 * (touch.distance or 0.0):.0f} cm remain, "
        f"more than {100 * REACHED_DISTANCE:.0f}."
    )
