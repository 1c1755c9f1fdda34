"""Describes the fields of a request: how a value is written on the command line and in a message, and which values are valid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field
from pathlib import Path
from typing import Any, cast

from .edits import Edits
from .errors import UserError
from .fields import MAX_PATH, MAX_TEXT, shown
from .marks import PersonMark
from .names import is_encodable


@dataclass(frozen=True)
class ValueType:
    """How values of one type are read from text and JSON, and written as JSON. `from_...` raise ValueError."""

    description: str
    """With its article, for error messages."""
    from_text: Callable[[str], Any]
    from_json: Callable[[Any], Any]
    to_json: Callable[[Any], Any] | None = lambda value: value
    """None for records that travel as a file, whose path the sender adds to the message."""


@dataclass(frozen=True)
class Option:
    """Describes one field of a request."""

    type: ValueType
    help: str
    """For the command line: a phrase without a full stop."""
    metavar: str = ""
    positional: bool = False
    choices: tuple[str, ...] = ()
    check: Callable[[Any], UserError | None] = lambda _: None
    """Returns the error for a value that is not valid; not called with None."""


def option(default: Any, value_type: ValueType, description: str, **details: Any) -> Any:
    """A dataclass field with an `Option`; `details` are the fields of `Option`. `MISSING` as default makes it required."""
    metadata = {"option": Option(value_type, description, **details)}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def option_of(item: Field[Any]) -> Option:
    """The description of a field that was made with `option`."""
    return item.metadata["option"]


def in_range(code: str, name: str, minimum: float, maximum: float) -> Callable[[Any], UserError | None]:
    """A check for `Option`: the UserError `code` for a number outside of `minimum` to `maximum`."""

    def check(value: float) -> UserError | None:
        if minimum <= value <= maximum:
            return None
        return UserError(code, f"{shown(value)} is not a valid {name}.", f"Choose a value from {minimum} to {maximum}.")

    return check


def one_of(code: str, name: str, choices: tuple[str, ...]) -> Callable[[Any], UserError | None]:
    """A check for `Option`: the UserError `code` for a word that is not among `choices`."""

    def check(value: str) -> UserError | None:
        if value in choices:
            return None
        return UserError(code, f"There is no {name} {shown(value)}.", f"Choose one of {', '.join(choices)}.")

    return check


def check_path(kind: str) -> Callable[[Any], UserError | None]:
    """A check for `Option`: the UserError `bad-path` for a path that decoders, logs and messages cannot hold."""

    def check(value: Path) -> UserError | None:
        if is_encodable(value.absolute()) and str(value) != ".":
            return None
        return UserError(
            "bad-path",
            f"The path of the {kind} is empty or has characters that are not valid Unicode: {str(value.absolute())!a}.",
            "Rename the file and its folders so that their names are ordinary text, and choose it again.",
        )

    return check


def parse_frames(text: str) -> tuple[int | None, int | None]:
    """The first and last frame of "A:B", both included and counted from 0; None for a side that is empty.

    Raises ValueError if the text is anything else.
    """
    first, last = (int(part) if part.strip() else None for part in text.split(":"))
    return first, last


def _path_from_text(text: str) -> Path:
    if not text.strip() or "\0" in text or len(text) > MAX_PATH:
        raise ValueError
    return Path(text)


def _path_from_json(value: Any) -> Path:
    if not isinstance(value, str):
        raise ValueError
    return _path_from_text(value)


def _paths_from_text(text: str) -> tuple[Path, ...]:
    paths = tuple(_path_from_text(part) for part in text.split(";"))
    if len(paths) > 2:
        raise ValueError
    return paths


def _paths_from_json(value: Any) -> tuple[Path, ...]:
    if not isinstance(value, list) or not 1 <= len(cast("list[Any]", value)) <= 2:
        raise ValueError
    return tuple(map(_path_from_json, cast("list[Any]", value)))


def _text_from_text(text: str) -> str:
    if len(text) > MAX_TEXT or not is_encodable(text):
        raise ValueError
    return text


def _text_from_json(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return _text_from_text(value)


def _integer_from_json(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError
    return value


def _number_from_json(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ValueError
    return float(value)


def _pair(value: Any) -> tuple[Any, Any]:
    if not isinstance(value, list):
        raise ValueError
    first, second = cast("list[Any]", value)
    return first, second


def _people_from_json(value: Any) -> tuple[int, int]:
    first, second = map(_integer_from_json, _pair(value))
    return first, second


def _people_from_text(text: str) -> tuple[int, int]:
    first, second = map(int, text.split(","))
    return first, second


def _marks_from_text(text: str) -> tuple[PersonMark, PersonMark]:
    first, second = map(PersonMark.from_text, text.split(";"))
    return first, second


def marks_from_json(value: Any) -> tuple[PersonMark, PersonMark]:
    """Two marks from lists of numbers. Raises ValueError."""

    def mark(numbers: Any) -> PersonMark:
        if not isinstance(numbers, list):
            raise ValueError
        return PersonMark.from_numbers([_number_from_json(number) for number in cast("list[Any]", numbers)])

    first, second = map(mark, _pair(value))
    return first, second


def marks_to_json(marks: tuple[PersonMark, PersonMark]) -> list[list[float]]:
    """The lists of numbers that `marks_from_json` reads."""
    return [mark.to_numbers() for mark in marks]


def _frames_from_json(value: Any) -> str:
    return ":".join("" if side is None else str(_integer_from_json(side)) for side in _pair(value))


def _frames_to_json(text: str) -> list[int | None] | None:
    frames = parse_frames(text)
    return None if frames == (None, None) else list(frames)


PATH = ValueType("a path", _path_from_text, _path_from_json, str)
PATHS = ValueType(
    "one path, or two with a semicolon between them",
    _paths_from_text,
    _paths_from_json,
    lambda paths: [str(path) for path in paths],
)
TEXT = ValueType(f"text of at most {MAX_TEXT} characters", _text_from_text, _text_from_json)
INTEGER = ValueType("a whole number", int, _integer_from_json)
NUMBER = ValueType("a number", float, _number_from_json)
FRAMES = ValueType("a range of frames such as 10:110", str, _frames_from_json, _frames_to_json)
"""Text "A:B" in a request, `[first, last]` in a message; an empty side is null."""
PEOPLE = ValueType("two numbers such as 0,1", _people_from_text, _people_from_json, list)
MARKS = ValueType("two clicks or boxes such as 12:310,160;12:420,150", _marks_from_text, marks_from_json, marks_to_json)
"""Text "FRAME:X,Y" or "FRAME:LEFT,TOP,RIGHT,BOTTOM" on the command line, lists of these numbers in a message."""
EDITS = ValueType(
    "the path of a file with edits",
    lambda text: Edits.read(_path_from_text(text)),
    lambda value: Edits.read(_path_from_json(value)),
    None,
)
"""The record `Edits` in a request, the path of its JSON file on the command line and in a message."""
