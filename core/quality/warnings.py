"""What the check says to a user."""

from __future__ import annotations

from ..contract.frames import frames_in_words
from ..contract.reconstruction import BAD, PERSON_NAMES, Quality


def quality_warnings(quality: Quality) -> tuple[str, ...]:
    """What a user should know about a take, a sentence for each person and kind of error that is bad."""
    sentences = {
        "picture": "{who} does not lie over the picture in {frames}: off by {worst:.0f}% of the body's height. "
        "Look at these frames, pin a pose there and refine.",
        "limbs": "An arm or a leg of {who} does not lie over the picture in {frames}: off by {worst:.0f}% of the body's height. "
        "Look at these frames, reject a touch that is none or pin a pose there, and refine.",
        "floor": "{who} is in the floor or above it by {worst:.0f} mm in {frames}.",
        "penetration": "The bodies intersect by {worst:.0f} mm in {frames}.",
        "smoothness": "{who} jitters in {frames}, unlike in the clip.",
        "speed": "{who} moves at {worst:.0f} m/s in {frames}, faster than people run: somebody else may have been followed. "
        "Look at these frames, or choose others.",
    }
    found: list[str] = []
    for measure, person in dict.fromkeys((each.measure, each.person) for each in quality.stretches):
        if measure not in sentences:  # of contacts, `contacts.unreached` says more
            continue
        wrong = [s for s in quality.stretches if (s.measure, s.person, s.grade) == (measure, person, BAD)]
        if wrong:
            who = "" if person is None else PERSON_NAMES[person]
            worst = max(stretch.value for stretch in wrong)
            frames = frames_in_words(*((stretch.first, stretch.last) for stretch in wrong))
            found.append(sentences[measure].format(who=who, worst=worst, frames=frames))
    return tuple(sorted(found))
