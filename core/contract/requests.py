"""What the user asks of the core: the requests `reconstruct` and `refine`.

The command line, the worker's messages and the add-on all derive from these records. A new setting touches three files: a field
here, with its command-line option, its help and its check; the stage or the settings (`core/pipeline/settings.py`) that use it;
and the add-on's property that sets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from .edits import Edits
from .errors import UserError
from .reconstruction import MOST_TAKES, USUAL_SMOOTHNESS

DEVICES = ("auto", "cpu", "cuda", "mps")
PERCEPTION = ("auto", "embedded")
_LEAST_FOV, _LARGEST_FOV = 5.0, 150.0
_LARGEST_SEED = 2**31 - 1
"""What Blender's integer properties hold."""

Request = TypeVar("Request", bound="TakesRequest")


@dataclass(frozen=True)
class Option:
    """How a field of a request is given and checked."""

    kind: str
    """path, text, integer, number, choice, frames (A:B), people (I,J) or edits (a file)."""
    help: str
    metavar: str = ""
    positional: bool = False
    choices: tuple[str, ...] = ()
    check: Callable[[Any], UserError | None] = lambda _: None
    """The error of a value that is given, where it cannot be used."""


def option_of(item: Field[Any]) -> Option:
    return item.metadata["option"]


def _option(default: Any, kind: str, text: str, **details: Any) -> Any:
    metadata = {"option": Option(kind, text, **details)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def _between(code: str, what: str, least: float, largest: float, hint: str) -> Callable[[Any], UserError | None]:
    def check(value: Any) -> UserError | None:
        if least <= value <= largest:
            return None
        return UserError(code, f"{what} of {value:g} was asked for.", hint)

    return check


def _check_people(people: tuple[int, int]) -> UserError | None:
    if people[0] != people[1] and min(people) >= 0:
        return None
    return UserError(
        "bad-people",
        f"{people[0]},{people[1]} does not name two different people.",
        "Give two numbers, counted from 0.",
    )


def _check_choice(code: str, what: str, choices: tuple[str, ...]) -> Callable[[Any], UserError | None]:
    def check(value: Any) -> UserError | None:
        if value in choices:
            return None
        return UserError(code, f"There is no {what} {value!r}.", f"Choose one of {', '.join(choices)}.")

    return check


def _check_takes(takes: int) -> UserError | None:
    if 1 <= takes <= MOST_TAKES:
        return None
    return UserError("bad-takes", f"{takes} takes were asked for.", f"Ask for 1 to {MOST_TAKES} at a time.")


@dataclass(frozen=True, kw_only=True)
class TakesRequest:
    """What both requests have in common: how takes are made."""

    prompt: str | None = _option(None, "text", "what the two people do", metavar="TEXT")
    takes: int = _option(
        1, "integer", "how many takes to make; the best becomes active", metavar="N", check=_check_takes
    )
    seed: int = _option(
        0,
        "integer",
        "of the first take; the others count on from it",
        metavar="N",
        check=_between("bad-seed", "A seed", 0, _LARGEST_SEED, f"Ask for 0 to {_LARGEST_SEED}."),
    )
    smoothness: float | None = _option(
        None,
        "number",
        f"how strongly takes are smoothed, 0 to 1 (default: {USUAL_SMOOTHNESS}; refine: as before)",
        metavar="S",
        check=_between("bad-smoothness", "A smoothness", 0, 1, "Ask for 0 to 1."),
    )
    device: str = _option(
        "auto",
        "choice",
        "where to compute",
        choices=DEVICES,
        check=_check_choice("bad-device", "device", DEVICES),
    )

    def check(self) -> None:
        """UserError for the first value that cannot be used, before any work."""
        for item in fields(self):
            value = getattr(self, item.name)
            error = None if value is None else option_of(item).check(value)
            if error is not None:
                raise error


@dataclass(frozen=True)
class ReconstructRequest(TakesRequest):
    """Reconstruct both people of a clip into a folder."""

    clip: Path = _option(MISSING, "path", "the movie", metavar="CLIP", positional=True)
    frames: str = _option(":", "frames", "first and last frame (default: the whole clip)", metavar="A:B")
    """As `clip.parse_range` reads it."""
    people: tuple[int, int] | None = _option(
        None,
        "people",
        "which two of everyone found, e.g. 0,1 (default: the two most prominent)",
        metavar="I,J",
        check=_check_people,
    )
    body: Path | None = _option(None, "path", "an SMPL-X file or folder (default: the free body)", metavar="PATH")
    fov: float | None = _option(
        None,
        "number",
        "the camera's horizontal field of view in degrees",
        metavar="DEG",
        check=_between(
            "bad-fov",
            "A horizontal field of view",
            _LEAST_FOV,
            _LARGEST_FOV,
            f"Give {_LEAST_FOV:g} to {_LARGEST_FOV:g} degrees, or leave it out.",
        ),
    )
    perception: str = _option(
        "auto",
        "choice",
        "networks that find the people",
        choices=PERCEPTION,
        check=_check_choice("bad-perception", "perception", PERCEPTION),
    )


@dataclass(frozen=True)
class RefineRequest(TakesRequest):
    """Fit the active take of a folder again, with edited contacts and pins."""

    edits: Edits = _option(Edits(), "edits", "contacts, pinned keys and prompt", metavar="FILE.json")


def request_from_message(kind: type[Request], message: Mapping[str, Any]) -> Request:
    """A request from the fields of a message; fields that are null or left out keep their default.

    UserError `bad-message` for a value of another type, and the field's own error for one that cannot be used.
    """
    values: dict[str, Any] = {}
    for item in fields(kind):
        value = message.get(item.name)
        if value is not None:
            values[item.name] = _from_json(message, item.name, option_of(item).kind, value)
    request = kind(**values)
    request.check()
    return request


def message_fields(request: TakesRequest) -> dict[str, Any]:
    """The fields of the message that carries a request; those at their default are left out.

    Edits travel as a file, whose path the sender adds.
    """
    record: dict[str, Any] = {}
    for item in fields(request):
        value, kind = getattr(request, item.name), option_of(item).kind
        if value == item.default or kind == "edits":
            continue
        if kind == "frames":
            record[item.name] = [int(part) for part in value.split(":")]
        else:
            record[item.name] = str(value) if kind == "path" else list(value) if kind == "people" else value
    return record


def _from_json(message: Mapping[str, Any], name: str, kind: str, value: Any) -> Any:
    if kind == "path" and isinstance(value, str) and value:
        return Path(value)
    if kind in ("text", "choice") and isinstance(value, str):
        return value
    if kind == "integer" and _is_integer(value):
        return value
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind == "edits" and isinstance(value, str) and value:
        return Edits.read(Path(value))
    if kind in ("people", "frames") and isinstance(value, list):
        pair = cast("list[Any]", value)
        if len(pair) == 2 and all(_is_integer(each) for each in pair):
            return f"{pair[0]}:{pair[1]}" if kind == "frames" else (pair[0], pair[1])
    raise UserError(
        "bad-message",
        f"The field {name!r} of {message.get('type')!r} is {value!r}, which is no {kind}.",
        "Update the add-on and its worker.",
    )


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
