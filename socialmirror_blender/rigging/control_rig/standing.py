"""Lets the IK feet of a control rig stand still where the list of feet locks them, and eases them in and out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np

from ... import compat
from ...scene.fcurves import evaluate_fcurves, location_path, property_path, rotation_path
from ...scene.keyframes import Keys, join_keys, read_keys, select_keys, whole_keys, write_keys
from ...scene.rotations import make_sign_continuous

EASE = 0.2
"""Seconds before and after a lock in which the foot comes to its place and leaves it."""
_NO_ROTATION = np.array([1.0, 0.0, 0.0, 0.0])


def ik_share(controls: Any, limb: str, first: int, last: int) -> tuple[float, float]:
    """The least and the most that a limb follows its IK controls, from 0 to 1, in scene frames from `first` to `last`."""
    channelbag: Any = compat.channelbag_of(controls)
    switch = None if channelbag is None else channelbag.fcurves.find(property_path(limb))
    values = [controls[limb]] if switch is None else [switch.evaluate(frame) for frame in range(first, last + 1)]
    return min(values), max(values)


def lock_foot(controls: Any, side: str, spans: Sequence[tuple[int, int]], frame_rate: float) -> None:
    """Key the IK control of the left or right foot so that it stands still in spans of scene frames (first, last).

    It stands where it is on the average of the span. Frames of a span and of its eases get straight keyframes; where an ease lies
    on a curve, the curve gets them up to its ends, so that it keeps its shape. All other keyframes stay as they are.
    """
    channelbag: Any = compat.channelbag_of(controls)
    name = f"{side}_foot.ik"
    ease = max(1, round(EASE * frame_rate))
    for path, default in ((location_path(name), np.zeros(3)), (rotation_path(name), _NO_ROTATION)):
        found = [channelbag.fcurves.find(path, index=index) for index in range(len(default))]
        curves = [(index, curve, read_keys(curve)) for index, curve in enumerate(found) if curve is not None]
        keyed = np.concatenate([keys["co"][:, 0] for _, _, keys in curves] or [np.zeros(0)])
        if not len(keyed):
            continue
        windows = _merged(
            (
                min(_straight_until(keys, max(first - ease, keyed.min()), before=True) for _, _, keys in curves),
                max(_straight_until(keys, min(last + ease, keyed.max()), before=False) for _, _, keys in curves),
            )
            for first, last in spans
            if first <= keyed.max() and last >= keyed.min()
        )
        if not windows:
            continue
        whole = [np.arange(np.ceil(first), np.floor(last) + 1) for first, last in windows]
        frames = np.unique(np.concatenate([*whole, keyed[_inside(keyed, windows)]]))
        values = evaluate_fcurves(channelbag, path, frames, default)
        held = held_still(frames, make_sign_continuous(values) if len(default) == 4 else values, spans, ease)
        if len(default) == 4:
            held /= np.linalg.norm(held, axis=-1, keepdims=True)
            held *= np.where((held * values).sum(-1, keepdims=True) < 0, -1.0, 1.0)  # as the keyframes beside them
        for index, curve, keys in curves:
            _write_straight(curve, keys, frames, held[:, index], windows)


def _merged(windows: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Windows of frames that do not overlap."""
    merged: list[tuple[float, float]] = []
    for first, last in sorted(windows):
        if merged and first <= merged[-1][1]:
            start, end = merged.pop()
            first, last = start, max(end, last)
        merged.append((first, last))
    return merged


def _straight_until(keys: Keys, frame: float, *, before: bool) -> float:
    """The frame, or where it lies on a curve between two keyframes, the one of these before or after it."""
    frames = keys["co"][:, 0]
    row = int(np.searchsorted(frames, frame, side="right")) - 1
    if row < 0 or row == len(frames) - 1 or frames[row] == frame or keys["interpolation"][row] == _linear():
        return float(frame)
    return float(frames[row] if before else frames[row + 1])


def _write_straight(
    curve: Any, keys: Keys, frames: np.ndarray, values: np.ndarray, windows: Sequence[tuple[float, float]]
) -> None:
    """Give an F-curve straight keyframes with values [S] at frames [S], in place of those in windows of frames.

    Beside a window the curve keeps its shape: the handles there are no longer automatic.
    """
    places = keys["co"][:, 0]
    inside = _inside(places, windows)
    rows = np.searchsorted(frames, places[inside])
    new = whole_keys({"co": np.stack([frames, values], -1).astype(np.float32)})
    new["interpolation"][:] = _linear()
    for name in set(keys) - {"co", "interpolation", "handle_left", "handle_right"}:
        new[name][rows] = keys[name][inside]
    for name in ("handle_left", "handle_right"):
        new[name][rows] = keys[name][inside] + (new["co"][rows] - keys["co"][inside])
    last = np.isin(frames[rows], [end for _, end in windows])
    new["interpolation"][rows[last]] = keys["interpolation"][inside][last]
    joined = join_keys(select_keys(keys, ~inside), new)
    _free_handles_beside(joined, windows)
    write_keys(curve, joined)


def _free_handles_beside(keys: Keys, windows: Sequence[tuple[float, float]]) -> None:
    """Let handles of curves at the ends of windows, and of the keyframes next to them, stay where they are."""
    places, curved = keys["co"][:, 0], keys["interpolation"] != _linear()
    free = compat.enum_value(bpy.types.Keyframe, "handle_left_type", "FREE")
    for first, last in windows:
        start, end = np.searchsorted(places, first), np.searchsorted(places, last, side="right") - 1
        for row in (start - 1, start, end, end + 1):
            if 0 <= row < len(places) and (curved[row] or (row and curved[row - 1])):
                keys["handle_left_type"][row] = keys["handle_right_type"][row] = free


def _inside(frames: np.ndarray, windows: Sequence[tuple[float, float]]) -> np.ndarray:
    """Which frames [n] lie in one of the windows."""
    return np.any([(frames >= first) & (frames <= last) for first, last in windows], 0)


def _linear() -> int:
    return compat.enum_value(bpy.types.Keyframe, "interpolation", "LINEAR")


def held_still(frames: np.ndarray, values: np.ndarray, spans: Sequence[tuple[int, int]], ease: int) -> np.ndarray:
    """Values [S,n] at frames [S] that are constant in spans, and move to it and from it over `ease` frames.

    Outside of a span the difference that its end needs fades out as a cosine; where two spans are nearer than two eases, both
    differences count by their shares.
    """
    result = values.copy()
    inside = np.zeros(len(frames), dtype=bool)
    shift, share = np.zeros_like(values), np.zeros(len(frames))
    for first, last in spans:
        rows = (frames >= first) & (frames <= last)
        if not rows.any():
            continue
        place = values[rows].mean(0)
        result[rows] = place
        inside |= rows
        before, after = np.flatnonzero(rows)[[0, -1]]
        for end, away in ((before, first - frames), (after, frames - last)):
            fade = np.where((away > 0) & (away <= ease), 0.5 + 0.5 * np.cos(np.pi * away / (ease + 1)), 0.0)
            shift += fade[:, None] * (place - values[end])
            share += fade
    outside = ~inside
    result[outside] += shift[outside] / np.maximum(share[outside], 1)[:, None]
    return result
