"""Reads the fields of JSON records by type and range, so that nothing of the wrong kind gets past the reader.

    fields = Fields(record, refuse=damaged, what="takes[0]")
    seed = fields.integer("seed", 0, MAX_SEED)

`refuse` makes the UserError of a sentence's part that names the field and says what is wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Never, TypeVar, cast

from .errors import UserError
from .names import is_identifier

MAX_TEXT = 20_000
"""Characters of a text that people write, e.g. a prompt."""
MAX_PATH = 4096
"""Characters of a path."""
MAX_ENTRIES = 100_000
"""Entries of a list."""

_REQUIRED = cast("Never", object())
Default = TypeVar("Default")
_SHOWN = 80
Value = TypeVar("Value")


class Fields:
    """The members of one JSON object. Every method reads one of them; a `default` makes it optional, null is as if missing."""

    def __init__(self, record: Any, refuse: Callable[[str], UserError], what: str = "") -> None:
        self._refuse, self._what = refuse, what
        if not isinstance(record, dict):
            raise self._wrong("", record, "a JSON object")
        self._record = cast("dict[str, Any]", record)

    def only(self, names: Iterable[str]) -> None:
        """Refuse members of other names."""
        unknown = set(self._record) - set(names)
        if unknown:
            raise self._refuse(f"{self._name('')}has unknown fields {shown(', '.join(sorted(unknown)))}")

    def has(self, name: str) -> bool:
        return self._record.get(name) is not None

    def integer(self, name: str, minimum: int, maximum: int, default: Default = _REQUIRED) -> int | Default:
        """A whole number; true and false are none."""

        def read(value: Any) -> int:
            if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
                raise self._wrong(name, value, f"a whole number from {minimum} to {maximum}")
            return value

        return self._read(name, default, read)

    def number(self, name: str, minimum: float, maximum: float, default: Default = _REQUIRED) -> float | Default:
        return self._read(name, default, lambda value: self._number(name, value, minimum, maximum))

    def boolean(self, name: str, default: Default = _REQUIRED) -> bool | Default:
        """True or false."""

        def read(value: Any) -> bool:
            if not isinstance(value, bool):
                raise self._wrong(name, value, "true or false")
            return value

        return self._read(name, default, read)

    def text(
        self, name: str, *, default: Default = _REQUIRED, longest: int = MAX_TEXT, choices: tuple[str, ...] = ()
    ) -> str | Default:
        def read(value: Any) -> str:
            if not isinstance(value, str) or len(value) > longest or "\0" in value:
                raise self._wrong(name, value, f"text of at most {longest} characters")
            if choices and value not in choices:
                raise self._wrong(name, value, f"one of {', '.join(choices)}")
            return value

        return self._read(name, default, read)

    def identifier(self, name: str, default: Default = _REQUIRED) -> str | Default:
        """A name that may be part of a path: `names.is_identifier`."""

        def read(value: Any) -> str:
            if not is_identifier(value):
                raise self._wrong(name, value, "a name of letters, digits, '_', '-' and '.'")
            return value

        return self._read(name, default, read)

    def numbers(self, name: str, count: int, minimum: float, maximum: float) -> tuple[float, ...]:
        """A list of exactly `count` numbers."""

        def read(value: Any) -> tuple[float, ...]:
            entries = cast("list[Any]", value) if isinstance(value, list | tuple) else []
            if len(entries) != count:
                raise self._wrong(name, value, f"a list of {count} numbers")
            return tuple(self._number(name, entry, minimum, maximum) for entry in entries)

        return self._read(name, _REQUIRED, read)

    def entries(self, name: str, default: Default = _REQUIRED, longest: int = MAX_ENTRIES) -> list[Any] | Default:
        """A list, whose entries are still to be read."""

        def read(value: Any) -> list[Any]:
            if not isinstance(value, list) or len(cast("list[Any]", value)) > longest:
                raise self._wrong(name, value, f"a list of at most {longest} entries")
            return cast("list[Any]", value)

        return self._read(name, default, read)

    def record(self, name: str, default: Default = _REQUIRED) -> dict[str, Any] | Default:
        """An object, whose members are still to be read."""

        def read(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise self._wrong(name, value, "a JSON object")
            return cast("dict[str, Any]", value)

        return self._read(name, default, read)

    def records(self, name: str, longest: int = MAX_ENTRIES) -> list[Fields]:
        """A list of objects."""
        entries = self.entries(name, longest=longest)
        return [Fields(entry, self._refuse, f"{self._name(name).strip()}[{i}]") for i, entry in enumerate(entries)]

    def texts(self, name: str, longest: int = 1000) -> tuple[str, ...]:
        """A list of text."""
        entries: list[Any] = self.entries(name, longest=longest)
        if not all(isinstance(entry, str) and len(entry) <= MAX_TEXT for entry in entries):
            raise self._wrong(name, entries, f"a list of text of at most {MAX_TEXT} characters each")
        return tuple(entries)

    def integers(self, name: str, count: int, minimum: int, maximum: int) -> tuple[int, ...]:
        """A list of exactly `count` whole numbers."""
        numbered = {str(i): entry for i, entry in enumerate(self.entries(name, longest=count))}
        within = Fields(numbered, self._refuse, self._name(name).strip())
        return tuple(within.integer(str(i), minimum, maximum) for i in range(count))

    def within(self, name: str) -> Fields:
        """The members of an object that is a member."""
        return Fields(self.record(name), self._refuse, f"{self._what}.{name}" if self._what else name)

    def equals(self, name: str, value: object) -> bool:
        """Whether a member has this very value."""
        found = self._record.get(name)
        return type(found) is type(value) and found == value

    def names(self) -> list[str]:
        return list(self._record)

    def _read(self, name: str, default: Default, read: Callable[[Any], Value]) -> Value | Default:
        value = self._record.get(name)
        if value is None:
            if default is _REQUIRED:
                raise self._refuse(f"{self._name(name)}is missing")
            return default
        return read(value)

    def _number(self, name: str, value: Any, minimum: float, maximum: float) -> float:
        fine = isinstance(value, int | float) and not isinstance(value, bool) and minimum <= value <= maximum
        if not fine or not math.isfinite(value):
            raise self._wrong(name, value, f"a number from {minimum:g} to {maximum:g}")
        return float(value)

    def _wrong(self, name: str, value: Any, expected: str) -> UserError:
        return self._refuse(f"{self._name(name)}is {shown(value)}, not {expected}")

    def _name(self, name: str) -> str:
        whole = f"{self._what}.{name}" if self._what and name else self._what or name or "it"
        return f"{whole} "


def shown(value: Any) -> str:
    """A value as it may stand in a message: short, and without control characters or lone surrogates."""
    if isinstance(value, list | dict):
        return f"a list of {len(value)}" if isinstance(value, list) else "an object"  # pyright: ignore[reportUnknownArgumentType]
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
