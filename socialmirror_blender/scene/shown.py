"""Whether the view layer shows what is to be worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from ...core.contract.errors import UserError


def require_shown(
    layer: bpy.types.ViewLayer, collection: bpy.types.Collection | None, items: Iterable[bpy.types.Object]
) -> None:
    """UserError `hidden` if the collection is hidden or excluded, or if objects are excluded."""
    root: Any = layer.layer_collection
    if collection is not None and not any(
        entry.is_visible for entry in _entries(root) if entry.collection == collection
    ):
        raise _hidden(collection.name)
    there = set(layer.objects)
    for item in items:
        if item not in there:
            holders = [each.name for each in item.users_collection]
            raise _hidden(holders[0] if holders else item.name)


def _entries(entry: Any) -> Iterator[Any]:
    """A collection's entry in the Outliner, and those below it."""
    yield entry
    for child in entry.children:
        yield from _entries(child)


def _hidden(name: str) -> UserError:
    return UserError(
        "hidden",
        f"{name!r} is hidden, or excluded from the view layer.",
        "Enable the collection in the Outliner first: its check mark, eye and monitor, and those of the collections it lies in.",
    )
