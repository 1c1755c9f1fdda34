"""F-curves with many keyframes at once: reading and writing them, and the paths of what they animate."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from .. import compat


def rotation_path(bone: str) -> str:
    return f'pose.bones["{bone}"].rotation_quaternion'


def location_path(bone: str) -> str:
    return f'pose.bones["{bone}"].location'


def scale_path(bone: str) -> str:
    return f'pose.bones["{bone}"].scale'


def property_path(name: str) -> str:
    """Path of a custom property."""
    return f'["{name}"]'


def write_fcurves(
    channelbag: Any,
    path: str,
    frames: np.ndarray,
    values: np.ndarray,
    *,
    keyframe_types: np.ndarray | None = None,
    group: Any = None,
    interpolation: str = "LINEAR",
) -> None:
    """F-curves with keyframes at scene frames [S], one for every array index of values [S,n], in place of earlier ones.

    `keyframe_types` [S] are numbers of `compat.enum_value`; if None the keyframes are ordinary ones.
    """
    for index in range(values.shape[1]):
        # an F-curve that exists is used again: a group that loses its last one is removed
        curve = channelbag.fcurves.find(path, index=index) or channelbag.fcurves.new(path, index=index)
        if group is not None and curve.group is None:
            curve.group = group
        points = curve.keyframe_points
        points.clear()
        points.add(len(frames))
        points.foreach_set("co", np.stack([frames, values[:, index]], -1).astype(np.float32).ravel())
        number = compat.enum_value(bpy.types.Keyframe, "interpolation", interpolation)
        points.foreach_set("interpolation", np.full(len(frames), number, dtype=np.int32))
        deselect(points)
        if keyframe_types is not None:
            points.foreach_set("type", keyframe_types)
        curve.update()


def deselect(points: Any) -> None:
    """Deselect keyframes with their handles. New ones are selected: one slip in the dope sheet would move all of them."""
    for part in ("select_control_point", "select_left_handle", "select_right_handle"):
        points.foreach_set(part, np.zeros(len(points), dtype=bool))


def evaluate_fcurves(channelbag: Any, path: str, frames: np.ndarray, default: np.ndarray) -> np.ndarray:
    """Values [S,n] at scene frames [S] of the F-curves with this path; where there is none, its element of `default` [n]."""
    values = np.tile(default.astype(np.float64), (len(frames), 1))
    for index in range(len(default)):
        curve = channelbag.fcurves.find(path, index=index)
        if curve is not None:
            values[:, index] = [curve.evaluate(frame) for frame in frames]
    return values
