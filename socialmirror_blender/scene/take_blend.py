"""Blends another take into the shown one over a range of frames, as keyframes of the animator that lie over the take."""

from __future__ import annotations

from dataclasses import replace

import bpy
import numpy as np

from .. import compat
from .actions import mark_of_take, polish_of, rekey
from .keyframes import OWN_KEYFRAME, Keys, join_keys, select_keys
from .polish import is_at, take_keys
from .rotations import slerp
from .take_values import CHANNELS, COLUMNS, TakeValues


def blend_weights(frames: np.ndarray, first: int, last: int, ease: int) -> np.ndarray:
    """[S] in 0-1: 1 from `first` to `last`, and rising and falling smoothly over `ease` frames inside of both ends."""
    inside = np.minimum(frames - first, last - frames) + 1.0
    rising = np.clip(inside / (ease + 1.0), 0, 1)
    return rising * rising * (3 - 2 * rising)


def blended_values(own: TakeValues, other: TakeValues, weights: np.ndarray) -> np.ndarray:
    """Values [S,C] of two takes at the same frames: rotations by slerp on the side of `own`, locations linearly."""
    values = own.values.astype(np.float64)
    for _, path, size in CHANNELS:
        columns = [COLUMNS[path, index] for index in range(size)]
        mine, theirs = own.values[:, columns].astype(np.float64), other.values[:, columns].astype(np.float64)
        if size == 4:
            theirs *= np.where((mine * theirs).sum(1, keepdims=True) < 0, -1, 1)
            values[:, columns] = slerp(mine, theirs, weights)
        else:
            values[:, columns] = mine + weights[:, None] * (theirs - mine)
    return values


def blend_into_take(rig: bpy.types.Object, other: TakeValues, weights: np.ndarray) -> int:
    """Key an armature with a blend where the weights [S] of the other take are above 0; returns at how many frames.

    The keyframes are the animator's: they lie over every take, are listed with theirs, and can be given back.
    """
    mark = mark_of_take(rig)
    if mark is None or not np.array_equal(mark.own.frames, other.frames):
        return 0
    rows = weights > 0
    frames = mark.own.frames[rows]
    if not len(frames):
        return 0
    values = blended_values(mark.own, other, weights)[rows]
    polish = polish_of(rig)
    types = np.full(len(frames), compat.enum_value(bpy.types.Keyframe, "type", OWN_KEYFRAME), dtype=np.int32)
    keys: dict[tuple[str, int], Keys] = dict(polish.keys)
    for curve, column in COLUMNS.items():
        new = take_keys(frames, values[:, column], types)
        if curve in keys:  # what was keyed there before gives way
            outside = ~is_at(keys[curve]["co"][:, 0], frames)
            new = join_keys(select_keys(keys[curve], outside), new)
        keys[curve] = new
    rekey(rig, mark, replace(polish, keys=keys, mark=mark))
    return len(frames)
