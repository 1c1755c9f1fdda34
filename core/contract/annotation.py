"""What a vision–language model says that two people do in a clip, and what the geometry makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from .body_parts import PART_KINDS
from .errors import UserError
from .fields import Fields
from .limits import MAX_FRAME_INDEX
from .skeleton import REGIONS

UNJUDGED, BORNE_OUT, CONTRADICTED = "unjudged", "borne_out", "contradicted"
VERDICTS = (UNJUDGED, BORNE_OUT, CONTRADICTED)
ACTORS = ("", "A", "B", "both")
"""Who acts; empty where the model does not say."""
MAX_SENTENCE = 600
"""Characters of an annotation's sentence."""
MAX_TOUCHES = 100
_MAX_NOTES = 200
_MAX_DISTANCE = 1000.0  # metres


@dataclass(frozen=True)
class SeenTouch:
    """A touch that the model sees, by body parts without sides: models get left and right wrong."""

    part_a: str
    """Of Person A, one of `PART_KINDS`."""
    part_b: str
    """Of Person B."""
    frame_start: int
    frame_end: int
    """Frames of the clip, both included; as coarse as the frames that the model was shown."""
    verdict: str = UNJUDGED
    """One of `VERDICTS`: whether the fitted motion bears it out."""
    region_a: str = ""
    region_b: str = ""
    """The regions of these parts, with their sides, that the motion brings nearest; empty where that was not judged."""
    distance: float | None = None
    """Metres between those regions where they are nearest."""

    @property
    def words(self) -> str:
        """`A hand – B back`."""
        return f"A {self.part_a} – B {self.part_b}".replace("_", " ")

    def with_people_swapped(self) -> SeenTouch:
        """The same touch with A and B in each other's place."""
        return replace(self, part_a=self.part_b, part_b=self.part_a, region_a=self.region_b, region_b=self.region_a)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, values: Fields) -> SeenTouch:
        first = values.integer("frame_start", 0, MAX_FRAME_INDEX)
        return cls(
            values.text("part_a", choices=PART_KINDS),
            values.text("part_b", choices=PART_KINDS),
            first,
            values.integer("frame_end", first, MAX_FRAME_INDEX),
            values.text("verdict", default=UNJUDGED, choices=VERDICTS),
            values.text("region_a", default="", choices=("", *REGIONS)),
            values.text("region_b", default="", choices=("", *REGIONS)),
            values.number("distance", 0, _MAX_DISTANCE, None),
        )


@dataclass(frozen=True)
class Annotation:
    """The answer of one model about one clip, after it was checked and repaired."""

    model: str
    """What the user knows the model by."""
    sentence: str
    touches: tuple[SeenTouch, ...] = ()
    actor: str = ""
    """One of `ACTORS`."""
    notes: tuple[str, ...] = ()
    """What had to be repaired or left out, a sentence each."""
    used: bool = False
    """Whether its words and touches took part in the motion, as they do where the user gave no prompt."""

    @property
    def contradicted(self) -> tuple[SeenTouch, ...]:
        """The touches that the motion does not bear out."""
        return tuple(touch for touch in self.touches if touch.verdict == CONTRADICTED)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, values: Fields) -> Annotation:
        return cls(
            values.text("model", longest=200),
            values.text("sentence", longest=MAX_SENTENCE),
            tuple(SeenTouch.read(each) for each in values.records("touches", longest=MAX_TOUCHES)),
            values.text("actor", default="", choices=ACTORS),
            values.texts("notes", longest=_MAX_NOTES),
            values.boolean("used", False),
        )

    @classmethod
    def from_json(cls, record: Any, refuse: Callable[[str], UserError] | None = None) -> Annotation:
        """`refuse` makes the error of a sentence's part; without it the UserError is `bad-annotation`."""
        return cls.read(Fields(record, refuse or _bad, "annotation"))


def _bad(problem: str) -> UserError:
    return UserError("bad-annotation", f"An annotation is not valid: {problem}.", "Reconstruct the clip again.")
