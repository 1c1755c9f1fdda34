"""An animator's edits of a reconstruction, which the next take keeps: contacts, pinned joints and the prompt."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from .contact import Contact
from .errors import UserError
from .skeleton import BODY_JOINTS


@dataclass(frozen=True)
class Pin:
    """A joint whose rotation, position or both are fixed in one frame of the clip.

    `rotation` is the joint's local SMPL-X axis-angle in radians (for the pelvis: `global_orient`), `position` is in world
    metres. Raises the UserError `bad-pin` if a field is not valid.
    """

    person: int
    joint: str
    frame: int
    rotation: tuple[float, float, float] | None = None
    position: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        _check(self.person in (0, 1), f"person is {self.person!r}, not 0 or 1")
        _check(self.joint in BODY_JOINTS, f"there is no body joint {self.joint!r}")
        frame: Any = self.frame
        _check(isinstance(frame, int) and not isinstance(frame, bool), f"frame is {frame!r}, not an integer")
        _check(self.rotation is not None or self.position is not None, "it has neither rotation nor position")

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"person": self.person, "joint": self.joint, "frame": self.frame}
        if self.rotation is not None:
            record["rotation"] = list(self.rotation)
        if self.position is not None:
            record["position"] = list(self.position)
        return record

    @classmethod
    def from_json(cls, record: Any) -> Pin:
        _check(isinstance(record, dict), "it is not a JSON object")
        unknown = set(record) - {"person", "joint", "frame", "rotation", "position"}
        _check(not unknown, f"it has unknown fields {sorted(unknown)}")
        missing = {"person", "joint", "frame"} - set(record)
        _check(not missing, f"{sorted(missing)} missing")
        return cls(
            record["person"],
            record["joint"],
            record["frame"],
            _vector(record.get("rotation"), "rotation"),
            _vector(record.get("position"), "position"),
        )


@dataclass(frozen=True)
class Edits:
    """The content of an edits file."""

    contacts: tuple[Contact, ...] | None = None
    """All contacts, including those that were not edited; None keeps those of the active take."""
    pins: tuple[Pin, ...] = field(default_factory=tuple)
    prompt: str | None = None
    """None keeps the prompt of the active take."""

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = {"pins": [pin.to_json() for pin in self.pins]}
        if self.contacts is not None:
            record["contacts"] = [contact.to_json() for contact in self.contacts]
        if self.prompt is not None:
            record["prompt"] = self.prompt
        return record

    @classmethod
    def from_json(cls, record: Any) -> Edits:
        """Raises the UserError `bad-edits`, `bad-pin` or `bad-contact`."""
        fields = cast("dict[str, Any]", record) if isinstance(record, dict) else None
        if fields is None or set(fields) - {"contacts", "pins", "prompt"}:
            raise _unreadable("it must be an object with 'contacts', 'pins' and 'prompt' only")
        contacts, pins, prompt = fields.get("contacts"), fields.get("pins", []), fields.get("prompt")
        if not isinstance(pins, list) or not isinstance(contacts, list | None):
            raise _unreadable("'contacts' and 'pins' must be lists")
        if not isinstance(prompt, str | None):
            raise _unreadable("'prompt' must be text")
        return cls(
            None if contacts is None else tuple(map(Contact.from_json, cast("list[Any]", contacts))),
            tuple(map(Pin.from_json, cast("list[Any]", pins))),
            prompt,
        )

    @classmethod
    def read(cls, path: Path) -> Edits:
        """Read a JSON file; errors as for `from_json`."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _unreadable(f"{path}: {error}") from error
        return cls.from_json(record)


def _vector(value: Any, name: str) -> tuple[float, float, float] | None:
    if value is None:
        return None
    numbers = cast("list[Any]", value) if isinstance(value, list | tuple) else []
    finite = all(isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x) for x in numbers)
    _check(len(numbers) == 3 and finite, f"{name} is {value!r}, not three finite numbers")
    return (float(numbers[0]), float(numbers[1]), float(numbers[2]))


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise UserError("bad-pin", f"A pin is not valid: {problem}.", "Correct the pin and try again.")


def _unreadable(problem: str) -> UserError:
    return UserError(
        "bad-edits", f"The edits cannot be read: {problem}.", "Press Refine in Blender again, or correct the file."
    )
