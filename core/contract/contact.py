"""Contacts: which regions of two bodies touch, or of a body and the ground, and in which frames."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, cast

from .errors import UserError
from .fields import Fields, shown
from .limits import MAX_FRAME_INDEX, MAX_VERTICES
from .names import is_identifier
from .skeleton import GROUND, REGIONS

Source = Literal["detected", "annotator", "prompt", "user"]
State = Literal["auto", "enforced", "rejected"]
SOURCES: tuple[Source, ...] = ("detected", "prompt", "user", "annotator")
STATES: tuple[State, ...] = ("auto", "enforced", "rejected")
_MAX_DISTANCE = 1000.0  # metres
REACHED_DISTANCE = 0.06
"""metres between two regions, on average over a contact's frames, up to which a motion counts as having reached the contact."""


@dataclass(frozen=True)
class Contact:
    """Two regions that touch from `frame_start` to `frame_end`, both included and counted in the clip from 0.

    Persons are 0 and 1, two different ones; if `person_b` is "ground", so is `region_b`. `weight` is in 0-1. `distance` is the
    mean distance of the regions over the contact's frames in metres, None if it was not measured. Contacts with the same
    `touch` are what an animator would list as one thing, e.g. a handshake (`touches.group_touches`). Raises the UserError
    `bad-contact` if a field is not valid.
    """

    person_a: int
    region_a: str
    person_b: int | Literal["ground"]
    region_b: str
    frame_start: int
    frame_end: int
    weight: float = 1.0
    source: Source = "detected"
    state: State = "auto"
    distance: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    touch: str = ""
    """The touch that it belongs to, an identifier; its own id unless another is given, so that it is a touch of its own."""
    probability: float | None = None
    """That the regions truly touch, as it was estimated, in 0-1; None where nothing estimated it."""
    reached: bool | None = None
    """Whether the motion brings the regions within `REACHED_DISTANCE` of each other; None where that was not judged."""
    vertex_a: int | None = None
    vertex_b: int | None = None
    """The vertex of each skin, counted in the body's mesh, that the animator chose to touch; None for all of the region."""

    def __post_init__(self) -> None:
        if not self.touch:
            object.__setattr__(self, "touch", self.id)
        _check(self.person_a in (0, 1), "person_a is {}, not 0 or 1", self.person_a)
        _check(self.person_b in (0, 1, GROUND), f"person_b is {{}}, not 0, 1 or '{GROUND}'", self.person_b)
        _check(self.person_a != self.person_b, "a person cannot touch their own body here")
        _check(self.region_a in REGIONS, "there is no region {}", self.region_a)
        on_ground = self.person_b == GROUND
        known = self.region_b == GROUND if on_ground else self.region_b in REGIONS
        _check(known, "there is no region {}", self.region_b)
        lasts = self.frame_start <= self.frame_end
        _check(lasts, "it ends ({}) before it starts ({})", self.frame_end, self.frame_start)
        _check(0 <= self.weight <= 1, "weight is {}, not in 0-1", self.weight)
        _check(self.source in SOURCES, f"source is {{}}, not one of {', '.join(SOURCES)}", self.source)
        _check(self.state in STATES, f"state is {{}}, not one of {', '.join(STATES)}", self.state)
        _check(is_identifier(self.touch), "touch is {}, not a name of letters, digits, '_', '-' and '.'", self.touch)
        known = self.probability is None or 0 <= self.probability <= 1
        _check(known, "probability is {}, not in 0-1", self.probability)
        _check(self.reached in (None, True, False), "reached is {}, not true or false", self.reached)
        for name, vertex in (("vertex_a", self.vertex_a), ("vertex_b", self.vertex_b)):
            known = vertex is None or 0 <= vertex < MAX_VERTICES
            _check(known, f"{name} is {{}}, not the number of a vertex", vertex)
        _check(not on_ground or self.vertex_b is None, "the ground has no vertices")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Any) -> Contact:
        """Raises the UserError `bad-contact`, which names a field that is missing, unknown or of a wrong type."""
        values = Fields(record, _bad)
        values.only(item.name for item in fields(cls))
        return cls(
            person_a=values.integer("person_a", 0, 1),
            region_a=values.text("region_a"),
            person_b=GROUND if values.equals("person_b", GROUND) else _other_person(values),
            region_b=values.text("region_b"),
            frame_start=values.integer("frame_start", 0, MAX_FRAME_INDEX),
            frame_end=values.integer("frame_end", 0, MAX_FRAME_INDEX),
            weight=values.number("weight", 0, 1, 1.0),
            source=cast("Source", values.text("source", default="detected")),
            state=cast("State", values.text("state", default="auto")),
            distance=values.number("distance", 0, _MAX_DISTANCE, None),
            id=values.identifier("id", None) or str(uuid.uuid4()),
            touch=values.identifier("touch", ""),
            probability=values.number("probability", 0, 1, None),
            reached=values.boolean("reached", None),
            vertex_a=values.integer("vertex_a", 0, MAX_VERTICES - 1, None),
            vertex_b=values.integer("vertex_b", 0, MAX_VERTICES - 1, None),
        )

    def active(self) -> bool:
        """Whether the fit uses it."""
        return self.state != "rejected"

    def with_people_swapped(self) -> Contact:
        """The same contact with its second person first. Not for one with the ground."""
        return replace(
            self,
            person_a=int(self.person_b),
            region_a=self.region_b,
            person_b=self.person_a,
            region_b=self.region_a,
            vertex_a=self.vertex_b,
            vertex_b=self.vertex_a,
        )

    def covers(self, other: Contact) -> bool:
        """Whether another contact says nothing beyond this one: the same regions in the same frames, and the same points or none.

        It does not matter which person comes first, where each contact comes from, or what was decided about it.
        """
        if other.person_a != self.person_a and other.person_b == self.person_a:
            other = other.with_people_swapped()
        said, own = (
            (each.person_a, each.region_a, each.person_b, each.region_b, each.frame_start, each.frame_end)
            for each in (other, self)
        )
        return said == own and other.vertex_a in (None, self.vertex_a) and other.vertex_b in (None, self.vertex_b)

    def measured(self, distance: float | None) -> Contact:
        """With the distance that a motion leaves between the regions, and whether that reaches the contact."""
        reached = None if distance is None else distance <= REACHED_DISTANCE
        return replace(self, distance=distance, reached=reached)

    @property
    def effective_weight(self) -> float:
        """The weight; less, the farther the motion stays from it, for a contact that it misses and no user has decided about."""
        missed = self.reached is False and self.source != "user" and self.state == "auto"
        if not missed or self.distance is None or self.distance <= REACHED_DISTANCE:
            return self.weight
        return min(self.weight, round(REACHED_DISTANCE / self.distance, 3))


def _other_person(values: Fields) -> int:
    try:
        return values.integer("person_b", 0, 1)
    except UserError as error:
        raise _bad(f"person_b is neither 0, 1 nor '{GROUND}'") from error


def _check(holds: bool, problem: str, *values: object) -> None:
    """`problem` has {} for the values. It is put into words only if there is one: contacts are read whenever panels are drawn."""
    if not holds:
        raise _bad(problem.format(*map(shown, values)))


def _bad(problem: str) -> UserError:
    return UserError("bad-contact", f"A contact is not valid: {problem}.", "Correct the contact and try again.")
