"""All there is to the keyframes of an F-curve as arrays, and copies of whole F-curves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from .. import compat
from .fcurves import deselect

Keys = dict[str, np.ndarray]
"""Attributes of n keyframes by their names in Blender: `co` and handles are [n,2], all others [n].

Attributes that are missing have the value of a new keyframe (see `whole_keys`); Blender computes automatic handles itself.
"""

OWN_KEYFRAME = "KEYFRAME"
"""The type of an ordinary keyframe, which is the animator's."""

_POINTS = ("co", "handle_left", "handle_right")
_ENUMS = ("interpolation", "easing", "type", "handle_left_type", "handle_right_type")
_NUMBERS = ("back", "amplitude", "period")
_NEW = {
    "interpolation": "BEZIER",
    "easing": "AUTO",
    "type": OWN_KEYFRAME,
    "handle_left_type": "AUTO_CLAMPED",
    "handle_right_type": "AUTO_CLAMPED",
}
"""What `keyframe_points.add` makes, whatever the user prefers."""
_LOOKS = ("extrapolation", "mute", "lock", "hide", "auto_smoothing", "color_mode")


@dataclass(frozen=True)
class CurveCopy:
    """A whole F-curve, apart from where it is."""

    keys: Keys
    group: str
    look: dict[str, Any]
    modifiers: tuple[tuple[str, dict[str, Any]], ...]
    """Type and properties of each."""


def read_places(curve: Any) -> tuple[np.ndarray, np.ndarray]:
    """Only frames and values [n,2] of the keyframes, and their types [n]."""
    places = np.empty(2 * len(curve.keyframe_points), dtype=np.float32)
    curve.keyframe_points.foreach_get("co", places)
    return places.reshape(-1, 2), read_types(curve)


def read_types(curve: Any) -> np.ndarray:
    """The types [n] of the keyframes alone."""
    types = np.empty(len(curve.keyframe_points), dtype=np.int32)
    curve.keyframe_points.foreach_get("type", types)
    return types


def read_keys(curve: Any) -> Keys:
    points = curve.keyframe_points
    keys: Keys = {}
    for names, width, kind in ((_POINTS, 2, np.float32), (_ENUMS, 1, np.int32), (_NUMBERS, 1, np.float32)):
        for name in names:
            values = np.empty(len(points) * width, dtype=kind)
            points.foreach_get(name, values)
            keys[name] = values.reshape(-1, 2) if width == 2 else values
    return keys


def write_keys(curve: Any, keys: Keys) -> None:
    """Replace all keyframes of an F-curve by these, in the order of their frames and not selected."""
    frames = keys["co"][:, 0]
    if (np.diff(frames) < 0).any():
        keys = select_keys(keys, np.argsort(frames, kind="stable"))
    points = curve.keyframe_points
    points.clear()
    points.add(len(frames))
    for name, values in keys.items():
        points.foreach_set(name, values.ravel())
    deselect(points)
    curve.update()


def whole_keys(keys: Keys) -> Keys:
    """The keyframes with every attribute."""
    count = len(keys["co"])
    whole: Keys = {name: keys["co"].copy() for name in _POINTS}
    for name, item in _NEW.items():
        whole[name] = np.full(count, compat.enum_value(bpy.types.Keyframe, name, item), dtype=np.int32)
    return whole | {name: np.zeros(count, dtype=np.float32) for name in _NUMBERS} | keys


def holds_keys(curve: Any, keys: Keys) -> bool:
    """Whether an F-curve has just these keyframes, as far as the attributes that are given."""
    points = curve.keyframe_points
    if len(points) != len(keys["co"]):
        return False
    for name, values in keys.items():
        there = np.empty(values.size, dtype=values.dtype)
        points.foreach_get(name, there)
        if not np.array_equal(there, values.ravel()):
            return False
    return True


def select_keys(keys: Keys, rows: np.ndarray) -> Keys:
    """The keyframes at these indices, or where a mask is true."""
    return {name: values[rows] for name, values in keys.items()}


def join_keys(first: Keys, second: Keys) -> Keys:
    """Both, in the order of their frames."""
    if first.keys() != second.keys():
        first, second = whole_keys(first), whole_keys(second)
    joined = {name: np.concatenate([values, second[name]]) for name, values in first.items()}
    return select_keys(joined, np.argsort(joined["co"][:, 0], kind="stable"))


def move_keys(keys: Keys, to_frame: Callable[[np.ndarray], np.ndarray]) -> Keys:
    """The keyframes at other frames, given by a monotonic function of arrays. Whole frames stay whole.

    Of keyframes that come to lie on one frame, the last one stays.
    """
    moved = {name: values.copy() for name, values in keys.items()}
    frames = keys["co"][:, 0]
    new = to_frame(frames.astype(np.float64))
    new = np.where(frames == np.round(frames), np.round(new), new)
    shift = new - to_frame(frames.astype(np.float64))
    moved["co"][:, 0] = new
    for handle in ("handle_left", "handle_right"):
        if handle in keys:
            moved[handle][:, 0] = to_frame(keys[handle][:, 0].astype(np.float64)) + shift
    stays = np.append(np.diff(moved["co"][:, 0]) > 0, True)
    return select_keys(moved, stays[: len(new)])


def copy_curve(curve: Any) -> CurveCopy:
    modifiers = tuple((modifier.type, _properties(modifier)) for modifier in curve.modifiers)
    look = {name: getattr(curve, name) for name in _LOOKS}
    if curve.color_mode == "CUSTOM":
        look["color"] = tuple(curve.color)
    return CurveCopy(read_keys(curve), curve.group.name if curve.group else "", look, modifiers)


def paste_curve(channelbag: Any, path: str, index: int, copy: CurveCopy) -> None:
    """Write a copy to the F-curve with this path and index, which is made if it is missing."""
    curve = channelbag.fcurves.find(path, index=index) or channelbag.fcurves.new(path, index=index)
    write_keys(curve, copy.keys)
    if copy.group and curve.group is None:
        curve.group = channelbag.groups.get(copy.group) or channelbag.groups.new(copy.group)
    paste_look(curve, copy)
    curve.update()


def paste_look(curve: Any, copy: CurveCopy) -> None:
    """Give an F-curve the settings and modifiers of a copy, in place of its own."""
    for name, value in copy.look.items():
        setattr(curve, name, value)
    for modifier in list(curve.modifiers):
        curve.modifiers.remove(modifier)
    for kind, properties in copy.modifiers:
        modifier = curve.modifiers.new(kind)
        for name, value in properties.items():
            setattr(modifier, name, value)


def _properties(modifier: Any) -> dict[str, Any]:
    """Values of the settings of a modifier, in an order in which they can be set."""
    values: dict[str, Any] = {}
    for prop in modifier.bl_rna.properties:
        if not prop.is_readonly and prop.type in ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM"):
            value = getattr(modifier, prop.identifier)
            values[prop.identifier] = tuple(value) if getattr(prop, "is_array", False) else value
    return values
