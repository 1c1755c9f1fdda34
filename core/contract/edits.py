"""An animator's edits of a reconstruction, which the next take keeps: contacts, pins, foot contacts and the prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from .contact import Contact
from .errors import UserError
from .fields import Fields, shown
from .files import read_json
from .foot_contact import FootContact
from .json_reading import JsonLimits
from .limits import MAX_FRAME_INDEX, MAX_PIN_DISTANCE, MAX_ROTATION
from .skeleton import BODY_JOINTS

FILE_LIMITS = JsonLimits(size=32 << 20, values=5_000_000)
"""Room for all joints of both people locked in every frame of a long clip."""
_MAX_PINS = 250_000
_MAX_CONTACTS = 10_000


@dataclass(frozen=True)
class Pin:
    """A joint whose rotation, place or both are fixed in one frame of the clip.

    `rotation` is the joint's local SMPL-X axis-angle in radians (for the pelvis: `global_orient`), at most two turns; `position`
    is in world metres, at most `MAX_PIN_DISTANCE` from the origin. `world_rotation` takes the joint's axes of the rest pose into
    the world, whatever its parents do; it counts instead of `rotation` where a pin has both. Raises the UserError `bad-pin` if a
    field is not valid.
    """

    person: int
    joint: str
    frame: int
    rotation: tuple[float, float, float] | None = None
    position: tuple[float, float, float] | None = None
    world_rotation: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        _check(_is_integer(self.person) and self.person in (0, 1), f"person is {shown(self.person)}, not 0 or 1")
        _check(self.joint in BODY_JOINTS, f"there is no body joint {shown(self.joint)}")
        in_clip = _is_integer(self.frame) and 0 <= self.frame <= MAX_FRAME_INDEX
        _check(in_clip, f"frame is {shown(self.frame)}, not the number of a frame")
        values = (self.rotation, self.position, self.world_rotation)
        _check(any(value is not None for value in values), "it has neither rotation nor position")
        for name in ("rotation", "world_rotation"):
            value = getattr(self, name)
            _check(value is None or _length(value) <= MAX_ROTATION, f"{name} has more than two turns")
        if self.position is not None:
            away = _length(self.position) <= MAX_PIN_DISTANCE
            _check(away, f"position is more than {MAX_PIN_DISTANCE:g} m away from the people")

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"person": self.person, "joint": self.joint, "frame": self.frame}
        for name in ("rotation", "position", "world_rotation"):
            value = getattr(self, name)
            if value is not None:
                record[name] = list(value)
        return record

    @classmethod
    def from_json(cls, record: Any) -> Pin:
        """Raises the UserError `bad-pin`."""
        values = Fields(record, _bad_pin)
        values.only(item.name for item in fields(cls))
        return cls(
            values.integer("person", 0, 1),
            values.text("joint"),
            values.integer("frame", 0, MAX_FRAME_INDEX),
            _vector(values, "rotation", MAX_ROTATION),
            _vector(values, "position", MAX_PIN_DISTANCE),
            _vector(values, "world_rotation", MAX_ROTATION),
        )


@dataclass(frozen=True)
class Edits:
    """The content of an edits file."""

    contacts: tuple[Contact, ...] | None = None
    """All contacts, including those that were not edited; None keeps those of the active take."""
    pins: tuple[Pin, ...] = field(default_factory=tuple)
    prompt: str | None = None
    """None keeps the prompt of the active take."""
    feet: tuple[FootContact, ...] = field(default_factory=tuple)
    """Foot contacts that are to be another way than reconstructed."""

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"pins": [pin.to_json() for pin in self.pins]}
        if self.contacts is not None:
            record["contacts"] = [contact.to_json() for contact in self.contacts]
        if self.prompt is not None:
            record["prompt"] = self.prompt
        if self.feet:
            record["feet"] = [foot.to_json() for foot in self.feet]
        return record

    @classmethod
    def from_json(cls, record: Any) -> Edits:
        """Raises the UserError `bad-edits`, `bad-pin`, `bad-contact` or `bad-foot-contact`."""
        values = Fields(record, _unreadable)
        values.only(item.name for item in fields(cls))
        contacts = values.entries("contacts", None, longest=_MAX_CONTACTS)
        pins = values.entries("pins", (), longest=_MAX_PINS)
        return cls(
            None if contacts is None else tuple(map(Contact.from_json, contacts)),
            tuple(map(Pin.from_json, pins)),
            values.text("prompt", default=None),
            tuple(map(FootContact.from_json, values.entries("feet", (), longest=_MAX_CONTACTS))),
        )

    @classmethod
    def read(cls, path: Path) -> Edits:
        """Read a JSON file; errors as for `from_json`."""
        try:
            record = read_json(path, FILE_LIMITS)
        except UserError as error:
            raise _unreadable(error.message.removesuffix(".")) from error
        return cls.from_json(record)


def _vector(values: Fields, name: str, largest: float) -> tuple[float, float, float] | None:
    if not values.has(name):
        return None
    x, y, z = values.numbers(name, 3, -largest, largest)
    return x, y, z


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _length(vector: tuple[float, float, float]) -> float:
    """Infinite if a number is not finite, so that it is larger than any limit."""
    length = math.hypot(*vector)
    return length if math.isfinite(length) else math.inf


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise _bad_pin(problem)


def _bad_pin(problem: str) -> UserError:
    return UserError("bad-pin", f"A pin is not valid: {problem}.", "Correct the pin and try again.")


def _unreadable(problem: str) -> UserError:
    return UserError(
        "bad-edits", f"The edits cannot be read: {problem}.", "Press Refine in Blender again, or correct the file."
    )
