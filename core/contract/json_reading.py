"""Parses JSON of others: its size, depth and number of values are limited before anything is built of it.

`json.loads` alone accepts NaN, numbers that overflow and duplicate names, and deep nesting makes it exhaust the stack.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class JsonLimits:
    """How large a JSON document may be."""

    size: int = 16 << 20
    """Bytes."""
    depth: int = 32
    """Objects and lists within each other."""
    values: int = 2_000_000
    """Strings, separators and brackets: at most a few times the number of values."""
    text: int = 1 << 20
    """Characters of one string."""
    surrogates: bool = False
    """Whether strings may hold lone surrogates, as names of files that are not UTF-8 do in Python."""


JSON_LIMITS = JsonLimits()
_DIGITS = 24
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


def parse_json(data: bytes | str, limits: JsonLimits = JSON_LIMITS) -> Any:
    """The value of a JSON document. ValueError, whose text says what is wrong, for one that is not valid or too large.

    Not valid are also NaN and Infinity, numbers that a float cannot hold, and an object with two members of one name.
    """
    if len(data) > limits.size:
        raise ValueError(f"it has {len(data)} bytes, more than the {limits.size} that are allowed")
    text = data if isinstance(data, str) else data.decode("utf-8-sig")
    _check_structure(text, limits)
    try:
        value = json.loads(
            text,
            parse_float=_parse_float,
            parse_int=_parse_int,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except RecursionError as error:  # pragma: no cover: the depth is checked above
        raise ValueError("it is nested too deeply") from error
    if not limits.surrogates:
        _check_unicode(text, value)
    return value


def _check_structure(text: str, limits: JsonLimits) -> None:
    depth = values = 0
    for match in _TOKENS.finditer(text):
        token = match[0]
        values += 1
        if values > limits.values:
            raise ValueError(f"it has more than {limits.values} values")
        if token[0] == '"':
            if len(token) > limits.text + 2:
                raise ValueError(f"it has a text of {len(token)} characters")
            continue
        depth += (token in "[{") - (token in "]}")
        if depth > limits.depth:
            raise ValueError(f"it is nested more than {limits.depth} levels deep")


def _check_unicode(text: str, value: Any) -> None:
    if "\\u" in text or not text.isascii():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError("it has a text that is not valid Unicode") from error


def _parse_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:_DIGITS]} is too large")
    return value


def _parse_int(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"the number {text[:_DIGITS]}... is too large")
    return int(text)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _object(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(members)
    if len(record) != len(members):
        names = [name for name, _ in members]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has two members of the name {twice[:80]!r}")
    return record
