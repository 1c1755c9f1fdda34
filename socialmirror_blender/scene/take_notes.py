"""The animator's names and notes of takes, kept on the collection, and what a take is like in a plain sentence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import bpy

from ...core.contract.json_reading import parse_json
from ...core.contract.reconstruction import Take
from .names import TAKE_NOTES_PROPERTY

_TOUCHING = 20.0
"""Millimetres between the regions of contacts up to which they count as touching."""
_THROUGH = 10.0
"""Millimetres from which on it is said how deep the two are in each other."""


@dataclass(frozen=True)
class TakeNote:
    name: str = ""
    note: str = ""


def take_note(collection: bpy.types.Collection, take: str) -> TakeNote:
    record = _stored(collection).get(take)
    if not isinstance(record, dict):
        return TakeNote()
    fields = cast("dict[str, Any]", record)
    return TakeNote(str(fields.get("name", "")), str(fields.get("note", "")))


def take_name(collection: bpy.types.Collection, take: str) -> str:
    """The animator's name of a take, otherwise its id."""
    return take_note(collection, take).name or take


def set_take_note(collection: bpy.types.Collection, take: str, note: TakeNote) -> None:
    """Remember an animator's name and note of a take; empty ones are forgotten."""
    stored = _stored(collection)
    stored.pop(take, None)
    if note != TakeNote():
        stored[take] = {"name": note.name, "note": note.note}
    collection[TAKE_NOTES_PROPERTY] = json.dumps(stored)


def take_sentence(take: Take, takes: Sequence[Take]) -> str:
    """What a take is like beside the others: `closest to the clip, they touch, intersecting by 2 cm`."""
    if take.scores is None:
        return "not measured"
    parts: list[str] = []
    scores = [each.scores for each in takes if each.scores is not None]
    if len(scores) > 1 and take.scores.reprojection == min(each.reprojection for each in scores):
        parts.append("closest to the clip")
    if len(scores) > 1 and take.scores.acceleration == min(each.acceleration for each in scores):
        parts.append("smoothest")
    if take.scores.contact is not None:
        gap = take.scores.contact
        parts.append("they touch" if gap <= _TOUCHING else f"contacts {gap / 10:.0f} cm apart")
    deep = take.scores.penetration
    parts.append(f"intersecting by {deep / 10:.0f} cm" if deep >= _THROUGH else "not intersecting")
    return ", ".join(parts)


def _stored(collection: Any) -> dict[str, Any]:
    try:
        found: Any = parse_json(collection.get(TAKE_NOTES_PROPERTY, "{}"))
    except (AttributeError, TypeError, ValueError):
        return {}  # nobody but a stranger wrote that
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
