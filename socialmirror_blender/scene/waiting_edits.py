"""Which of the animator's edits the shown take was not made with, so that the panel can ask for Refine."""

from __future__ import annotations

import json
import zlib
from typing import Any, cast

import bpy

from ...core.contract.errors import UserError
from ...core.contract.json_reading import parse_json
from .contact_edits import imported_contacts
from .correction_state import correction_of
from .edits import read_edits
from .names import REFINED_EDITS_PROPERTY
from .recent import Recent
from .state import read_state

_counts: Recent[int] = Recent(seconds=1.0)
"""By the import's identity and its take."""


def count_waiting_edits(collection: bpy.types.Collection) -> int:
    """How many contacts and joints the animator has edited since the shown take was made, and the camera. May be a second old."""
    state = read_state(collection)
    return _counts.get((state.id, state.take), lambda: _count_now(collection))


def forget_count() -> None:
    """Let the next count be of now."""
    _counts.forget()


def edit_marks(collection: bpy.types.Collection) -> dict[str, int]:
    """For all that is edited besides contacts, a number that changes with what is wanted of it. UserError as `read_edits`."""
    return _marks(read_edits(collection).to_json())


def remember_refined(collection: bpy.types.Collection, edits: dict[str, Any], before: dict[str, int]) -> None:
    """Note that the shown take was made with these edits, the JSON of `Edits`.

    `before` are the marks before the take was shown. Where they are those of the edits, nothing was edited meanwhile, and what
    the take makes of an edit counts as the edit: it holds a pin nearly, not exactly.
    """
    asked, now = _marks(edits), edit_marks(collection)
    stored = _stored(collection)
    stored[read_state(collection).take] = {
        key: now.get(key, mark) if before.get(key) == mark else mark for key, mark in asked.items()
    }
    collection[REFINED_EDITS_PROPERTY] = json.dumps(stored)
    forget_count()


def _count_now(collection: bpy.types.Collection) -> int:
    try:
        edits = read_edits(collection).to_json()
    except UserError:  # an armature is missing or damaged, which Refine will say
        return 0
    before = {record["id"]: record for record in imported_contacts(collection) or edits["contacts"]}
    now = {record["id"]: record for record in edits["contacts"]}
    contacts = sum(before.get(key) != now.get(key) for key in before.keys() | now.keys())
    known, marks = _stored(collection).get(read_state(collection).take, {}), _marks(edits)
    camera = int(correction_of(collection).changes)
    return contacts + camera + sum(known.get(key) != marks.get(key) for key in known.keys() | marks.keys())


def _marks(edits: dict[str, Any]) -> dict[str, int]:
    """For every joint with pins, and for all that is edited besides contacts, a number that changes with what is wanted of it."""
    wishes: dict[str, list[str]] = {}
    for name, value in edits.items():
        if name == "contacts" or not isinstance(value, list):
            continue
        for record in cast("list[Any]", value):
            fields = cast("dict[str, Any]", record) if isinstance(record, dict) else {}
            who = [str(fields.get(part)) for part in ("person", "joint")]
            wishes.setdefault(" ".join([name, *who]), []).append(json.dumps(_rounded(record), sort_keys=True))
    return {key: zlib.crc32("\n".join(sorted(values)).encode()) for key, values in wishes.items()}


def _rounded(value: Any) -> Any:
    """Numbers to 4 digits: an F-curve gives back what was keyed only nearly."""
    if isinstance(value, float):
        return round(value, 4) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in cast("dict[str, Any]", value).items()}
    return [_rounded(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _stored(collection: Any) -> dict[str, dict[str, int]]:
    try:
        found: Any = parse_json(collection.get(REFINED_EDITS_PROPERTY, "{}"))
    except (AttributeError, TypeError, ValueError):
        return {}
    whole = isinstance(found, dict) and all(isinstance(each, dict) for each in cast("dict[str, Any]", found).values())
    return cast("dict[str, dict[str, int]]", found) if whole else {}
