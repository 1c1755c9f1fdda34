"""Touches: contacts grouped into what an animator would list as one thing, such as a handshake or a hug."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .body_parts import body_part_of, body_part_words
from .contact import Contact, Source, State
from .skeleton import GROUND, split_side

SHORT_NAMES = ("A", "B")
"""The two people in the titles of touches."""


@dataclass(frozen=True)
class Touch:
    """The contacts of one touch, which are listed as one entry that opens to them."""

    id: str
    contacts: tuple[Contact, ...]
    """At least one; sorted by time."""

    @property
    def frame_start(self) -> int:
        return min(contact.frame_start for contact in self._counted)

    @property
    def frame_end(self) -> int:
        """Included in the touch."""
        return max(contact.frame_end for contact in self._counted)

    @property
    def source(self) -> Source:
        """The first of `user`, `prompt`, `annotator` and `detected` that one of its contacts is of."""
        sources = {contact.source for contact in self._counted}
        return next(source for source in ("user", "prompt", "annotator", "detected") if source in sources)

    @property
    def state(self) -> State:
        """`rejected` if all of its contacts are, else `enforced` if one is."""
        states = {contact.state for contact in self._counted}
        return next(state for state in ("enforced", "auto", "rejected") if state in states)

    @property
    def is_asked_for(self) -> bool:
        """Whether the user, the prompt or the annotator wants it; one that was only detected may be none."""
        return self.state == "enforced" or (self.source != "detected" and self.state != "rejected")

    @property
    def probability(self) -> float | None:
        """The largest of its contacts, None if none has one."""
        return max((one.probability for one in self._counted if one.probability is not None), default=None)

    @property
    def distance(self) -> float | None:
        """The smallest of its contacts in metres, None if none was measured."""
        return min((one.distance for one in self._counted if one.distance is not None), default=None)

    @property
    def reached(self) -> bool | None:
        """Whether the motion brings the regions of one of its contacts together; None if that was judged for none."""
        judged = [contact.reached for contact in self._counted if contact.reached is not None]
        return any(judged) if judged else None

    @property
    def title(self) -> str:
        """Who touches whom with what, by body parts: `A right hand – B right hand`, `A both hands – B back and 1 more`.

        Named is the pair of body parts that touches longest; `more` counts the others, without their sides.
        """
        pairs: dict[tuple[int, str, str], list[Contact]] = {}
        for contact in map(_a_first, self._counted):
            kinds = (contact.person_a, _kind(contact.region_a), _kind(contact.region_b))
            pairs.setdefault(kinds, []).append(contact)
        longest = max(pairs.values(), key=lambda contacts: sum(map(_weighted_duration, contacts)))
        sides = (_side_in_words(longest, 0), _side_in_words(longest, 1))
        more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
        return f"{sides[0]} – {sides[1]}{more}"

    def label(self, in_scene: Callable[[int], int] = int) -> str:
        """The title and the frames, e.g. `A right hand – B right hand, 35–61`.

        `in_scene` turns a frame of the clip into the one that the reader counts in.
        """
        return f"{self.title}, {in_scene(self.frame_start)}–{in_scene(self.frame_end)}"

    @property
    def _counted(self) -> tuple[Contact, ...]:
        """The contacts that are not rejected, or all if all are."""
        return tuple(contact for contact in self.contacts if contact.active()) or self.contacts


def group_touches(contacts: Iterable[Contact]) -> list[Touch]:
    """The touches that contacts belong to, sorted by time."""
    groups: dict[str, list[Contact]] = {}
    for contact in contacts:
        groups.setdefault(contact.touch, []).append(contact)
    touches = [
        Touch(touch, tuple(sorted(group, key=lambda contact: (contact.frame_start, contact.id))))
        for touch, group in groups.items()
    ]
    return sorted(touches, key=lambda touch: (touch.frame_start, touch.id))


def without_covered(contacts: Iterable[Contact], changed: Iterable[str]) -> list[Contact]:
    """The contacts but those that one of the `changed`, named by their ids, covers: an edit can make one contact like another."""
    kept = list(contacts)
    for contact_id in changed:
        own = next((contact for contact in kept if contact.id == contact_id), None)
        if own is not None:
            kept = [contact for contact in kept if contact.id == own.id or not own.covers(contact)]
    return kept


def _a_first(contact: Contact) -> Contact:
    """The contact with person 0 as its first person, unless it is one of person 1 with the ground."""
    return contact.with_people_swapped() if contact.person_b == 0 else contact


def _kind(region: str) -> str:
    """The body part without its side."""
    return split_side(body_part_of(region))[1]


def _weighted_duration(contact: Contact) -> float:
    return contact.effective_weight * (contact.frame_end - contact.frame_start + 1)


def _side_in_words(contacts: Sequence[Contact], side: int) -> str:
    """One side of contacts between the same two people and body parts of the same kind: `A both hands`."""
    person = (contacts[0].person_a, contacts[0].person_b)[side]
    if person == GROUND:
        return GROUND
    parts = {body_part_of((contact.region_a, contact.region_b)[side]) for contact in contacts}
    return f"{SHORT_NAMES[int(person)]} {body_part_words(parts)}"
