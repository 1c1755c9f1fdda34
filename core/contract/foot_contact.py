"""Foot contacts: in which frames a foot stands on the floor, and what the animator wants it to do there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

from .errors import UserError
from .fields import Fields, shown
from .limits import MAX_FRAME_INDEX

Foot = Literal["left", "right"]
FEET: tuple[Foot, ...] = ("left", "right")
FootMode = Literal["reconstructed", "lock", "free"]
FOOT_MODES: tuple[FootMode, ...] = ("reconstructed", "lock", "free")
"""`reconstructed`: as the fit has it, which lets feet slide a little; `lock`: the foot stands still, flat on the floor; `free`:
it may slide and lift."""


@dataclass(frozen=True)
class FootContact:
    """A foot that stands on the floor from `frame_start` to `frame_end`, both included and counted in the clip from 0.

    Raises the UserError `bad-foot-contact` if a field is not valid.
    """

    person: int
    foot: Foot
    frame_start: int
    frame_end: int
    mode: FootMode = "reconstructed"
    confidence: float = 1.0
    """In 0-1, how surely the foot stands there, by the core's own estimate."""

    def __post_init__(self) -> None:
        _check(self.person in (0, 1), f"person is {shown(self.person)}, not 0 or 1")
        _check(self.foot in FEET, f"there is no foot {shown(self.foot)}")
        _check(self.mode in FOOT_MODES, f"mode is {shown(self.mode)}, not one of {', '.join(FOOT_MODES)}")
        _check(0 <= self.confidence <= 1, f"confidence is {shown(self.confidence)}, not in 0-1")
        _check(self.frame_start <= self.frame_end, f"it ends ({self.frame_end}) before it starts ({self.frame_start})")

    @property
    def place(self) -> tuple[int, str, int, int]:
        """Which foot, and when."""
        return self.person, self.foot, self.frame_start, self.frame_end

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Any) -> FootContact:
        """Raises the UserError `bad-foot-contact`."""
        values = Fields(record, _bad)
        values.only(item.name for item in fields(cls))
        return cls(
            values.integer("person", 0, 1),
            cast("Foot", values.text("foot")),
            values.integer("frame_start", 0, MAX_FRAME_INDEX),
            values.integer("frame_end", 0, MAX_FRAME_INDEX),
            cast("FootMode", values.text("mode", default="reconstructed")),
            values.number("confidence", 0, 1, 1.0),
        )


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise _bad(problem)


def _bad(problem: str) -> UserError:
    return UserError("bad-foot-contact", f"A foot contact is not valid: {problem}.", "Correct it and try again.")
