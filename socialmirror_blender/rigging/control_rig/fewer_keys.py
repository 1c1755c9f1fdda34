"""Removes keys of controls that their neighbours replace, and leaves all others as the animator has them."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ... import compat
from ...scene.fcurves import location_path, rotation_path
from ...scene.keyframes import OWN_KEYFRAME, Keys, read_keys, select_keys, write_keys
from .reduction import kept_frames


def reduce_keys(controls: Any, metres: float, radians: float) -> tuple[int, int]:
    """Remove keys of controls that straight interpolation between the others replaces within a tolerance: before and after.

    Keys that curves lead to or from, and those with a type of the animator's (Breakdown, Extreme), stay.
    """
    channelbag: Any = compat.channelbag_of(controls)
    before = after = 0
    if channelbag is None:
        return 0, 0
    for bone in controls.pose.bones:
        channels = ((rotation_path(bone.name), 4, radians / 2), (location_path(bone.name), 3, metres))
        together: dict[bytes, list[tuple[Any, Keys, float]]] = {}
        for path, size, tolerance in channels:
            for index in range(size):
                curve = channelbag.fcurves.find(path, index=index)
                if curve is not None and len(curve.keyframe_points):
                    keys = read_keys(curve)
                    together.setdefault(keys["co"][:, 0].tobytes(), []).append((curve, keys, tolerance))
        for group in together.values():
            frames = group[0][1]["co"][:, 0].astype(np.float64)
            values = np.stack([keys["co"][:, 1] / tolerance for _, keys, tolerance in group], -1)
            fixed = np.any([_is_fixed(curve, keys) for curve, keys, _ in group], 0)
            rows = kept_frames(frames, values, fixed)
            before += len(frames) * len(group)
            after += len(rows) * len(group)
            for curve, keys, _ in group if len(rows) < len(frames) else ():
                write_keys(curve, select_keys(keys, rows))
    return before, after


def _is_fixed(curve: Any, keys: Keys) -> np.ndarray:
    """Which keyframes [n] of an F-curve have to stay whatever the others are."""
    if curve.lock:
        return np.ones(len(keys["co"]), dtype=bool)
    curved = keys["interpolation"] != compat.enum_value(bpy.types.Keyframe, "interpolation", "LINEAR")
    fixed = keys["type"] != compat.enum_value(bpy.types.Keyframe, "type", OWN_KEYFRAME)
    for shift in (-1, 0, 1, 2):  # both ends, and the keys beside them, on which automatic handles depend
        rows = np.flatnonzero(curved) + shift
        fixed[rows[(rows >= 0) & (rows < len(fixed))]] = True
    return fixed
