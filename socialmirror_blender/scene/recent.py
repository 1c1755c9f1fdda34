"""Values that panels and overlays ask for whenever they are drawn, and that may be a little old."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar
from weakref import WeakSet

Value = TypeVar("Value")

_all: WeakSet[Recent[Any]] = WeakSet()


class Recent(Generic[Value]):
    """Values that are used again for some seconds after they were computed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._found: dict[Hashable, tuple[float, Value]] = {}
        _all.add(self)

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        found = self._found.get(key)
        if found is None or time.monotonic() - found[0] > self._seconds:
            value = compute()
            found = (time.monotonic(), value)
            self._found[key] = found
        return found[1]

    def forget(self) -> None:
        """Let the next values be of now."""
        self._found.clear()


def forget_recent() -> None:
    """Let all values be of now: the file is as it was at another time."""
    for each in _all:
        each.forget()
