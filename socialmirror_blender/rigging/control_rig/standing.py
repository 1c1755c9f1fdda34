"""Lets the IK feet of a control rig stand still where the list of feet locks them, and eases them in and out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import compat
from ...scene.fcurves import evaluate_fcurves, location_path, rotation_path, write_fcurves
from ...scene.rotations import make_sign_continuous

EASE = 0.2
"""Seconds before and after a lock in which the foot comes to its place and leaves it."""
_NO_ROTATION = np.array([1.0, 0.0, 0.0, 0.0])


def lock_foot(controls: Any, side: str, spans: Sequence[tuple[int, int]], frame_rate: float) -> None:
    """Key the IK control of the left or right foot so that it stands still in spans of scene frames (first, last).

    It stands where it is on the average of the span. Frames of a span and of its eases get keyframes if they have none.
    """
    channelbag: Any = compat.channelbag_of(controls)
    name = f"{side}_foot.ik"
    for path, default in ((location_path(name), np.zeros(3)), (rotation_path(name), _NO_ROTATION)):
        curves = [channelbag.fcurves.find(path, index=index) for index in range(len(default))]
        keyed = [point.co.x for curve in curves if curve is not None for point in curve.keyframe_points]
        if not keyed:
            continue
        ease = max(1, round(EASE * frame_rate))
        added = [np.arange(max(first - ease, min(keyed)), min(last + ease, max(keyed)) + 1) for first, last in spans]
        frames = np.unique(np.concatenate([keyed, *added]))
        values = evaluate_fcurves(channelbag, path, frames, default)
        is_rotation = len(default) == 4
        held = held_still(frames, make_sign_continuous(values) if is_rotation else values, spans, ease)
        if is_rotation:
            held /= np.linalg.norm(held, axis=-1, keepdims=True)
        write_fcurves(channelbag, path, frames, held)


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
