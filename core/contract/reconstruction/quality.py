"""How good a take is without knowing the truth: what was measured of each person, and stretches of frames that are not good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..fields import Fields
from ..limits import MAX_FRAME_INDEX

GOOD, FAIR, BAD = "good", "fair", "bad"
GRADES = (GOOD, FAIR, BAD)
"""From best to worst."""
MEASURES: Mapping[str, str] = {
    "picture": "% of height",
    "floor": "mm",
    "penetration": "mm",
    "contact": "mm",
    "smoothness": "m/s²",
}
"""What is measured, each with its unit; lower is better.

`picture`: projected landmarks beside those that are plainly seen. `floor`: both soles under the floor, or a standing foot above
it. `penetration`: how deep the two are inside each other. `contact`: the gap between regions that should touch. `smoothness`:
acceleration across the picture that the clip does not show."""
_LARGEST = 1e9


@dataclass(frozen=True)
class Measured:
    """One measure of one person over the whole clip."""

    measure: str
    """A key of MEASURES."""
    person: int | None
    """None for what concerns both together."""
    value: float
    """In the unit of the measure: what 95 percent of the frames stay below."""
    grade: str
    """One of GRADES."""

    @classmethod
    def read(cls, values: Fields) -> Measured:
        return cls(*_what(values), *_how(values))


@dataclass(frozen=True)
class Stretch:
    """Frames in a row that are fair or bad in one measure."""

    measure: str
    person: int | None
    first: int
    last: int
    """Frames of the clip, both included."""
    value: float
    """Mean over the stretch, in the unit of the measure."""
    grade: str
    """`fair` or `bad`."""

    @classmethod
    def read(cls, values: Fields) -> Stretch:
        first = values.integer("first", 0, MAX_FRAME_INDEX)
        return cls(*_what(values), first, values.integer("last", first, MAX_FRAME_INDEX), *_how(values))


@dataclass(frozen=True)
class Quality:
    """The check of a take."""

    measured: tuple[Measured, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    """Worst first."""
    attempts: tuple[str, ...] = ()
    """What else was tried because the first result was bad, a sentence each; empty where nothing had to be."""

    @property
    def grade(self) -> str:
        """The worst grade of all measures; `good` where nothing was measured."""
        grades = [each.grade for each in self.measured]
        return max(grades, key=GRADES.index, default=GOOD)

    @classmethod
    def read(cls, values: Fields) -> Quality:
        return cls(
            tuple(Measured.read(each) for each in values.records("measured")),
            tuple(Stretch.read(each) for each in values.records("stretches")),
            values.texts("attempts"),
        )


def _what(values: Fields) -> tuple[str, int | None]:
    return values.text("measure", choices=tuple(MEASURES)), values.integer("person", 0, 1, None)


def _how(values: Fields) -> tuple[float, str]:
    return values.number("value", 0, _LARGEST), values.text("grade", choices=GRADES)
