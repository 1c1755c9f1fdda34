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
    "limbs": "% of height",
    "floor": "mm",
    "penetration": "mm",
    "contact": "mm",
    "smoothness": "m/s²",
    "speed": "m/s",
}
"""What is measured, each with its unit; lower is better.

`picture`: projected landmarks beside those that are plainly seen. `limbs`: the same of the arm or leg that is farthest off.
`floor`: both soles under the floor, or a standing foot above it. `penetration`: how deep the two are inside each other.
`contact`: the gap that a touch somebody asked for has left. `smoothness`: acceleration across the picture that the clip does
not show. `speed`: of the pelvis."""
_LARGEST = 1e9
_FAR_APART, _OTHER_LENS = 10.0, 1.25
"""degrees, and a ratio of focal lengths, beyond which two estimates of a camera contradict each other."""


@dataclass(frozen=True)
class Measured:
    """One measure of one person over the whole clip."""

    measure: str
    """A key of MEASURES."""
    person: int | None
    """None for what concerns both together."""
    value: float
    """In the unit of the measure: what 95 percent of the frames that can be judged stay below; the greatest speed."""
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
class CameraAgreement:
    """How far the camera that a model of the scene shows is from the one that people and lines show alone. Both were used."""

    model: str
    """Title of the model."""
    focal: float
    """By which the model's focal length is longer, as a fraction of the other one's."""
    vertical: float | None = None
    """degrees between the directions in which both have up; None, as the next two, where the model saw no floor."""
    pitch: float | None = None
    """degrees by which the model's camera looks down more."""
    roll: float | None = None
    """degrees by which the model's camera is turned more, clockwise as seen from behind it."""

    @property
    def agrees(self) -> bool:
        """Whether both are within 10 degrees, and a quarter of the focal length, of each other."""
        lens = 1 / _OTHER_LENS < 1 + self.focal < _OTHER_LENS
        return lens and (self.vertical is None or self.vertical <= _FAR_APART)

    @classmethod
    def read(cls, values: Fields) -> CameraAgreement:
        return cls(
            values.text("model", longest=100),
            values.number("focal", -1, 1000),
            values.number("vertical", 0, 180, None),
            values.number("pitch", -180, 180, None),
            values.number("roll", -360, 360, None),
        )


@dataclass(frozen=True)
class Quality:
    """The check of a take."""

    measured: tuple[Measured, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    """Worst first."""
    attempts: tuple[str, ...] = ()
    """What else was tried because the first result was bad, a sentence each; empty where nothing had to be."""
    camera: CameraAgreement | None = None
    """None where no model looked at the scene, or it could make nothing of it."""

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
            CameraAgreement.read(values.within("camera")) if values.has("camera") else None,
        )


def _what(values: Fields) -> tuple[str, int | None]:
    return values.text("measure", choices=tuple(MEASURES)), values.integer("person", 0, 1, None)


def _how(values: Fields) -> tuple[float, str]:
    return values.number("value", 0, _LARGEST), values.text("grade", choices=GRADES)
