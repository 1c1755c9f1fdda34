"""Contacts: which regions of two bodies touch, or of a body and the ground, and in which frames."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from .errors import UserError
from .skeleton import GROUND, REGIONS

Source = Literal["detected", "prompt", "user"]
State = Literal["auto", "enforced", "rejected"]
SOURCES: tuple[Source, ...] = ("detected", "prompt", "user")
STATES: tuple[State, ...] = ("auto", "enforced", "rejected")


@dataclass(frozen=True)
class Contact:
    """Two regions that touch from `frame_start` to `frame_end`, both included and counted in the clip from 0.

    Persons are 0 and 1; if `person_b` is "ground", so is `region_b`. `weight` is in 0-1. `distance` is the mean distance of the
    regions over the contact's frames in metres, None if it was not measured. Raises the UserError `bad-contact` if a field is not
    valid.
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

    def __post_init__(self) -> None:
        _check(self.person_a in (0, 1), f"person_a is {self.person_a!r}, not 0 or 1")
        _check(self.person_b in (0, 1, GROUND), f"person_b is {self.person_b!r}, not 0, 1 or '{GROUND}'")
        _check(self.region_a in REGIONS, f"there is no region {self.region_a!r}")
        on_ground = self.person_b == GROUND
        _check(
            self.region_b == GROUND if on_ground else self.region_b in REGIONS, f"there is no region {self.region_b!r}"
        )
        _check(self.frame_start <= self.frame_end, f"it ends ({self.frame_end}) before it starts ({self.frame_start})")
        _check(0 <= self.weight <= 1, f"weight is {self.weight}, not in 0-1")
        _check(self.source in SOURCES, f"source is {self.source!r}, not one of {', '.join(SOURCES)}")
        _check(self.state in STATES, f"state is {self.state!r}, not one of {', '.join(STATES)}")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Any) -> Contact:
        """Raises the UserError `bad-contact`, which names a field that is missing, unknown or of a wrong type."""
        _check(isinstance(record, dict), "it is not a JSON object")
        kinds: dict[str, type | tuple[type, ...]] = {
            "person_a": int, "region_a": str, "person_b": (int, str), "region_b": str, "frame_start": int,
            "frame_end": int, "weight": (int, float), "source": str, "state": str,
            "distance": (int, float, type(None)), "id": str,
        }  # fmt: skip
        for name, value in record.items():
            _check(name in kinds, f"it has an unknown field {name!r}")
            _check(isinstance(value, kinds[name]) and not isinstance(value, bool), f"{name} is {value!r}")
        for name in ("person_a", "region_a", "person_b", "region_b", "frame_start", "frame_end"):
            _check(name in record, f"{name} is missing")
        return cls(**record)

    def active(self) -> bool:
        """Whether the fit uses it."""
        return self.state != "rejected"

    def with_distance(self, distance: float | None) -> Contact:
        return replace(self, distance=distance)


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise UserError("bad-contact", f"A contact is not valid: {problem}.", "Correct the contact and try again.")
